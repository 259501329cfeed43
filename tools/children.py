"""Child processes of the tools: where they run, what they see of this process, what they report."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
"""The project's folder, in which every child runs."""


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Return an environment that inherits nothing but the search path for programs.

    Args:
        variables: What it holds besides.
    """
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "AWS_REGION": "us-east-1",
        "NO_PROXY": "127.0.0.1",
        **variables,
    }


def run_module(module: str, *arguments: str) -> dict[str, Any]:
    """Run a module of this project to its end.

    Returns:
        The JSON object in the last line of its output.

    Raises:
        subprocess.CalledProcessError: It failed.
    """
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env=environment({}),
        stdout=subprocess.PIPE,
        check=True,
    )
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return report
