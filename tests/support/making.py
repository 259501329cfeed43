"""Targets of the Makefile, run as by a person."""

import os
import subprocess
from collections.abc import Mapping

from tests.support.stack import ROOT

_OF_ANOTHER_MAKE = {"MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES"}


def make(
    *arguments: str, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a target in the project's folder, as if no other make had started it.

    Args:
        arguments: The target, options and variables.
        environment: Further variables of the environment.
    """
    env = {name: value for name, value in os.environ.items() if name not in _OF_ANOTHER_MAKE}
    return subprocess.run(
        ["make", *arguments],
        cwd=ROOT,
        env={**env, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )
