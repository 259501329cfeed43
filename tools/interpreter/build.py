"""OpenSSL, zlib and CPython, compiled with zig into one executable that needs nothing but glibc.

Each build is a cross build, so its result depends neither on the machine nor on the folder.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tools.interpreter.sources import SOURCES, unpack

GLIBC = "2.26"
"""That of Amazon Linux 2; Amazon Linux 2023 has 2.34."""

PROCESSORS = {"arm64": "aarch64", "x86_64": "x86_64"}
"""The processors as GNU and zig name them."""

# What TLS 1.2 and 1.3 to a log destination never use.
_OPENSSL_WITHOUT = (
    *("shared", "module", "dso", "engine", "legacy", "tests", "apps", "docs", "comp", "dtls"),
    *("quic", "cmp", "cms", "ct", "ts", "srp", "gost", "sm2", "sm3", "sm4", "aria", "camellia"),
    *("seed", "idea", "bf", "cast", "rc2", "rc4", "md4", "mdc2", "rmd160", "whirlpool", "ml-dsa"),
    *("slh-dsa", "ui-console", "zlib", "ssl3", "tls1", "tls1_1", "dsa", "ocb", "siphash"),
    *("multiblock", "afalgeng", "capieng", "rfc3779"),
)

# Setup.local's lines: a module, its sources, its libraries. `socket` needs unicodedata for names.
_MODULES = """
    _bisect _bisectmodule.c
    _blake2 _blake2/blake2module.c _blake2/blake2b_impl.c _blake2/blake2s_impl.c
    _datetime _datetimemodule.c
    _hashlib _hashopenssl.c -lcrypto
    _heapq _heapqmodule.c
    _json _json.c
    _queue _queuemodule.c
    _random _randommodule.c
    _socket socketmodule.c
    _ssl _ssl.c -lssl -lcrypto
    _struct _struct.c
    array arraymodule.c
    binascii binascii.c -lz
    math mathmodule.c
    select selectmodule.c
    unicodedata unicodedata.c
    zlib zlibmodule.c -lz
"""

# What configure cannot find out by running a program. Amazon Linux has no /dev/ptc.
_SITE = "ac_cv_file__dev_ptmx=yes\nac_cv_file__dev_ptc=no\nac_cv_buggy_getaddrinfo=no\n"


class Build:
    """A build of one processor's interpreter.

    Args:
        architecture: `arm64` or `x86_64`.
        zig: The compiler.
        work: A folder for the sources and what is made of them.
        tarballs: Folders in which the tarballs may be.
    """

    def __init__(self, architecture: str, zig: Path, work: Path, tarballs: Sequence[Path]) -> None:
        self.architecture = architecture
        self._processor = PROCESSORS[architecture]
        self._work = work
        self._tarballs = tarballs
        self._root = work / "root"
        target = f"-target {self._processor}-linux-gnu.{GLIBC}"
        # OpenSSL keeps its flags in the executable, so those with a path are given here.
        flags = f'{target} -fno-sanitize=undefined -ffile-prefix-map="{work}"=.'
        self._wrap("cc", f'"{zig}" cc {flags}')
        self._wrap("ar", f'"{zig}" ar')
        self._wrap("ranlib", f'"{zig}" ranlib')

    def run(self) -> tuple[Path, Path]:
        """Compile; return the executable and CPython's source.

        Raises:
            subprocess.CalledProcessError: A step failed; its log is in the folder.
            SourceError: A tarball has another SHA-256.
        """
        self._openssl()
        self._zlib()
        return self._python()

    def _openssl(self) -> None:
        source = unpack(SOURCES["openssl"], self._tarballs, self._work)
        without = [f"no-{name}" for name in _OPENSSL_WITHOUT]
        self._step(
            source,
            *("./Configure", f"linux-{self._processor}", "--prefix=/", "--libdir=lib"),
            *("--openssldir=/etc/pki/tls", *without, "-Os", "-g0"),
        )
        self._step(source, "make", f"-j{os.cpu_count()}", "build_libs")
        self._step(source, "make", "install_dev", f"DESTDIR={self._root}")

    def _zlib(self) -> None:
        source = unpack(SOURCES["zlib"], self._tarballs, self._work)
        self._step(source, "./configure", "--static", CFLAGS="-O2 -g0")
        self._step(source, "make", "libz.a")
        for folder, names in (("lib", ["libz.a"]), ("include", ["zlib.h", "zconf.h"])):
            for name in names:
                (self._root / folder / name).write_bytes((source / name).read_bytes())

    def _python(self) -> tuple[Path, Path]:
        source = unpack(SOURCES["python"], self._tarballs, self._work)
        (source / "Modules/Setup.local").write_text(f"*static*\n{_MODULES}", encoding="utf-8")
        (source / "config.site").write_text(_SITE, encoding="utf-8")
        self._step(
            source,
            *("./configure", "--build=x86_64-build-linux-gnu"),
            *(
                f"--host={self._processor}-unknown-linux-gnu",
                f"--with-build-python={sys.executable}",
            ),
            *(f"--with-openssl={self._root}", "--prefix=/opt/metric-stream-logs/python"),
            *("--without-ensurepip", "--disable-test-modules", "--without-doc-strings"),
            CONFIG_SITE=f"{source}/config.site",
            CFLAGS="-g0",
            OPT="-DNDEBUG -O2",
            CPPFLAGS=f"-I{self._root}/include",
            LDFLAGS=f"-s -L{self._root}/lib",
            PKG_CONFIG_LIBDIR="/none",  # the machine's libraries are for the machine
        )
        # With its time the same sources would make other bytes.
        built = "-DDATE='\"reproducible\"' -DTIME='\"build\"'"
        self._step(source, "make", f"-j{os.cpu_count()}", "python", f"CPPFLAGS={built}")
        return source / "python", source

    def _wrap(self, name: str, command: str) -> None:
        """Make a command of one word, which each configure script understands."""
        path = self._work / "bin" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'#!/bin/sh\nexec {command} "$@"\n', encoding="utf-8")
        path.chmod(0o755)

    def _step(self, folder: Path, *command: str, **variables: str) -> None:
        log = self._work / "build.log"
        env = {
            "PATH": f"{self._work}/bin:{os.environ['PATH']}",
            "HOME": str(self._work),
            "SOURCE_DATE_EPOCH": "315532800",
            "ZIG_GLOBAL_CACHE_DIR": str(self._work.parent / "zig"),
            "CC": "cc",
            "AR": "ar",
            "RANLIB": "ranlib",
            **variables,
        }
        print(f"{folder.name}: {command[0]} {command[1]} (log: {log})", flush=True)
        with log.open("ab") as output:
            subprocess.run(command, cwd=folder, env=env, stdout=output, stderr=output, check=True)
