"""From the updates of a sample to those of a month.

A series that has n updates in a sample of m minutes is taken to go on like that: n / m a minute.
Where a series shows its period, that is used instead, since a sample of some hours is no multiple
of it:

- Its updates have one and the same distance, from one end of the sample to the other. Two updates
  are too few to say so, unless most series of the metric have the same distance.
- It has one update, and most series of its metric have shown a period that the sample is too
  short to hold twice.
- Its data points are longer than a minute (those of S3's storage are a day long), or they end
  at midnight, UTC: it has no more than one in that time.
"""

import itertools
import statistics
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from replay.updates import MINUTES_A_DAY, Series, UpdateCounter

DAYS_A_MONTH = 30
MINUTES_A_MONTH = DAYS_A_MONTH * MINUTES_A_DAY

# Up to a tenth of the updates may be late ones, spread over two days. The busiest minutes that
# hold all others show how many updates a minute of the sample has; late ones have far fewer.
_LATE_SHARE = 0.1
_LATE_VOLUME = 4
# Nothing was stored where nothing is for more than so many of the usual distances.
_HOLE = 10
# Metrics arrive by so many minutes later than others.
_DELAY = 5
# Shorter samples see metrics of every hour at midnight too, and nothing else of them.
_SHORT = 120
# Periods up to this part of the sample show how long it is.
_PART = 20
# As many updates at one distance are no accident.
_ENOUGH = 3


@dataclass(frozen=True)
class Coverage:
    """The minutes that a sample holds.

    Attributes:
        begin: The first one since the epoch.
        end: The one behind the last.
        minutes: How many they are, without holes.
        whole: Whether there are no holes.
    """

    begin: int
    end: int
    minutes: int
    whole: bool


@dataclass(frozen=True)
class MetricUsage:
    """What a metric is expected to take in a month of 30 days.

    Attributes:
        namespace: Its namespace.
        name: Its name.
        series: How many series it has.
        updates: Its updates, which CloudWatch counts as MetricUpdate.
        billed: The updates with those for percentiles, which it counts as TotalMetricUpdate.
        guessed: Updates of series that were seen once, at a period that is not known.
    """

    namespace: str
    name: str
    series: int
    updates: int
    billed: int
    guessed: int


def coverage_of(counter: UpdateCounter) -> Coverage:
    """Return which minutes a sample covers.

    Args:
        counter: The sample; not empty.
    """
    coverage = _covered(counter.volumes)
    lengths: dict[int, list[int]] = defaultdict(list)
    for series in itertools.chain(*counter.series.values()):
        period = _steady_period(series, coverage)
        if period is not None and period * _PART <= coverage.minutes:
            lengths[period].append(period * series.updates)
    if not lengths:
        return coverage
    # Metrics arrive at different delays, so all together seem to cover more than each does.
    return replace(coverage, minutes=statistics.median_low(lengths[min(lengths)]))


def _covered(volumes: Mapping[int, int]) -> Coverage:
    """Return the minutes with updates, without late ones, and what is between.

    Args:
        volumes: How many updates each minute has; not empty.
    """
    left = sum(volumes.values()) * (1 - _LATE_SHARE)
    usual = 0
    for usual in sorted(volumes.values(), reverse=True):
        left -= usual
        if left <= 0:
            break
    minutes = sorted(m for m, volume in volumes.items() if volume * _LATE_VOLUME >= usual)
    gaps = [b - a for a, b in itertools.pairwise(minutes)]
    distance = statistics.median_low(gaps) if gaps else 1
    stretches = [[minutes[0], minutes[0]]]
    for minute in minutes[1:]:
        if minute - stretches[-1][1] > _HOLE * distance:
            stretches.append([minute, minute])
        stretches[-1][1] = minute
    # A minute alone has what comes once a day, and that a day late.
    longer = [(a, b) for a, b in stretches if b > a] or stretches
    return Coverage(
        longer[0][0],
        longer[-1][1] + distance,
        sum(b - a + distance for a, b in longer),
        whole=len(longer) == 1,
    )


def usage_of(counter: UpdateCounter, coverage: Coverage) -> list[MetricUsage]:
    """Return what each metric is expected to take in a month."""
    found = []
    for (namespace, name), counted in counter.series.items():
        series = [one for one in counted if one.minutes]
        if series:
            found.append(_usage(namespace, name, series, coverage))
    return found


def _usage(namespace: str, name: str, series: Sequence[Series], coverage: Coverage) -> MetricUsage:
    usual = _usual_period(series, coverage)
    updates = billed = guessed = 0
    for one in series:
        number, is_guess = _updates_a_month(one, coverage, usual)
        updates += number
        billed += number + round(number * one.additional / one.updates)
        guessed += number if is_guess else 0
    return MetricUsage(namespace, name, len(series), updates, billed, guessed)


def _updates_a_month(series: Series, coverage: Coverage, usual: int | None) -> tuple[int, bool]:
    """Return the updates of a series in a month, and whether its period is a guess.

    Args:
        series: The series.
        coverage: The sample.
        usual: The period that most series of the metric have shown; None without any.
    """
    number = series.updates
    period = _steady_period(series, coverage)
    if number < _ENOUGH and period != usual:
        period = None
    if number == 1 and usual is not None and coverage.minutes < 2 * (usual + _DELAY):
        period = usual
    if period is not None:
        return round(MINUTES_A_MONTH / period), False
    expected = round(number * MINUTES_A_MONTH / coverage.minutes)
    longest = max(series.period, MINUTES_A_DAY if _is_daily(series, coverage) else 1)
    limit = max(1, round(MINUTES_A_MONTH / longest))
    if longest > 1 and number >= coverage.minutes // longest:
        return limit, False
    return min(expected, limit), number == 1


def _usual_period(series: Sequence[Series], coverage: Coverage) -> int | None:
    """Return the period of more than half of the series that have one; None without."""
    periods = Counter(filter(None, (_steady_period(one, coverage) for one in series)))
    for period, number in periods.most_common(1):
        return period if 2 * number > periods.total() else None
    return None


def _steady_period(series: Series, coverage: Coverage) -> int | None:
    """Return the distance of all updates, from one end of the sample to the other; None without."""
    number = series.updates
    if number <= 1 or not coverage.whole:
        return None
    period, rest = divmod(series.last - series.first, number - 1)
    reaches = period + _DELAY
    if series.first - coverage.begin > reaches or coverage.end - series.last > reaches:
        return None
    return None if rest or series.minutes != _every(period, number) else period


@lru_cache(maxsize=64)
def _every(period: int, number: int) -> int:
    """Return a number whose bits are set at so many multiples of a period."""
    return ((1 << period * number) - 1) // ((1 << period) - 1)


def _is_daily(series: Series, coverage: Coverage) -> bool:
    """Return whether all updates are at midnight, and the sample has other times as well."""
    span = series.last - series.first
    distance = span // (series.updates - 1) if span else 0
    at_midnight = series.first % MINUTES_A_DAY == 0 and distance % MINUTES_A_DAY == 0
    late = series.last < coverage.begin
    return at_midnight and (late or coverage.minutes >= _SHORT)
