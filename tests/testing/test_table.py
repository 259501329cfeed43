"""The table of what was accepted."""

import pytest

from testing.exchange import Labels
from testing.table import Samples, count, table, totals


def labels(name: str, **others: str) -> Labels:
    """Make sorted labels."""
    return tuple(sorted({"__name__": name, **others}.items()))


def test_rows() -> None:
    """A metric has its name once, two series with their newest sample, and a count of others."""
    samples = {
        labels("cpu", host=host): [(0, 1.0), (60_000, 2.5), (30_000, 9.0)] for host in "dcba"
    } | {labels("disk", host="a"): [(1_793_491_318_000, 1e12)]}
    lines = [line.split() for line in table(samples).splitlines()]
    assert lines[0] == ["metric", "labels", "time", "(UTC)", "value"]
    assert lines[2:] == [
        ["cpu", "host=a", "1970-01-01", "00:01:00", "2.5"],
        ["host=b", "1970-01-01", "00:01:00", "2.5"],
        ["+2", "more"],
        ["disk", "host=a", "2026-11-01", "00:01:58", "1e+12"],
    ]


def test_label_order() -> None:
    """The quantile comes first, then the dimensions, and what is the same everywhere last."""
    row = table(
        {
            labels(
                "cpu", account="1", quantile="0.9", zone="z", namespace="n", cloud_provider="aws"
            ): [(0, 1.0)]
        }
    )
    assert "quantile=0.9 zone=z account=1 namespace=n cloud_provider=aws" in row


def test_width() -> None:
    """Labels and names that are too long are cut so that a line has at most 140 characters."""
    text = table({labels("m" * 80, host="h" * 300): [(0, 1 / 3)]})
    assert max(map(len, text.splitlines())) <= 140
    assert f"{'m' * 55}…  host={'h' * 20}" in text
    assert "…  1970-01-01 00:00:00  0.33333333" in text


def test_many_metrics() -> None:
    """Of more than 200 metrics the others are counted."""
    text = table({labels(f"m{number:03}"): [(0, 1.0)] for number in range(203)})
    assert len(text.splitlines()) == 2 + 200 + 1
    assert text.splitlines()[-1].strip() == "+3 more metrics"


def test_nothing() -> None:
    """Without samples there is a heading and nothing under it."""
    assert table({}).splitlines()[0].split() == ["metric", "labels", "time", "(UTC)", "value"]
    assert totals({}, 0) == "0 requests, 0 metrics, 0 series, 0 samples"


@pytest.mark.parametrize(
    ("samples", "counted"),
    [
        ({}, 0),
        ({labels("a"): [(1, 1.0), (2, 1.0)]}, 2),
        ({labels("a"): [(1, 1.0), (1, 2.0)]}, 1),
        ({labels("a"): [(1, 1.0)], labels("a", b="1"): [(1, 1.0)]}, 2),
    ],
)
def test_count(samples: Samples, counted: int) -> None:
    """A sample is counted once for a series and a timestamp."""
    assert count(samples) == counted


def test_totals() -> None:
    """Totals count metrics by name."""
    samples = {labels("a"): [(1, 1.0)], labels("a", b="1"): [(1, 1.0)], labels("c"): [(1, 1.0)]}
    assert totals(samples, 2) == "2 requests, 2 metrics, 3 series, 3 samples"
