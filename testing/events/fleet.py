"""A small fleet of AWS resources in two accounts, as CloudWatch reports it in one delivery.

`fleet.csv` has one line for each data point. All series are distinct, also in lower case, and no
series has two data points of one period.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

END_MS = 1_793_491_200_000
"""The end of the newest period in the samples of the tree: 2026-11-01T00:00:00Z, in ms."""

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS

MONITORING_ACCOUNT = "111122223333"
LINKED_ACCOUNT = "444455556666"
REGION = "us-east-1"

Dimensions = tuple[tuple[str, str], ...]
Percentiles = tuple[tuple[float, float], ...]

_FLEET = Path(__file__).with_name("fleet.csv")


@dataclass(frozen=True, slots=True)
class Point:
    """One data point of a CloudWatch metric: the statistics of one period.

    Attributes:
        namespace: As the publisher wrote it, such as `AWS/EC2`.
        metric_name: Without the namespace.
        dimensions: Pairs of name and value, in the order in which they are sent.
        unit: CloudWatch's word for it: `Percent`, `Bytes/Second`, `None`.
        end_ms: End of the period, in milliseconds since the epoch.
        period_ms: Length of the period in milliseconds.
        count: Number of measurements.
        sum: Their sum, in the unit.
        minimum: The smallest of them.
        maximum: The largest of them.
        percentiles: Pairs of quantile (between 0 and 1, both excluded) and value.
        account: The account that the resource belongs to.
        region: The region of the metric stream.
    """

    namespace: str
    metric_name: str
    dimensions: Dimensions
    unit: str
    end_ms: int
    period_ms: int
    count: int
    sum: float
    minimum: float
    maximum: float
    percentiles: Percentiles = ()
    account: str = MONITORING_ACCOUNT
    region: str = REGION


def fleet(end_ms: int) -> list[Point]:
    """Return the data points of the sample deliveries.

    Args:
        end_ms: End of the newest period, in milliseconds since the epoch.

    Returns:
        The data points in the order of delivery, those of the linked account last.
    """
    lines = _FLEET.read_text(encoding="utf-8").splitlines()
    rows = csv.DictReader(line for line in lines if not line.startswith("#"))
    return [
        Point(
            row["namespace"],
            row["metric"],
            _pairs(row["dimensions"]),
            row["unit"],
            end_ms - int(row["ago"]) * MINUTE_MS,
            int(row["period"]) * MINUTE_MS,
            int(row["count"]),
            float(row["sum"]),
            float(row["min"]),
            float(row["max"]),
            tuple((float(q), float(value)) for q, value in _pairs(row["percentiles"])),
            row["account"],
        )
        for row in rows
    ]


def _pairs(cell: str) -> Dimensions:
    """Read a cell of the form `name=value;name=value`."""
    pairs = [pair.partition("=") for pair in cell.split(";") if pair]
    return tuple((name, value) for name, _, value in pairs)
