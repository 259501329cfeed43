"""What `make layer` puts into the zip: the executable, the package and the license, to the byte."""

import io
import os
import subprocess
import tomllib
import zipfile
from pathlib import Path
from types import CodeType

import pytest

from testing.artifact import RUNTIME_PYTHON
from testing.pythons import pythons
from tools.layer import (
    EXECUTABLE,
    PACKAGE,
    PROJECT,
    SOURCE,
    fill,
    main,
    without_comments,
    write_zip,
)

MODULES = sorted(path.relative_to(PROJECT).as_posix() for path in SOURCE.rglob("*.py"))

UNCHECKED_HASH = 0b01
"""The flags of a .pyc file that Python does not compare with its source."""

NO_PYTHON = "/nonexistent/python"


def runtime() -> str:
    """Give the function's Python, or another one where it is not here."""
    found = pythons()
    return str(found.get(RUNTIME_PYTHON) or list(found.values())[-1])


@pytest.fixture(scope="module")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the zip that is made with the function's Python."""
    folder = tmp_path_factory.mktemp("layer")
    target = folder / "logs extension.zip"
    assert main([str(folder / "content"), "--python", runtime(), "--zip", str(target)]) == 0
    return target


def unpacked(layer: Path, folder: Path) -> Path:
    """Unpack the zip as Lambda does, with its modes, for reading alone; give the executable."""
    with zipfile.ZipFile(layer) as archive:
        for entry in archive.infolist():
            path = Path(archive.extract(entry, folder))
            path.chmod(entry.external_attr >> 16 & 0o555)
    for path in folder.rglob("*"):
        if path.is_dir():
            path.chmod(0o555)
    return folder / "extensions" / EXECUTABLE


def package(layer: Path) -> zipfile.ZipFile:
    """Open the package in the layer."""
    with zipfile.ZipFile(layer) as archive:
        return zipfile.ZipFile(io.BytesIO(archive.read(f"{EXECUTABLE}/{PACKAGE}")))


def test_content(layer: Path) -> None:
    """There are three files; only the executable is one, and all belong to the layer alone."""
    with zipfile.ZipFile(layer) as archive:
        modes = {entry.filename: entry.external_attr >> 16 for entry in archive.infolist()}
    assert modes == {
        f"extensions/{EXECUTABLE}": 0o100755,
        f"{EXECUTABLE}/LICENSE": 0o100644,
        f"{EXECUTABLE}/{PACKAGE}": 0o100644,
    }


def test_size(layer: Path) -> None:
    """The layer is smaller than 100 kB."""
    assert layer.stat().st_size < 100_000


def test_every_module_is_there(layer: Path) -> None:
    """The package has every module as source, and what a start loads compiled too."""
    names = package(layer).namelist()
    assert [name for name in names if name.endswith(".py")] == MODULES
    compiled = {name[:-1] for name in names if name.endswith(".pyc")}
    assert compiled < set(MODULES)
    assert {"extension/main.py", "extension/life.py", "extension/receiver.py"} <= compiled
    assert "extension/health_check.py" not in compiled


def test_nothing_is_compared_or_inflated(layer: Path) -> None:
    """No module is compressed within the package, and compiled ones are taken as they are."""
    archive = package(layer)
    for entry in archive.infolist():
        assert entry.compress_type == zipfile.ZIP_STORED
        if entry.filename.endswith(".pyc"):
            header = archive.read(entry)[:8]
            assert int.from_bytes(header[4:], "little") == UNCHECKED_HASH, entry.filename


def test_says_nothing_of_the_machine(layer: Path) -> None:
    """No file names a folder of the machine that it was built on."""
    archive = package(layer)
    for name in archive.namelist():
        content = archive.read(name)
        assert str(PROJECT).encode() not in content, name
        assert str(layer.parent).encode() not in content, name


def test_reproducible(layer: Path, tmp_path: Path) -> None:
    """The same sources make the same bytes, whenever and wherever they are built."""
    content = tmp_path / "somewhere else"
    fill(content, runtime())
    for path in content.rglob("*"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
    write_zip(content, tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == layer.read_bytes()


@pytest.mark.parametrize("version", pythons())
def test_runs_where_it_is_unpacked(layer: Path, tmp_path: Path, version: str) -> None:
    """Read-only in a folder with spaces in its name, the extension runs and leaves no trace."""
    folder = tmp_path / "some where"
    executable = unpacked(layer, folder)
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "python3").symlink_to(pythons()[version])
    before = sorted(folder.rglob("*"))
    done = subprocess.run(
        [executable, "--health-check"],
        env={"PATH": str(programs), "AWS_REGION": "us-east-1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 1
    assert "LOGZIO_LOGS_TOKEN" in done.stdout
    assert done.stderr == ""
    assert sorted(folder.rglob("*")) == before


def test_without_the_interpreter(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the Python to compile with is absent this is told, and the layer is made of source."""
    assert main([str(tmp_path / "content"), "--python", NO_PYTHON]) == 0
    assert f"no {NO_PYTHON} here" in capsys.readouterr().out
    with zipfile.ZipFile(tmp_path / "content" / EXECUTABLE / PACKAGE) as archive:
        assert archive.namelist() == MODULES


@pytest.mark.parametrize("name", MODULES)
def test_without_comments(name: str) -> None:
    """What is left out of a module changes nothing of what runs, nor in which line it stands."""
    source = (PROJECT / name).read_text(encoding="utf-8")
    stripped = without_comments(source)
    assert len(stripped) < len(source)
    assert stripped.count("\n") == source.count("\n")
    ours, theirs = (compile(text, name, "exec", optimize=2) for text in (stripped, source))
    assert list(instructions(ours)) == list(instructions(theirs))


def instructions(code: CodeType) -> list[object]:
    """Give all that a code object does, with the line in which each function begins."""
    found: list[object] = [code.co_code, code.co_names, code.co_varnames, code.co_firstlineno]
    for constant in code.co_consts:
        found += instructions(constant) if isinstance(constant, CodeType) else [constant]
    return found


def test_comments_and_docstrings() -> None:
    """Comments and docstrings go; strings that are used, and a body of one string, stay."""
    source = (
        '"""Says much.\n\nAnd more."""\n'
        "# A reason.\n"
        'A = "#"  # another\n'
        '"""What A is."""\n'
        "def f():\n"
        '    """Only this.\n    """\n'
        'g("a"\n  "b")\n'
    )
    assert without_comments(source) == (
        '""\n\n\n\nA = "#"\n""\ndef f():\n    ""\n\ng("a"\n  "b")\n'
    )


def test_make_fills_the_folder_for_sam(tmp_path: Path) -> None:
    """SAM's target fills the folder that it is given with the same content, and needs one."""
    command = ["make", "build-LogsExtensionLayer", f"LAYER_INTERPRETER={NO_PYTHON}"]
    run(*command, f"ARTIFACTS_DIR={tmp_path / 'artifacts'}")
    fill(tmp_path / "content", NO_PYTHON)
    made, wanted = (
        {
            path.relative_to(folder): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file()
        }
        for folder in (tmp_path / "artifacts", tmp_path / "content")
    )
    assert made == wanted
    done = run(*command, "ARTIFACTS_DIR=", check=False)
    assert done.returncode == 2
    assert "ARTIFACTS_DIR must" in done.stderr


def run(*command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a command in the project's folder, as if no other make had started it."""
    passed = {"MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES"}
    env = {name: value for name, value in os.environ.items() if name not in passed}
    return subprocess.run(
        command, cwd=PROJECT, env=env, capture_output=True, text=True, check=check
    )


def test_old_python_is_meant() -> None:
    """Ruff holds the extension to the oldest Python that it is for."""
    with (PROJECT / "pyproject.toml").open("rb") as file:
        ruff = tomllib.load(file)["tool"]["ruff"]
    assert ruff["per-file-target-version"] == {"extension/**": "py39"}
