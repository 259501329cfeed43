"""What `make layer` puts into the zip: the executable, the zipapp and the license."""

import io
import os
import subprocess
import zipfile
from pathlib import Path

import pytest

from testing.pythons import pythons
from tests.support.making import make
from tools.archive import write_zip
from tools.layer import APP, EXECUTABLE, PROJECT, SOURCE, fill

MODULES = {
    "__main__.py",
    "extension/__init__.py",
    "extension/destinations/__init__.py",
    *(path.relative_to(PROJECT).as_posix() for path in SOURCE.rglob("[!_]*.py")),
}


@pytest.fixture(scope="module")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the zip."""
    folder = tmp_path_factory.mktemp("layer")
    target = folder / "logs extension.zip"
    fill(folder / "content")
    write_zip(folder / "content", target)
    return target


def unpacked(layer: Path, folder: Path) -> Path:
    """Unpack the zip as Lambda does, with its modes, read-only; return the executable."""
    with zipfile.ZipFile(layer) as archive:
        for entry in archive.infolist():
            path = Path(archive.extract(entry, folder))
            path.chmod(entry.external_attr >> 16 & 0o555)
    for path in folder.rglob("*"):
        if path.is_dir():
            path.chmod(0o555)
    return folder / "extensions" / EXECUTABLE


def test_content(layer: Path) -> None:
    """There are three files of one name, of which the first is executable, in less than 250 kB."""
    with zipfile.ZipFile(layer) as archive:
        modes = {entry.filename: entry.external_attr >> 16 for entry in archive.infolist()}
        app = zipfile.ZipFile(io.BytesIO(archive.read(f"{EXECUTABLE}/{APP}")))
    assert modes == {
        f"extensions/{EXECUTABLE}": 0o100755,
        f"{EXECUTABLE}/LICENSE": 0o100644,
        f"{EXECUTABLE}/{APP}": 0o100644,
    }
    assert set(app.namelist()) == MODULES
    assert layer.stat().st_size < 250_000


def test_reproducible(layer: Path, tmp_path: Path) -> None:
    """The same sources make the same bytes, whenever and wherever they are built."""
    content = tmp_path / "somewhere else"
    fill(content)
    for path in content.rglob("*"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
    write_zip(content, tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == layer.read_bytes()


@pytest.mark.parametrize("version", pythons())
def test_runs_where_it_is_unpacked(layer: Path, tmp_path: Path, version: str) -> None:
    """Read-only, in a folder with spaces in its name, the extension runs and writes nothing."""
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


def test_make_fills_the_folder_for_sam(tmp_path: Path) -> None:
    """SAM's target fills the folder that it gets with the same content, and needs one."""
    done = make("build-LogsExtensionLayer", f"ARTIFACTS_DIR={tmp_path / 'artifacts'}")
    assert done.returncode == 0, done.stderr
    fill(tmp_path / "content")
    made, wanted = (
        {
            path.relative_to(folder): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file()
        }
        for folder in (tmp_path / "artifacts", tmp_path / "content")
    )
    assert made == wanted
    done = make("build-LogsExtensionLayer", "ARTIFACTS_DIR=")
    assert done.returncode == 2
    assert "ARTIFACTS_DIR must" in done.stderr
