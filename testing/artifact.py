"""The function as it is deployed, built into a folder, and Lambda's own runtime client."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from testing.emulator import PROJECT, architecture
from testing.pythons import OWN_VERSION, pythons

RUNTIME_PYTHON = "3.13"
"""The version that template.yaml deploys the function on."""

# Lambda's runtime client, which loads the handler, and its dependencies.
_CLIENT = ("awslambdaric", "simplejson", "snapshot-restore-py")
_WHEELS = {"x86_64": "x86_64", "arm64": "aarch64"}


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python of this machine.

    Attributes:
        version: For instance `3.13`.
        program: Its path, not in a virtual environment.
    """

    version: str
    program: Path


def own_interpreter() -> Interpreter:
    """Return the interpreter that this process's virtual environment was made from."""
    return Interpreter(OWN_VERSION, pythons()[OWN_VERSION])


def runtime_interpreter() -> Interpreter | None:
    """Return an interpreter of the version that the function is deployed on; None without one."""
    program = pythons().get(RUNTIME_PYTHON)
    return Interpreter(RUNTIME_PYTHON, program) if program else None


def deployed_interpreter() -> Interpreter:
    """Return an interpreter of the deployed version, or this process's own."""
    return runtime_interpreter() or own_interpreter()


def build(
    folder: Path, interpreter: Interpreter, architecture_: str = "", *, compiled: bool = True
) -> Path:
    """Build the artifact with `make`, as SAM does.

    Args:
        folder: An empty folder, which is filled.
        interpreter: The interpreter to build for.
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
    """Install Lambda's runtime interface client in its locked version.

    Args:
        folder: An empty folder, which is filled.
        interpreter: The interpreter to install for.

    Returns:
        The folder, which belongs on PYTHONPATH.
    """
    lock = (PROJECT / "requirements" / "dev.txt").read_text(encoding="utf-8")
    pinned = rf"^(?:{'|'.join(_CLIENT)})==.*\n(?:    .*\n)*"
    folder.mkdir(parents=True, exist_ok=True)
    requirements = folder / "requirements.txt"
    requirements.write_text("".join(re.findall(pinned, lock, re.MULTILINE)), encoding="utf-8")
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
    """Return the command of an interpreter that finds packages only on PYTHONPATH."""
    return (str(interpreter.program), "-S")


def _run(*command: str) -> None:
    """Run a command in the project's folder; an error contains its output."""
    # Variables by which `make test` would change another make.
    passed = {"MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES"}
    environ = {name: value for name, value in os.environ.items() if name not in passed}
    done = subprocess.run(
        command, cwd=PROJECT, env=environ, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{command[:2]} failed: {done.stdout}{done.stderr}")
