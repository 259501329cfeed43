"""The fuzz targets: a module each, with a `check` of one input.

A check runs the code under test on an input and raises an AssertionError where a promise is
broken. Any other exception is a finding too.
"""

import importlib
from collections.abc import Callable

from tools.children import ROOT

NAMES = ("body", "delivery", "framing", "conversion", "answer", "response", "backup")
"""All targets, in the order in which a delivery passes their code."""

PLANTED = "planted"
"""The target with a deliberate fault, which a fuzzer that works finds within seconds."""

CORPUS = ROOT / "tools" / "fuzz" / "corpus"
"""The first inputs of each target, and findings (`found-...`), which are kept for good."""


def check_of(name: str) -> Callable[[bytes], None]:
    """Import a target and return its check; this imports the code under test."""
    check: Callable[[bytes], None] = importlib.import_module(f"tools.fuzz.{name}_target").check
    return check
