"""The function as it is deployed, built into a folder, and what Lambda itself adds to it."""

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from testing.emulator import PROJECT

RUNTIME_PYTHON = "3.13"
"""What the function in template.yaml runs on."""

# Lambda's own runtime: the client that loads the handler, and what it needs.
_CLIENT = ("awslambdaric", "simplejson", "snapshot-restore-py")
_WHEELS = {"x86_64": "x86_64", "arm64": "aarch64"}


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python of this machine.

    Attributes:
        version: For instance `3.13`.
        program: Where it is, not in a virtual environment.
    """

    version: str
    program: Path


def architecture() -> str:
    """Give this machine's architecture in Lambda's words."""
    return "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"


def own_interpreter() -> Interpreter:
    """Give the interpreter that this process's virtual environment was made from."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return Interpreter(version, Path(sys.base_prefix, "bin", f"python{version}"))


def runtime_interpreter() -> Interpreter | None:
    """Give an interpreter of the version that the function is deployed on; None without one."""
    own = own_interpreter()
    if own.version == RUNTIME_PYTHON:
        return own
    installed = Path.home().glob(f".pyenv/versions/{RUNTIME_PYTHON}.*/bin/python")
    on_path = shutil.which(f"python{RUNTIME_PYTHON}")
    for program in [*sorted(installed), *([Path(on_path)] if on_path else [])]:
        # A shim of pyenv's may be on the PATH with nothing behind it.
        if subprocess.run([program, "-c", ""], capture_output=True, check=False).returncode == 0:
            return Interpreter(RUNTIME_PYTHON, program)
    return None


def build(
    folder: Path, interpreter: Interpreter, architecture_: str = "", *, compiled: bool = True
) -> Path:
    """Build the artifact with `make`, as SAM does.

    Args:
        folder: An empty folder, which is filled.
        interpreter: What it is built for.
        architecture_: `arm64` or `x86_64`; empty: this machine's.
        compiled: With .pyc files.

    Returns:
        The folder.
    """
    program = str(interpreter.program) if compiled else "false"
    _run(
        "make",
        "build-MetricStreamFunction",
        f"ARTIFACTS_DIR={folder}",
        f"ARCHITECTURE={architecture_ or architecture()}",
        f"RUNTIME_PYTHON={interpreter.version}",
        f"RUNTIME_INTERPRETER={program}",
    )
    return folder


def runtime_client(folder: Path, interpreter: Interpreter) -> Path:
    """Install Lambda's runtime interface client for an interpreter, as it is locked.

    Args:
        folder: An empty folder, which is filled.
        interpreter: What it is for.

    Returns:
        The folder, which belongs on PYTHONPATH.
    """
    lock = (PROJECT / "requirements" / "dev.txt").read_text(encoding="utf-8")
    folder.mkdir(parents=True, exist_ok=True)
    requirements = folder / "requirements.txt"
    requirements.write_text(_locked(lock, _CLIENT), encoding="utf-8")
    wheels = _WHEELS[architecture()]
    _run(
        *(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes"),
        *("--only-binary", ":all:", "--implementation", "cp", "--no-compile"),
        *("--python-version", interpreter.version),
        *("--platform", f"manylinux_2_28_{wheels}", "--platform", f"manylinux2014_{wheels}"),
        *("--target", str(folder), "--requirement", str(requirements)),
    )
    _run(str(interpreter.program), "-m", "compileall", "-q", str(folder))
    return folder


def bare_command(interpreter: Interpreter) -> tuple[str, ...]:
    """Give the command of an interpreter that finds packages on PYTHONPATH alone."""
    return (str(interpreter.program), "-S")


def _locked(lock: str, names: Iterable[str]) -> str:
    """Give the lines of a lock that pin some packages."""
    return "".join(
        match[0]
        for name in names
        if (match := re.search(rf"^{name}==.*\n(?:    .*\n)*", lock, re.MULTILINE))
    )


def _run(*command: str) -> None:
    """Run a command in the project's folder; an error holds what it wrote."""
    done = subprocess.run(
        command,
        cwd=PROJECT,
        env=_without_make(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{command[:2]} failed: {done.stdout}{done.stderr}")


def _without_make(environ: Mapping[str, str]) -> dict[str, str]:
    """Leave out what `make test` would pass on to another make."""
    passed = {"MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES"}
    return {name: value for name, value in environ.items() if name not in passed}
