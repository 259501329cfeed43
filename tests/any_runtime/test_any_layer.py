"""The built layer for every runtime; `make check-layer` builds and checks it before a release.

A build takes minutes, so continuous integration tests only its parts, in
`tests/tools/test_interpreter.py`.
"""

import os
import platform
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from testing.lambda_services.extension_process import ExtensionProcess
from testing.lambda_services.services import LambdaServices
from testing.log_destinations.certificates import CertificateAuthority
from testing.log_destinations.logzio import LogzioDestination
from tests.extension_process.running import messages, settings
from tools.interpreter import elf
from tools.layer import EXECUTABLE

ZIP = Path(os.environ.get("ANY_LAYER", ""))
ARCHITECTURE = ZIP.stem.rpartition("-")[2]
NATIVE = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
LAUNCHER = Path("/opt/extensions") / EXECUTABLE
OLDEST = (2, 26)
"""The glibc of Amazon Linux 2."""

pytestmark = pytest.mark.skipif("ANY_LAYER" not in os.environ, reason="`make check-layer` runs it")
native = pytest.mark.skipif(ARCHITECTURE != NATIVE, reason="built for another processor")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a root with the layer, a shell and the C library, and no other file."""
    folder = tmp_path_factory.mktemp("root")
    with zipfile.ZipFile(ZIP) as archive:
        for entry in archive.infolist():
            path = Path(archive.extract(entry, folder / "opt"))
            path.chmod(entry.external_attr >> 16 & 0o777)
    listed = subprocess.run(["ldd", program("dash")], capture_output=True, text=True, check=True)
    needed = {part for part in listed.stdout.split() if part.startswith("/")}
    libraries = Path(next(name for name in needed if "libc.so" in name)).parent
    needed |= {
        str(path)
        for name in ("m", "pthread", "dl", "util")
        for path in libraries.glob(f"lib{name}.so.?")
    }
    for name in needed:
        target = folder / name.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(name, target)
    for name in ("bin", "dev"):
        (folder / name).mkdir(exist_ok=True)
    (folder / "dev/null").touch()
    shutil.copy(program("dash"), folder / "bin/sh")
    return folder


@pytest.fixture
def inside(root: Path) -> tuple[str, ...]:
    """Return the command that runs another one in the root."""
    as_root = () if os.geteuid() == 0 else (program("unshare"), "--map-root-user")
    return (*as_root, program("chroot"), str(root))


def program(name: str) -> str:
    """Return the path of a program, which may be an administrator's."""
    found = shutil.which(name, path=f"{os.defpath}:/usr/sbin:/sbin")
    assert found, f"{name} is not installed"
    return found


def test_size() -> None:
    """The zip is at most 8 MB."""
    assert ZIP.stat().st_size <= 8_000_000


def test_old_glibc(root: Path) -> None:
    """Its one ELF file is for its processor, and needs no newer glibc than Amazon Linux 2 has."""
    files = [path for path in (root / "opt").rglob("*") if path.is_file()]
    programs = [path for path in files if path.read_bytes()[:4] == b"\x7fELF"]
    assert [elf.machine(path) for path in programs] == [ARCHITECTURE]
    assert elf.glibc_needed(programs[0]) <= OLDEST


@native
def test_ships_logs_without_any_python(inside: tuple[str, ...]) -> None:
    """In a root without a Python it ships the last line of each invocation, and prints nothing."""
    with (
        LogzioDestination() as destination,
        LambdaServices() as services,
        ExtensionProcess(services, LAUNCHER, settings([destination]), python=inside) as run,
    ):
        run.wait_ready()
        for number in range(2):
            services.invoke([f"line {number}"])
        assert run.shutdown().exit_code == 0
        assert run.output == b""
        assert messages(destination) == ["line 0", "line 1"]


@native
def test_tls_without_any_python(root: Path, inside: tuple[str, ...]) -> None:
    """Its own OpenSSL verifies a certificate and refuses one that nobody has signed."""
    authority = CertificateAuthority(root)
    for trust, code, said in (
        (f"/{authority.file.name}", 0, "logzio: ok"),
        ("/none", 1, "certificate"),
    ):
        with LogzioDestination(tls=authority.server()) as destination:
            done = subprocess.run(
                [*inside, LAUNCHER, "--health-check"],
                env={**settings([destination]), "SSL_CERT_FILE": trust},
                capture_output=True,
                text=True,
                check=False,
            )
        assert (done.returncode, done.stderr) == (code, "")
        assert said in done.stdout
