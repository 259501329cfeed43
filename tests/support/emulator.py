"""The Runtime Interface Emulator for tests, which skip without it."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from testing.emulator import PROJECT, Code, Emulator, emulator_program, run_emulator

__all__ = ["PROJECT", "Code", "Emulator", "emulator"]


@contextlib.contextmanager
def emulator(
    folder: Path, environ: Mapping[str, str], code: Code | None = None, *, seconds: int = 30
) -> Iterator[Emulator]:
    """Run the function as Lambda does; without the emulator fail in CI, and skip elsewhere.

    Args:
        folder: Where its output goes.
        environ: The function's environment variables; no others are inherited but PATH.
        code: What to run; None: the checkout, with this process's virtual environment.
        seconds: The function's timeout.
    """
    program = emulator_program()
    if program is None:
        words = "the Runtime Interface Emulator is missing; make .venv/emulator.stamp installs it"
        if os.environ.get("CI"):
            pytest.fail(words)
        pytest.skip(words)
    with run_emulator(program, folder, environ, code or Code(), seconds=seconds) as running:
        yield running
