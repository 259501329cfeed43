"""What is fuzzed: for each target the module that checks an input and makes the first ones."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMES = ("body", "delivery", "framing", "conversion", "answer", "response", "backup")
"""All targets, in the order of a delivery's way."""

PLANTED = "planted"
"""The target that has a fault put into it, for the fuzzer to find."""


class Target(Protocol):
    """A module of `fuzz` that is a target."""

    def check(self, content: bytes) -> None:
        """
        Hand an input to the code under test, and see that its promises are kept.

        Raises:
            AssertionError: One is not. Any other exception is a finding too.
        """

    def seeds(self) -> Mapping[str, bytes]:
        """Return the first inputs by the names of their files."""


def target(name: str) -> Target:
    """Return a target; its module, and with it the code under test, is imported now."""
    return cast("Target", importlib.import_module(f"tools.fuzz.{name}_target"))
