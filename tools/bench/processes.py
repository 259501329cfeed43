"""Processes that a measurement starts."""

import os
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Make an environment that has nothing of this process's but where programs are.

    Args:
        variables: What it has besides.
    """
    return {"PATH": os.environ.get("PATH", os.defpath), "AWS_REGION": "us-east-1", **variables}
