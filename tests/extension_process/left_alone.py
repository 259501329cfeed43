"""Whether the extension leaves the function alone, whatever is wrong."""

import re
import time

from tests.extension_process.running import PROMPT, Shipping

# A fault may be told after some attempts, of which the last ones wait for seconds.
_PATIENCE_SECONDS = 120.0


def assert_left_alone(
    run: Shipping, *words: str, at_least: int = 3, deadline: float = 60.0
) -> None:
    """Fail unless invocations go on, and lines with these words, and no others, are printed.

    Args:
        run: The extension.
        words: A regular expression for each line.
        at_least: How many invocations there are; more until all lines are there.
        deadline: The function's timeout in seconds, for an extension that waits until then.
    """
    until = time.monotonic() + _PATIENCE_SECONDS
    number = 0
    while number < at_least or (len(run.complaints) < len(words) and time.monotonic() < until):
        done = run.services.invoke([f"line {number}"], duration=0.02, deadline=deadline)
        assert done.added_seconds < PROMPT
        number += 1
    run.end()
    assert len(run.complaints) == len(words), run.output
    for pattern in words:
        assert len([it for it in run.complaints if re.search(pattern, it)]) == 1, run.output
