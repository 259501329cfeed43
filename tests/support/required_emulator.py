"""The Runtime Interface Emulator's program, for tests that start it by themselves."""

import os
from pathlib import Path

import pytest

from testing.emulator import emulator_program


def required_emulator() -> Path:
    """Give the emulator's path; without one fail in CI, and skip elsewhere."""
    program = emulator_program()
    if program is None:
        words = "the Runtime Interface Emulator is missing; make .venv/emulator.stamp installs it"
        if os.environ.get("CI"):
            pytest.fail(words)
        pytest.skip(words)
    return program
