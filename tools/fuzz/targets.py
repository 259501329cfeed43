"""The fuzz targets: a module each, that checks one input and makes the first ones."""

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, cast

from tools.children import ROOT

NAMES = ("body", "delivery", "framing", "conversion", "answer", "response", "backup")
"""All targets, in the order in which a delivery passes their code."""

PLANTED = "planted"
"""The target with a deliberate fault, which a fuzzer that works finds within seconds."""

CORPUS = ROOT / "tools" / "fuzz" / "corpus"
"""The first inputs of each target, and findings (`found-...`), which are kept for good."""


class Target(Protocol):
    """The interface of a target's module."""

    def check(self, content: bytes) -> None:
        """Run the code under test on an input, and check what it promises.

        Raises:
            AssertionError: A promise is broken. Any other exception is a finding too.
        """

    def seeds(self) -> Mapping[str, bytes]:
        """Return the first inputs by the names of their files."""


def target(name: str) -> Target:
    """Import and return a target; this imports the code under test."""
    return cast("Target", importlib.import_module(f"tools.fuzz.{name}_target"))


def write_corpus(folder: Path = CORPUS) -> None:
    """Write the first inputs of all targets anew; findings stay as they are."""
    for name in NAMES:
        inputs = folder / name
        inputs.mkdir(parents=True, exist_ok=True)
        for stale in inputs.iterdir():
            if not stale.name.startswith("found-"):
                stale.unlink()
        for file, content in target(name).seeds().items():
            (inputs / file).write_bytes(content)
