"""
The process that fuzzes one target, with libFuzzer as atheris brings it.

python -m fuzz.engine TARGET [libFuzzer's own options and folders]

It ends with another status than 0 after the first finding; libFuzzer writes
the input that was being tried into the folder of `-artifact_prefix`.
"""

from __future__ import annotations

import random
import sys

import atheris

from tools.fuzz.mutation import mutated
from tools.fuzz.targets import target

# What the promises are about; the checks themselves need no guidance.
_UNDER_TEST = ["handler", "converters", "replay", "tools.fuzz.planted_target"]

# Targets whose input is a record.
_RECORDS = ("framing", "conversion")


def main() -> None:
    """Run until the time is over or something is found."""
    name = sys.argv.pop(1)
    with atheris.instrument_imports(include=_UNDER_TEST, enable_loader_override=False):
        check = target(name).check
    if name in _RECORDS:
        atheris.Setup(sys.argv, check, custom_mutator=_mutate)
    else:
        atheris.Setup(sys.argv, check)
    atheris.Fuzz()


def _mutate(content: bytes, max_size: int, seed: int) -> bytes:
    return mutated(content, max_size, random.Random(seed), atheris.Mutate)


if __name__ == "__main__":
    main()
