"""The executable of the layer: which Python it starts, and where it finds the zipapp."""

import json
import os
import platform
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from testing.pythons import pythons
from tools.archive import write_zip
from tools.layer import APP, EXECUTABLE, PROJECT

LAUNCHER = PROJECT / "extension" / EXECUTABLE
OWN_PYTHON = next(iter(pythons().values()))

MAIN = '''
"""Prints how it was started, and exits with 7."""

import json
import os
import sys

flags = {name: getattr(sys.flags, name) for name in ("isolated", "no_site")}
print(json.dumps({"argv": sys.argv, "path": sys.path, "program": sys.executable,
                  "certificates": os.environ.get("SSL_CERT_FILE"), **flags}))
sys.exit(7)
'''


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    """Return a layer with a small app in it, in a folder with spaces in its name."""
    root = tmp_path / "a layer with spaces"
    (root / "extensions").mkdir(parents=True)
    shutil.copy(LAUNCHER, root / "extensions" / EXECUTABLE)
    source = tmp_path / "source"
    source.mkdir()
    (source / "__main__.py").write_text(MAIN, encoding="utf-8")
    write_zip(source, root / EXECUTABLE / APP)
    return root


def path_with(folder: Path, program: Path) -> str:
    """Return a PATH on which `python3` is a program, and nothing else is found."""
    folder.mkdir()
    (folder / "python3").symlink_to(program)
    return str(folder)


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


def started(*command: object, env: dict[str, str], cwd: Path | None = None) -> Any:
    """Run the launcher and return what the app printed."""
    done = run(*command, env=env, cwd=cwd)
    assert (done.returncode, done.stderr) == (7, "")
    return json.loads(done.stdout)


@pytest.mark.parametrize("version", pythons())
def test_isolated_from_the_function(layer: Path, tmp_path: Path, version: str) -> None:
    """The Python on the PATH runs; the function's variables and folders do not reach it."""
    hostile = tmp_path / "hostile"
    hostile.mkdir()
    for name in ("json.py", "os.py", "sitecustomize.py", "startup.py"):
        (hostile / name).write_text("raise SystemExit('of the function')", encoding="utf-8")
    env = {
        "PATH": path_with(tmp_path / "bin", pythons()[version]),
        "PYTHONPATH": str(hostile),
        "PYTHONHOME": str(hostile),
        "PYTHONSTARTUP": str(hostile / "startup.py"),
        "PYTHONOPTIMIZE": "2",
        "PYTHONINSPECT": "1",
        "PYTHONPYCACHEPREFIX": str(tmp_path / "cache"),
    }
    executable = layer / "extensions" / EXECUTABLE
    before = sorted(layer.rglob("*"))
    printed = started(executable, "--health-check", env=env, cwd=hostile)
    app = str(layer / "extensions" / ".." / EXECUTABLE / APP)
    assert printed["argv"] == [app, str(executable), "--health-check"]
    assert printed["path"][0] == app
    assert (printed["isolated"], printed["no_site"]) == (1, 1)
    assert str(hostile) not in printed["path"]
    assert sorted(layer.rglob("*")) == before
    assert not (tmp_path / "cache").exists()


def test_python_of_lambda_takes_precedence(layer: Path, tmp_path: Path) -> None:
    """Lambda's own interpreter runs if it is there; here it is in another folder."""
    executable = layer / "extensions" / EXECUTABLE
    text = executable.read_text(encoding="utf-8")
    own = tmp_path / "lang" / "python3"
    assert text.count("/var/lang/bin/python3") == 1
    executable.write_text(text.replace("/var/lang/bin/python3", str(own)), encoding="utf-8")
    env = {"PATH": path_with(tmp_path / "bin", Path("/bin/false"))}
    own.parent.mkdir()
    own.symlink_to(OWN_PYTHON)
    assert started(executable, env=env)["program"] == str(own)


NATIVE, FOREIGN = "x86_64", "arm64"
if platform.machine() in ("aarch64", "arm64"):
    NATIVE, FOREIGN = FOREIGN, NATIVE


@pytest.mark.parametrize("chosen", ["/etc/own.pem", None])
def test_python_of_the_layer_takes_precedence(
    layer: Path, tmp_path: Path, chosen: str | None
) -> None:
    """The layer's own CPython runs if there is one; it finds the certificates of the image."""
    own = layer / EXECUTABLE / f"python-{NATIVE}/bin/python3"
    own.parent.mkdir(parents=True)
    own.symlink_to(OWN_PYTHON)
    env = {"PATH": path_with(tmp_path / "bin", Path("/bin/false"))}
    printed = started(
        layer / "extensions" / EXECUTABLE, env=env | ({"SSL_CERT_FILE": chosen} if chosen else {})
    )
    assert os.path.normpath(printed["program"]) == str(own)
    amazon_linux = Path("/etc/pki/tls/cert.pem").exists()
    by_default = None if amazon_linux else "/etc/ssl/certs/ca-certificates.crt"
    assert printed["certificates"] == (chosen or by_default)


@pytest.mark.parametrize("whose", ["layer", "lambda"])
def test_python_does_not_start(layer: Path, tmp_path: Path, whose: str) -> None:
    """Where one cannot run, as on an Alpine with libc6-compat, the next one is used."""
    executable = layer / "extensions" / EXECUTABLE
    broken = layer / EXECUTABLE / f"python-{NATIVE}/bin/python3"
    if whose == "lambda":
        broken = tmp_path / "lang" / "python3"
        text = executable.read_text(encoding="utf-8")
        executable.write_text(text.replace("/var/lang/bin/python3", str(broken)), encoding="utf-8")
    broken.parent.mkdir(parents=True)
    broken.write_text("#!/bin/sh\necho relocation error >&2\nexit 127\n", encoding="utf-8")
    broken.chmod(0o755)
    program = path_with(tmp_path / "bin", OWN_PYTHON)
    assert started(executable, env={"PATH": program})["program"] == f"{program}/python3"


def test_python_of_another_processor(layer: Path, tmp_path: Path) -> None:
    """A layer for the wrong processor does no harm: its Python is not started."""
    foreign = layer / EXECUTABLE / f"python-{FOREIGN}/bin/python3"
    foreign.parent.mkdir(parents=True)
    foreign.symlink_to("/bin/false")
    env = {"PATH": path_with(tmp_path / "bin", OWN_PYTHON)}
    assert started(layer / "extensions" / EXECUTABLE, env=env)["certificates"] is None


def test_checkout(tmp_path: Path) -> None:
    """In a checkout the executable starts the package that it is in."""
    env = {"PATH": path_with(tmp_path / "bin", OWN_PYTHON), "LOGS_DESTINATION": "loki"}
    done = run(LAUNCHER, "--health-check", env=env)
    assert (done.returncode, done.stderr) == (1, "")
    assert "set LOKI_URL" in done.stdout


def test_symbolic_link(layer: Path, tmp_path: Path) -> None:
    """Started through a link it finds its folder, and the name of the link is registered."""
    (link := tmp_path / "my-logs").symlink_to(layer / "extensions" / EXECUTABLE)
    env = {"PATH": f"{path_with(tmp_path / 'bin', OWN_PYTHON)}:{os.defpath}"}
    assert started(link, env=env)["argv"][1:] == [str(link)]


@pytest.mark.parametrize("missing", ["app", "python"])
def test_missing(layer: Path, tmp_path: Path, missing: str) -> None:
    """Without a Python, or without the app, there is one line that says what to do."""
    env = {"PATH": str(tmp_path)}
    if missing == "app":
        shutil.rmtree(layer / EXECUTABLE)
        env["PATH"] = path_with(tmp_path / "bin", OWN_PYTHON)
    done = run(layer / "extensions" / EXECUTABLE, env=env)
    assert done.returncode == 127
    assert "needs a Python runtime, 3.9 or later" in done.stderr
    assert "unpack the whole zip" in done.stderr
    assert done.stderr.count("\n") == 1


OLD_PYTHONS = sorted(Path.home().glob(".pyenv/versions/3.[78].*/bin/python3"))


@pytest.mark.skipif(not OLD_PYTHONS, reason="no Python before 3.9 is installed")
def test_python_is_too_old(tmp_path: Path) -> None:
    """A Python that the extension cannot run on is reported in one line."""
    for number, program in enumerate(OLD_PYTHONS):
        env = {"PATH": path_with(tmp_path / str(number), program)}
        done = run(LAUNCHER, env=env)
        assert done.returncode == 127
        assert "needs a Python runtime, 3.9 or later" in done.stderr
        assert "Traceback" not in done.stderr
