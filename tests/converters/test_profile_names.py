"""The profiles' names against tables of what the exporters really emit: NAMES_DIR says where.

The tables were read off the exporters' own code, for about a thousand real and odd names.
"""

import csv
import os
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from converters.profiles import PROFILES
from converters.profiles.profile import Metric
from converters.statistics import COLUMNS, Statistic, quantile_statistic
from converters.wire import double_bytes

_FOLDER = os.environ.get("NAMES_DIR")
pytestmark = pytest.mark.skipif(not _FOLDER, reason="NAMES_DIR is not set")

_LABELS: dict[str, Callable[[str], str]] = {
    "yace": PROFILES["yace"]().dimension_label,
    "yace_snake_case": PROFILES["yace"]("snake_case").dimension_label,
    "cloudwatch_exporter": PROFILES["cloudwatch_exporter"]().dimension_label,
}


def _rows(table: str) -> list[dict[str, str]]:
    path = Path(_FOLDER or "") / f"{table}.tsv"
    with path.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    assert len(rows) > 80
    return rows


def _statistic(name: str) -> Statistic:
    for statistic in COLUMNS:
        if statistic.kind == name:
            return statistic
    return quantile_statistic(double_bytes(float(Decimal(name[1:]) / 100)))


@pytest.mark.parametrize("profile", ["yace", "cloudwatch_exporter"])
def test_names_are_those_of_the_exporter(profile: str) -> None:
    """Each metric and statistic has the name that the exporter gives it, without a difference."""
    names = PROFILES[profile]()
    for row in _rows("names"):
        for wire in (f"amazonaws.com/{row['namespace']}/{row['metric']}", "of.another.kind"):
            base = names.base_name(Metric(wire, row["namespace"], row["metric"]))
            assert names.series_name(base, _statistic(row["statistic"])) == row[profile]


@pytest.mark.parametrize("profile", _LABELS)
def test_labels_of_dimensions_are_those_of_the_exporter(profile: str) -> None:
    """Each dimension has the label that the exporter gives it, without a difference."""
    for row in _rows("labels"):
        assert _LABELS[profile](row["dimension"]) == row[profile]
