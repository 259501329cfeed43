"""What `make build` puts into the zip: what runs, for the processor asked for, and nothing else."""

import io
import re
import subprocess
import tomllib
import zipfile
from pathlib import Path

import pytest

from testing.artifact import RUNTIME_PYTHON, Interpreter, build, runtime_interpreter
from testing.emulator import PROJECT
from tests.support.stack import source

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
    """Every package is locked, and of the project there are three rooms, as they are here."""
    installed = {path.name.split("-")[0] for path in folder.glob("*.dist-info")}
    assert installed
    assert installed <= locked_names()
    rooms = {path.name for path in folder.iterdir()} & {p.name for p in PROJECT.iterdir()}
    assert rooms - {"__pycache__"} == {"handler", "converters", "replay"}
    for room in ("handler", "converters", "replay"):
        made = {path.relative_to(folder) for path in (folder / room).rglob("*.py")}
        assert made == {path.relative_to(PROJECT) for path in (PROJECT / room).rglob("*.py")}
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
    """Pip is told to require hashes, and every package of the lock has some."""
    recipe = MAKEFILE.partition("\nbuild-MetricStreamFunction:")[2].partition("\n\n")[0]
    for option in ("--require-hashes", "--no-deps", "--only-binary :all:", "manylinux_2_28"):
        assert option in recipe
    assert "manylinux2014" in recipe
    blocks = re.split(r"^(?=[a-z])", LOCK, flags=re.MULTILINE)[1:]
    assert blocks
    assert all("--hash=sha256:" in block for block in blocks)


@pytest.mark.parametrize("variables", [["ARCHITECTURE=arm"], ["ARTIFACTS_DIR="]], ids=str)
def test_wrong_arguments(tmp_path: Path, variables: list[str]) -> None:
    """Without a folder or with an unknown architecture nothing is built, and the reason is told."""
    done = subprocess.run(
        ["make", "build-MetricStreamFunction", f"ARTIFACTS_DIR={tmp_path}", *variables],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert f"{variables[0].partition('=')[0]} must" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_versions_agree() -> None:
    """The template, the Makefile and the tests mean the same Python and architecture."""
    function = source()["Resources"]["MetricStreamFunction"]
    assert function["Properties"]["Runtime"] == f"python{RUNTIME_PYTHON}"
    assert f"RUNTIME_PYTHON := {RUNTIME_PYTHON}\n" in MAKEFILE
    assert f"ARCHITECTURE ?= {source()['Parameters']['Architecture']['Default']}\n" in MAKEFILE
    assert function["Metadata"]["BuildMethod"] == "makefile"
    package, name = function["Properties"]["Handler"].rsplit(".", 1)
    path = PROJECT / (package.replace(".", "/") + ".py")
    assert f"def {name}(" in path.read_text(encoding="utf-8")


def test_sam_settings() -> None:
    """SAM builds in place, asks before it deploys, and may create roles."""
    settings = tomllib.loads((PROJECT / "samconfig.toml").read_text(encoding="utf-8"))["default"]
    assert settings["build"]["parameters"] == {"build_in_source": True}
    deploy = settings["deploy"]["parameters"]
    assert deploy["confirm_changeset"] is True
    assert deploy["capabilities"] == "CAPABILITY_IAM"
    assert deploy["resolve_s3"] is True
