"""An account of CloudWatch whose updates of a month are known, and what is stored of some hours."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from testing.events.fleet import END_MS, MINUTE_MS, Point
from testing.events.otlp import Format, messages, record
from tests.support.backups import FAILED, failed_object, write

DAY = 1440
MONTH = 30 * DAY
MIDNIGHT = END_MS // MINUTE_MS
"""A minute since the epoch at which a day begins, UTC."""


@dataclass(frozen=True)
class Metric:
    """A metric of an account.

    Attributes:
        namespace: Its namespace.
        name: Its name.
        series: How many series it has.
        period: The minutes between two data points of a series.
        chance: How likely a series has a data point in a period.
        delay: How many minutes after its time a data point arrives.
        length: The minutes between start and end of a data point.
        percentiles: How many percentiles are streamed.
    """

    namespace: str
    name: str
    series: int
    period: int = 1
    chance: float = 1.0
    delay: int = 2
    length: int = 1
    percentiles: int = 0

    @property
    def updates(self) -> float:
        """The updates of a month, without those for percentiles."""
        return self.series * self.chance * MONTH / self.period

    def points(self, arrived: int, dice: random.Random) -> Iterator[Point]:
        """Yield the data points that arrive in a minute."""
        end = arrived - self.delay
        if (end - MIDNIGHT) % self.period:
            return
        for number in range(self.series):
            if dice.random() < self.chance:
                yield point(self, number, end)


def point(metric: Metric, number: int = 0, end: int = MIDNIGHT) -> Point:
    """Return a data point of a series that ends in a minute."""
    parts = metric.percentiles + 1
    return Point(
        metric.namespace,
        metric.name,
        (("Id", f"i-{number}"),),
        "Count",
        end * MINUTE_MS,
        metric.length * MINUTE_MS,
        *(1, 1.0, 1.0, 1.0),
        percentiles=tuple((n / parts, 1.0) for n in range(1, parts)),
    )


ACCOUNT = (
    Metric("AWS/EC2", "CPUUtilization", 12),
    Metric("AWS/EC2", "NetworkIn", 8, period=5, delay=3),
    Metric("AWS/EC2", "StatusCheckFailed", 20, period=5, delay=4),
    Metric("AWS/Lambda", "Duration", 9, chance=0.3, percentiles=3),
    Metric("AWS/Lambda", "Errors", 40, chance=0.02),
    Metric("AWS/RDS", "ReadIOPS", 10),
    Metric("AWS/S3", "BucketSizeBytes", 60, period=DAY, delay=26 * 60, length=DAY),
    Metric("AWS/S3", "NumberOfObjects", 60, period=DAY, delay=26 * 60),
    Metric("AWS/Usage", "ResourceCount", 50, period=60, delay=3),
    Metric("Shop", "Orders", 15, chance=0.1, delay=7),
)


def store(
    folder: Path, begin: int, minutes: int, *, metrics: tuple[Metric, ...] = ACCOUNT, seed: int = 1
) -> None:
    """Write what arrives from a minute on, an object for each hour.

    They have the forms of a backup in turn, and some records are stored twice.
    """
    dice = random.Random(seed)
    for first in range(begin, begin + minutes, 60):
        arrivals = range(first, min(first + 60, begin + minutes))
        records = [
            record(messages([p for m in metrics for p in m.points(arrived, dice)], format_))
            for arrived, format_ in zip(arrivals, [Format.V1_0, Format.V0_7] * 30, strict=False)
        ]
        if first % 120:
            write(folder / FAILED / str(first), failed_object([*records, *records[:2]]))
        else:
            write(folder / f"all-data/{first}", b"".join([*records, *records[:2]]))
