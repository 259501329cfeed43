"""How property tests run: with no deadline, and in CI with the same examples every time."""

import os

from hypothesis import HealthCheck, settings


def examples(number: int) -> settings:
    """Return settings for that many examples."""
    return settings(
        deadline=None,
        derandomize=os.environ.get("CI") == "true",
        max_examples=number,
        # A loaded machine is no fault of the code.
        suppress_health_check=[HealthCheck.too_slow],
    )
