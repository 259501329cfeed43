"""The executable of the layer: which Python it starts, and where it finds its package."""

import json
import os
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from testing.pythons import pythons
from tools.layer import EXECUTABLE, PACKAGE, PROJECT, write_zip

LAUNCHER = PROJECT / "extension" / EXECUTABLE

MAIN = '''
"""Says what it was started with."""

import json
import sys


def main(argv: list) -> int:
    """Print the arguments and the state of the interpreter."""
    flags = {name: getattr(sys.flags, name) for name in ("isolated", "no_site")}
    print(json.dumps({"argv": argv, "path": sys.path, "program": sys.executable, **flags}))
    return 7
'''


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    """Give a layer with a small package in it, in a folder with spaces in its name."""
    root = tmp_path / "a layer with spaces"
    (root / "extensions").mkdir(parents=True)
    shutil.copy(LAUNCHER, root / "extensions" / EXECUTABLE)
    write_package(tmp_path / "source")
    write_zip(tmp_path / "source", root / EXECUTABLE / PACKAGE, zipfile.ZIP_STORED)
    return root


def write_package(parent: Path) -> None:
    """Write a package `extension` into a folder."""
    package = parent / "extension"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("", encoding="utf-8")
    (package / "main.py").write_text(MAIN, encoding="utf-8")


def path_of(folder: Path, program: Path) -> str:
    """Give a PATH on which `python3` is a program, and nothing else is found."""
    folder.mkdir()
    (folder / "python3").symlink_to(program)
    return str(folder)


def started(*command: object, env: dict[str, str], cwd: Path | None = None) -> Any:
    """Run a command that ends with the status of the package, and give what the package says."""
    done = run(*command, env=env, cwd=cwd)
    assert (done.returncode, done.stderr) == (7, "")
    return json.loads(done.stdout)


def run(
    *command: object, env: dict[str, str], cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command with an environment of its own."""
    return subprocess.run(
        [str(part) for part in command],
        env=env,
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_file_is_what_lambda_starts() -> None:
    """The file is executable, for a shell that every Linux has, and without carriage returns."""
    content = LAUNCHER.read_bytes()
    assert content.startswith(b"#!/bin/sh\n")
    assert b"\r" not in content
    assert os.access(LAUNCHER, os.X_OK)


@pytest.mark.parametrize("version", pythons())
def test_python_of_the_path(layer: Path, tmp_path: Path, version: str) -> None:
    """Without Lambda's interpreter that of the PATH runs, isolated, and finds the package."""
    env = {"PATH": path_of(tmp_path / "bin", pythons()[version])}
    executable = layer / "extensions" / EXECUTABLE
    said = started(executable, "--health-check", env=env)
    assert said["argv"] == [str(executable), "--health-check"]
    assert said["path"][0] == str(layer / EXECUTABLE / PACKAGE)
    assert (said["isolated"], said["no_site"]) == (1, 1)


def test_interpreter_of_lambda_goes_before_the_path(layer: Path, tmp_path: Path) -> None:
    """Where Lambda's interpreter is, it runs; here the file looks for it in another folder."""
    executable = layer / "extensions" / EXECUTABLE
    text = executable.read_text(encoding="utf-8")
    own = tmp_path / "lang" / "python3"
    assert text.count("/var/lang/bin/python3") == 2
    executable.write_text(text.replace("/var/lang/bin/python3", str(own)), encoding="utf-8")
    env = {"PATH": path_of(tmp_path / "bin", Path("/bin/false"))}
    own.parent.mkdir()
    own.symlink_to(next(iter(pythons().values())))
    assert started(executable, env=env)["program"] == str(own)


@pytest.mark.parametrize("version", pythons())
def test_started_by_a_python(layer: Path, version: str) -> None:
    """The file is a Python program too, with a relative path as well."""
    said = started(
        *(pythons()[version], "-I", f"extensions/{EXECUTABLE}", "one argument"), env={}, cwd=layer
    )
    assert said["argv"] == [str(layer / "extensions" / EXECUTABLE), "one argument"]


@pytest.mark.parametrize("version", pythons())
def test_variables_of_the_function(layer: Path, tmp_path: Path, version: str) -> None:
    """What the function sets for its own Python neither breaks the extension nor reaches it."""
    hostile = tmp_path / "hostile"
    hostile.mkdir()
    for name in ("json.py", "os.py", "sitecustomize.py", "startup.py"):
        (hostile / name).write_text("raise SystemExit('of the function')", encoding="utf-8")
    env = {
        "PATH": path_of(tmp_path / "bin", pythons()[version]),
        "PYTHONPATH": str(hostile),
        "PYTHONHOME": str(hostile),
        "PYTHONSTARTUP": str(hostile / "startup.py"),
        "PYTHONOPTIMIZE": "2",
        "PYTHONINSPECT": "1",
    }
    said = started(layer / "extensions" / EXECUTABLE, env=env, cwd=hostile)
    assert str(hostile) not in said["path"]


def test_symbolic_links(layer: Path, tmp_path: Path) -> None:
    """A link to the executable leads to the package, under the link's own name."""
    link = tmp_path / "linked" / "another-name"
    link.parent.mkdir()
    link.symlink_to(layer / "extensions" / EXECUTABLE)
    env = {"PATH": path_of(tmp_path / "bin", next(iter(pythons().values())))}
    said = started(link, env=env)
    assert said["argv"] == [str(link)]
    assert said["path"][0] == str(layer / EXECUTABLE / PACKAGE)


def test_executable_linked_into_a_layer(layer: Path, tmp_path: Path) -> None:
    """A linked executable whose package stands beside the link finds it there."""
    lone = tmp_path / "elsewhere" / "bin" / "launcher"
    lone.parent.mkdir(parents=True)
    executable = layer / "extensions" / EXECUTABLE
    executable.rename(lone)
    executable.symlink_to(lone)
    env = {"PATH": path_of(tmp_path / "bin", next(iter(pythons().values())))}
    assert started(executable, env=env)["path"][0] == str(layer / EXECUTABLE / PACKAGE)


def test_package_in_a_folder(layer: Path, tmp_path: Path) -> None:
    """A package that is unpacked is found too."""
    (layer / EXECUTABLE / PACKAGE).unlink()
    write_package(layer / EXECUTABLE)
    env = {"PATH": path_of(tmp_path / "bin", next(iter(pythons().values())))}
    said = started(layer / "extensions" / EXECUTABLE, env=env)
    assert said["path"][0] == str(layer / EXECUTABLE)


def test_source_tree(tmp_path: Path) -> None:
    """In a checkout the executable lies inside the package."""
    write_package(tmp_path)
    executable = tmp_path / "extension" / EXECUTABLE
    shutil.copy(LAUNCHER, executable)
    env = {"PATH": path_of(tmp_path / "bin", next(iter(pythons().values())))}
    assert started(executable, env=env)["path"][0] == str(tmp_path)


@pytest.mark.parametrize("version", pythons())
def test_nothing_is_written(layer: Path, tmp_path: Path, version: str) -> None:
    """A start leaves no bytecode behind, whatever the function's variables say."""
    cache = tmp_path / "cache"
    env = {
        "PATH": path_of(tmp_path / "bin", pythons()[version]),
        "PYTHONPYCACHEPREFIX": str(cache),
    }
    before = sorted(layer.rglob("*"))
    started(layer / "extensions" / EXECUTABLE, env=env)
    assert sorted(layer.rglob("*")) == before
    assert not cache.exists()


def test_package_is_missing(layer: Path, tmp_path: Path) -> None:
    """An executable alone says what it lacks and what to do, and ends with an error status."""
    shutil.rmtree(layer / EXECUTABLE)
    env = {"PATH": path_of(tmp_path / "bin", next(iter(pythons().values())))}
    done = run(layer / "extensions" / EXECUTABLE, env=env)
    assert done.returncode == 1
    assert "unpack the whole of logs-extension.zip" in done.stderr
    assert "Traceback" not in done.stderr


def test_python_is_missing(layer: Path, tmp_path: Path) -> None:
    """Without any Python the shell says so in one line."""
    env = {"PATH": str(tmp_path)}
    done = run(layer / "extensions" / EXECUTABLE, env=env)
    assert done.returncode == 127
    assert done.stderr.endswith("this extension needs a Python runtime, 3.9 or later\n")
    assert done.stderr.count("\n") == 1


def test_python_is_too_old(layer: Path) -> None:
    """A Python that the extension cannot run on is told to be that."""
    old = sorted(Path.home().glob(".pyenv/versions/3.[78].*/bin/python3"))
    for program in old:
        done = run(program, "-I", layer / "extensions" / EXECUTABLE, env={})
        assert done.returncode == 1
        assert "Python 3.9 or later is needed" in done.stderr
        assert "Traceback" not in done.stderr
