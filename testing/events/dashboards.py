"""Data points for every panel of `dashboards/`, with values that follow the time of day.

The same time always has the same values, so the event in the tree stays the same, and a server can
be filled with hours of them that look like a day in a shop.
"""

import math
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from testing.events.fleet import (
    HOUR_MS,
    LINKED_ACCOUNT,
    MINUTE_MS,
    MONITORING_ACCOUNT,
    Dimensions,
    Point,
)

_SERVICES = Path(__file__).with_name("dashboards.toml")
_DAY_MS = 24 * HOUR_MS
_LATE_MS = 26 * HOUR_MS
# How long the average takes from one random value to the next.
_SLOW_MS, _FAST_MS = 40 * MINUTE_MS, 3 * MINUTE_MS
_WHOLE = ("Bytes", "Count")
_LOWEST, _HIGHEST = 0.55, 1.7
"""Minimum and maximum of a period, for an average of 1."""


@dataclass(frozen=True, slots=True)
class _Series:
    """One metric of one resource; `dashboards.toml` says more."""

    namespace: str
    name: str
    dimensions: Dimensions
    account: str
    daily: bool
    unit: str
    count: int | str
    least: float
    greatest: float
    quantiles: tuple[float, ...]

    def point(self, end_ms: int) -> Point:
        """Return the data point of the period that ends at a time."""
        average = self._average(end_ms)
        if self.count == "each":
            count = round(average)
            total, minimum, maximum = float(count), float(min(count, 1)), float(min(count, 1))
        else:
            count = int(self.count)
            total = self._rounded(average * count, round)
            minimum = maximum = total
            if count > 1:
                minimum = self._rounded(total / count * _LOWEST, math.floor)
                maximum = self._rounded(total / count * _HIGHEST, math.ceil)
        return Point(
            self.namespace,
            self.name,
            self.dimensions,
            self.unit,
            end_ms,
            _DAY_MS if self.daily else MINUTE_MS,
            count,
            total,
            minimum,
            maximum,
            tuple((q, round(minimum + (maximum - minimum) * q**2, 6)) for q in self.quantiles),
            self.account,
        )

    def _average(self, at_ms: int) -> float:
        day = 0.5 - 0.5 * math.cos(2 * math.pi * (at_ms / _DAY_MS - 0.125))
        mixed = 0.4 * day + 0.4 * self._noise(at_ms, _SLOW_MS) + 0.2 * self._noise(at_ms, _FAST_MS)
        # Resources of one kind differ.
        share = 0.5 + 0.5 * self._hash(0)
        return self.least + (self.greatest - self.least) * mixed * share

    def _noise(self, at_ms: int, step_ms: int) -> float:
        """Return a number from 0 to 1 that changes from step to step without a jump."""
        step, rest = divmod(at_ms, step_ms)
        before, after = self._hash(step_ms + step), self._hash(step_ms + step + 1)
        return before + (after - before) * rest / step_ms

    def _hash(self, number: int) -> float:
        text = f"{self.account} {self.namespace} {self.name} {self.dimensions} {number}"
        return int.from_bytes(blake2b(text.encode(), digest_size=4).digest()) / 0x100000000

    def _rounded(self, value: float, to_whole: Callable[[float], int]) -> float:
        return float(to_whole(value)) if self.unit in _WHOLE else round(value, 6)


def dashboard_points(end_ms: int) -> list[Point]:
    """Return a data point of each series, the linked account's last.

    Args:
        end_ms: End of the newest period, in milliseconds since the epoch; that of daily metrics
            ended 26 hours earlier.
    """
    series = sorted(_all_series(), key=lambda one: one.account)
    return [one.point(end_ms - one.daily * _LATE_MS) for one in series]


def _all_series() -> Iterator[_Series]:
    for service in tomllib.loads(_SERVICES.read_text(encoding="utf-8"))["service"]:
        for account, key in ((MONITORING_ACCOUNT, "dimensions"), (LINKED_ACCOUNT, "linked")):
            for dimensions in service.get(key, []):
                for name, metric in service["metrics"].items():
                    yield _series(service, account, dimensions, name, metric)


def _series(
    service: Mapping[str, Any], account: str, dimensions: str, name: str, metric: list[Any]
) -> _Series:
    unit, count, least, greatest, *quantiles = metric
    pairs = [pair.partition("=") for pair in dimensions.split(";") if pair]
    return _Series(
        service["namespace"],
        name,
        tuple((key, value) for key, _, value in pairs),
        account,
        service.get("daily", False),
        unit,
        count,
        least,
        greatest,
        tuple(quantiles),
    )
