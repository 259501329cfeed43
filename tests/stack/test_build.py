"""What `make build` puts into the zip: what runs, for the chosen processor, and nothing else."""

import importlib
import io
import re
import zipfile
from pathlib import Path

import pytest

from testing.artifact import RUNTIME_PYTHON, Interpreter, build, runtime_interpreter
from testing.emulator import PROJECT
from tests.support.making import make
from tests.support.stack import Stack, parameters

MAKEFILE = (PROJECT / "Makefile").read_text(encoding="utf-8")
LOCK = (PROJECT / "requirements" / "function.txt").read_text(encoding="utf-8")
ELF_MACHINES = {"x86_64": 62, "arm64": 183}
"""The two bytes at offset 18 of an ELF file, by architecture."""

UNCHECKED_HASH = 0b01
"""The flags of a .pyc file that Python does not compare with its source."""


def locked_names() -> set[str]:
    """Give the packages of the lock, as folders of .dist-info spell them."""
    return {name.replace("-", "_") for name in re.findall(r"^([a-z0-9-]+)==", LOCK, re.MULTILINE)}


@pytest.mark.parametrize("architecture", ELF_MACHINES)
def test_content(tmp_path: Path, architecture: str) -> None:
    """The artifact has code and locked packages, built for this processor, under 10 MB."""
    interpreter = runtime_interpreter()
    folder = build(
        tmp_path / "artifact",
        interpreter or Interpreter(RUNTIME_PYTHON, Path("false")),
        architecture,
        compiled=interpreter is not None,
    )
    files = [path for path in folder.rglob("*") if path.is_file()]
    check_packages(folder)
    check_libraries(folder, files, architecture)
    check_no_paths(tmp_path, files)
    if interpreter:
        check_compiled(files)
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files:
            archive.write(path, path.relative_to(folder))
    assert len(zipped.getvalue()) < 10_000_000


def check_packages(folder: Path) -> None:
    """Every package is locked, and of the project there are three packages, as they are here."""
    installed = {path.name.split("-")[0] for path in folder.glob("*.dist-info")}
    assert installed
    assert installed <= locked_names()
    own = {path.name for path in folder.iterdir()} & {p.name for p in PROJECT.iterdir()}
    assert own - {"__pycache__"} == {"handler", "converters", "replay"}
    for package in ("handler", "converters", "replay"):
        made = {path.relative_to(folder) for path in (folder / package).rglob("*.py")}
        assert made == {path.relative_to(PROJECT) for path in (PROJECT / package).rglob("*.py")}
    unwanted = {"tests", "docs", "events", "testing", "tools", "bin"}
    assert not unwanted & {path.name for path in folder.rglob("*") if path.is_dir()}


def check_libraries(folder: Path, files: list[Path], architecture: str) -> None:
    """Every native library is for the architecture, and for the function's Python."""
    libraries = [path for path in files if ".so" in path.suffixes]
    assert {path.relative_to(folder).parts[0] for path in libraries} >= {"cramjam", "google"}
    for path in libraries:
        header = path.read_bytes()[:20]
        assert header[:4] == b"\x7fELF"
        assert int.from_bytes(header[18:20], "little") == ELF_MACHINES[architecture], path.name
        assert f"cpython-{RUNTIME_PYTHON.replace('.', '')}" in path.name or "abi3" in path.name


def check_compiled(files: list[Path]) -> None:
    """Every module has its .pyc file, which nothing compares with the source at a cold start."""
    compiled = [path for path in files if path.suffix == ".pyc"]
    assert len(compiled) == sum(path.suffix == ".py" for path in files)
    for path in compiled:
        assert int.from_bytes(path.read_bytes()[4:8], "little") == UNCHECKED_HASH, path.name


def check_no_paths(folder: Path, files: list[Path]) -> None:
    """No file of the artifact says where it was built; tracebacks name Lambda's own folder."""
    for path in files:
        assert str(folder).encode() not in path.read_bytes(), path


def test_hashes_are_enforced() -> None:
    """Every package of the lock has hashes, which pip is then bound to compare."""
    blocks = re.split(r"^(?=[a-z])", LOCK, flags=re.MULTILINE)[1:]
    assert blocks
    assert all("--hash=sha256:" in block for block in blocks)


@pytest.mark.parametrize("variables", [["ARCHITECTURE=arm"], ["ARTIFACTS_DIR="]], ids=str)
def test_wrong_arguments(tmp_path: Path, variables: list[str]) -> None:
    """Without a folder or with an unknown architecture nothing is built, and make says why."""
    done = make("build-MetricStreamFunction", f"ARTIFACTS_DIR={tmp_path}", *variables)
    assert done.returncode == 2
    assert f"{variables[0].partition('=')[0]} must" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_versions_agree() -> None:
    """Template, Makefile and tests mean the same Python and architecture; handlers exist."""
    functions = Stack().of_type("AWS::Lambda::Function")
    assert len(functions) == 2
    for name, function in functions.items():
        assert function["Runtime"] == f"python{RUNTIME_PYTHON}"
        module, handler = function["Handler"].rsplit(".", 1)
        assert callable(getattr(importlib.import_module(module), handler))
        assert f"\nbuild-{name}:" in MAKEFILE
    assert f"RUNTIME_PYTHON := {RUNTIME_PYTHON}\n" in MAKEFILE
    assert f"ARCHITECTURE ?= {parameters()['Architecture']['Default']}\n" in MAKEFILE
