"""The parts of the build of the layer for every runtime; the build itself takes minutes."""

import hashlib
import io
import struct
import subprocess
import sys
import sysconfig
import tarfile
from pathlib import Path

import pytest

from tools.interpreter import elf
from tools.interpreter.library import needed, write
from tools.interpreter.sources import SOURCES, Source, SourceError, unpack
from tools.layer import PROJECT

LIBRARY = Path(sysconfig.get_path("stdlib"))
REALLY_IMPORTED = """
import sys
sys.path.insert(0, sys.argv[1])
import extension.main
# As `getaddrinfo` and the limits of Elasticsearch do.
"name".encode("idna"), "name".encode("utf-16-le")
for name, module in list(sys.modules.items()):
    print(name, getattr(module, "__file__", None) or "")
"""


def program(*versions: str, processor: int = 62) -> bytes:
    """Return an ELF file with nothing but the versions that it needs of two libraries."""
    names = b"\0" + b"".join(version.encode() + b"\0" for version in versions)
    needs = b""
    for index in range(2):
        needs += struct.pack(
            "<HHIII", 1, len(versions), 0, 16, 0 if index else 16 * (1 + len(versions))
        )
        for number, version in enumerate(versions):
            step = 16 if number + 1 < len(versions) else 0
            needs += struct.pack("<IHHII", 0, 0, 2, names.index(version.encode()), step)
    section = struct.Struct("<IIQQQQIIQQ")
    table = section.pack(*[0] * 10)
    table += section.pack(0, 3, 0, 0, 64, len(names), 0, 0, 1, 0)
    table += section.pack(0, 0x6FFFFFFE, 0, 0, 64 + len(names), len(needs), 1, 2, 4, 0)
    header = (
        b"\x7fELF\x02\x01"
        + bytes(10)
        + struct.pack("<HHIQQQ", 3, processor, 1, 0, 0, 64 + len(names + needs))
    )
    header += struct.pack("<IHHHHHH", 0, 64, 0, 0, section.size, 3, 1)
    return header + names + needs + table


@pytest.mark.parametrize(
    ("versions", "newest"),
    [
        (("GLIBC_2.2.5", "GLIBC_2.17"), (2, 17)),
        (("GLIBC_2.34", "GLIBC_2.4"), (2, 34)),
        (("GLIBC_2.26", "OPENSSL_3.0.0", "GLIBCXX_3.4"), (2, 26)),
        (("LIBFFI_8.0",), (0, 0)),
    ],
)
def test_needed_glibc(tmp_path: Path, versions: tuple[str, ...], newest: tuple[int, int]) -> None:
    """The newest version counts, compared by numbers, of glibc alone."""
    (file := tmp_path / "program").write_bytes(program(*versions))
    assert elf.glibc_needed(file) == newest


@pytest.mark.parametrize(("number", "name"), [(62, "x86_64"), (183, "arm64"), (243, "243")])
def test_processor(tmp_path: Path, number: int, name: str) -> None:
    """The processor has the name that Lambda gives it."""
    (file := tmp_path / "program").write_bytes(program("GLIBC_2.17", processor=number))
    assert elf.machine(file) == name


def test_no_elf_file(tmp_path: Path) -> None:
    """A script is no ELF file."""
    (file := tmp_path / "script").write_text("#!/bin/sh\n", encoding="utf-8")
    with pytest.raises(ValueError, match="no ELF file"):
        elf.glibc_needed(file)


def test_library_has_all_that_the_extension_imports(tmp_path: Path) -> None:
    """No module of the standard library is missing that the running extension imports."""
    (entry := tmp_path / "entry.py").write_text("import extension.main\n", encoding="utf-8")
    found = needed(entry, LIBRARY, PROJECT)
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", REALLY_IMPORTED, PROJECT],
        capture_output=True,
        text=True,
        check=True,
    )
    modules = [line.split(" ", 1) for line in done.stdout.splitlines()]
    imported = {
        name for name, file in modules if file.startswith(f"{LIBRARY}/") and file.endswith(".py")
    }
    assert {"ssl", "json", "http.client", "encodings.idna"} <= imported
    # Second names of others, and two that `shutil` does without.
    assert imported - found <= {"os.path", "_frozen_importlib_external", "bz2", "lzma"}
    assert not {"asyncio", "unittest", "test", "tkinter", "extension.main"} & found


def test_bytecode_depends_on_the_source_alone(tmp_path: Path) -> None:
    """The same module makes the same bytes in every folder; a package keeps its folder."""
    for folder in ("one", "two"):
        source = tmp_path / folder / "Lib"
        (source / "package").mkdir(parents=True)
        (source / "module.py").write_text('"""Text."""\nx = 1\n', encoding="utf-8")
        (source / "package/__init__.py").write_text("", encoding="utf-8")
        write(["module", "package"], source, tmp_path / folder / "made")
    one, two = (
        {path.name: path.read_bytes() for path in (tmp_path / folder / "made").rglob("*.pyc")}
        for folder in ("one", "two")
    )
    assert one == two
    assert set(one) == {"module.pyc", "__init__.pyc"}
    assert (tmp_path / "one/made/package/__init__.pyc").exists()


@pytest.fixture
def source(tmp_path: Path) -> Source:
    """Return a source whose tarball is a file of this machine."""
    path = tmp_path / "offered" / "project-1.tar.gz"
    path.parent.mkdir()
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo("project-1/LICENSE")
        member.size = 4
        archive.addfile(member, io.BytesIO(b"text"))
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return Source("project-1", path.as_uri(), (sha256,), "LICENSE")


def test_source_is_downloaded_once(source: Source, tmp_path: Path) -> None:
    """What is missing is downloaded; after that the folder has it, under whatever name."""
    tarballs = [tmp_path / "tarballs"]
    assert (unpack(source, tarballs, tmp_path) / "LICENSE").read_text(encoding="utf-8") == "text"
    (tmp_path / "tarballs/project-1.tar.gz").rename(tmp_path / "tarballs/project_1.orig.tar.gz")
    gone = source._replace(url="file:///nowhere")
    assert unpack(gone, tarballs, tmp_path) == tmp_path / "project-1"


def test_source_with_another_hash(source: Source, tmp_path: Path) -> None:
    """A download with another SHA-256 is refused, and not kept."""
    with pytest.raises(SourceError, match=r"project-1\.tar\.gz has the SHA-256"):
        unpack(source._replace(sha256=("0" * 64,)), [tmp_path / "tarballs"], tmp_path)
    assert list((tmp_path / "tarballs").iterdir()) == []


def test_source_that_is_not_offered(source: Source, tmp_path: Path) -> None:
    """Without a network one sentence says what to do."""
    with pytest.raises(SourceError, match=r"cannot be downloaded.*SOURCES"):
        unpack(source._replace(url="file:///nowhere"), [tmp_path / "tarballs"], tmp_path)


def test_pinned_sources() -> None:
    """Each source is pinned by a whole SHA-256, and its URL names the version of its folder."""
    for source in SOURCES.values():
        assert all(len(bytes.fromhex(text)) == 32 for text in source.sha256)
        assert source.url.startswith("https://")
        assert source.folder in source.url
