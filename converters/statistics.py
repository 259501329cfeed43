"""The statistics of a data point, and which of them become series.

CloudWatch sends a sum, a count, the quantiles 0 (the minimum) and 1 (the maximum), and the
percentiles that the stream was asked for. The average is made of them.
"""

import re
from collections.abc import Collection
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from converters.names import decimal_text
from converters.wire import double_bytes, double_of


class Statistic(NamedTuple):
    """What distinguishes the series of one data point.

    Attributes:
        kind: CloudWatch's name of it; `quantile` or `le` for one of several.
        value: Which of several: the quantile or the bound, as Prometheus writes it.
    """

    kind: str
    value: str = ""


SUM = Statistic("Sum")
COUNT = Statistic("SampleCount")
MIN = Statistic("Minimum")
MAX = Statistic("Maximum")
AVERAGE = Statistic("Average")
# Of a gauge, a sum or a native histogram.
VALUE = Statistic("")

COLUMNS = (SUM, COUNT, MIN, MAX, AVERAGE)
"""What every data point of CloudWatch has; the average comes last, since one may be missing."""

QUANTILE = "quantile"
BOUND = "le"

PERCENTILES = "p*"
"""What stands for all percentiles in a list of statistics."""

STATISTICS = (*(statistic.kind for statistic in COLUMNS), PERCENTILES)

_PERCENTILE = re.compile(r"p([0-9]{1,3}(\.[0-9]{1,12})?)", re.IGNORECASE)


class Shape(NamedTuple):
    """Which of the columns of CloudWatch's points are made.

    Attributes:
        kept: The indexes of those that become samples.
        dropped: The indexes of those whose series a relabelling rule drops.
    """

    kept: tuple[int, ...]
    dropped: tuple[int, ...] = ()


class Selection(NamedTuple):
    """Which statistics of CloudWatch's data points become series.

    Attributes:
        columns: The indexes of those in `COLUMNS`, in ascending order.
        percentiles: The quantiles, each as 8 bytes of a little-endian double; None for all.
    """

    columns: tuple[int, ...]
    percentiles: frozenset[bytes] | None

    @property
    def has_average(self) -> bool:
        """Whether averages are made."""
        return COLUMNS.index(AVERAGE) in self.columns

    @property
    def shape(self) -> Shape | None:
        """What is made unless a rule drops it; None for all columns, or all but the average."""
        usual = (*range(len(COLUMNS) - 1),)
        return None if self.columns[: len(usual)] == usual else Shape(self.columns)

    def selects(self, quantile: bytes) -> bool:
        """Return whether a percentile becomes a series."""
        return self.percentiles is None or quantile in self.percentiles


def selection_of(names: Collection[str]) -> Selection:
    """Return the selection of some statistics.

    Args:
        names: Members of `STATISTICS`, or percentiles such as `p99.9`.

    Raises:
        ValueError: One of them is none of these.
    """
    kinds = {name.lower() for name in names}
    columns = tuple(n for n, statistic in enumerate(COLUMNS) if statistic.kind.lower() in kinds)
    percentiles = kinds - {statistic.kind.lower() for statistic in COLUMNS}
    if PERCENTILES in percentiles:
        percentiles.discard(PERCENTILES)
        quantiles = None
        for name in percentiles:
            _quantile_of(name)
    else:
        quantiles = frozenset(map(_quantile_of, percentiles))
    return Selection(columns, quantiles)


def _quantile_of(name: str) -> bytes:
    found = _PERCENTILE.fullmatch(name)
    if found is None or not 0 < Decimal(found[1]) < 100:
        raise ValueError(
            f"must list statistics: {', '.join(STATISTICS)}, or single percentiles such as p99.9"
        )
    return double_bytes(float(Decimal(found[1]) / 100))


def percent_text(quantile: str) -> str:
    """Return a quantile, as Prometheus writes it, in percent: `99.9` for `0.999`."""
    number = Decimal(quantile)
    return format((number * 100).normalize(), "f") if number.is_finite() else quantile


@lru_cache(maxsize=1024)
def quantile_statistic(quantile: bytes) -> Statistic:
    """Return the statistic for a quantile, 8 bytes of a little-endian double."""
    return Statistic(QUANTILE, decimal_text(double_of(quantile)))
