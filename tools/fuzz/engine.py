"""The process that fuzzes one target with atheris (libFuzzer for Python).

python -m tools.fuzz.engine TARGET [options and folders of libFuzzer]

It exits with a status other than 0 after the first finding; libFuzzer writes the input to the
folder of `-artifact_prefix`.
"""

import random
import sys

import atheris

from tools.fuzz.targets import check_of

# Only the code under test guides the fuzzer, not the checks.
_UNDER_TEST = ["handler", "converters", "replay", "tools.fuzz.planted_target"]

# Targets whose input is a record.
_RECORDS = ("framing", "conversion")


def main() -> None:
    """Run until the time is over or something is found."""
    name = sys.argv.pop(1)
    with atheris.instrument_imports(include=_UNDER_TEST, enable_loader_override=False):
        check = check_of(name)
        # It imports code under test too, which has to be instrumented by then.
        from tools.fuzz.mutation import mutated  # noqa: PLC0415
    if name in _RECORDS:

        def mutate(content: bytes, max_size: int, seed: int) -> bytes:
            return mutated(content, max_size, random.Random(seed), atheris.Mutate)

        atheris.Setup(sys.argv, check, custom_mutator=mutate)
    else:
        atheris.Setup(sys.argv, check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
