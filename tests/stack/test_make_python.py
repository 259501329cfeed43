"""Which Python the targets of the Makefile run."""

import sys
from pathlib import Path

import pytest

from tests.support.making import make


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """Return a program that is a Python of another version."""
    program = tmp_path / "python9.9"
    program.write_text("#!/bin/sh\necho 9.9\n", encoding="utf-8")
    program.chmod(0o755)
    return program


def test_named_python_beside_an_environment_of_another_version(other: Path) -> None:
    """Nothing runs, and make says why and what to do, whichever target needs the environment."""
    done = make("run", f"PYTHON={other}")
    assert done.returncode == 2
    assert f"has Python {sys.version_info[0]}.{sys.version_info[1]}, not {other}" in done.stderr
    assert "make clean" in done.stderr
    assert "samples" not in done.stdout


def test_named_python_of_the_same_version() -> None:
    """Another program of the same version does no harm."""
    assert make("same-python", f"PYTHON={sys.executable}").returncode == 0
