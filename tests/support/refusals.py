"""Listeners that refuse some samples, for the tests of isolation."""

from testing.replies import SamplePredicate


def hosts(*numbers: int) -> SamplePredicate:
    """Refuse the sum of these hosts: one sample of each of their points."""
    refused = {f"h{number:04d}" for number in numbers}
    return lambda labels, _: labels["host"] in refused and labels["__name__"].endswith("_sum")
