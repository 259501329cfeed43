"""A second converter, slow and plain, that the real one is compared with.

It knows summaries and gauges, merges one sample after the other in the order of
the wire, and remembers nothing. What it does is written from the contract.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from opentelemetry.proto.metrics.v1.metrics_pb2 import NumberDataPoint, SummaryDataPoint

from testing.converting import DELIVERED_MS, ENVIRONMENT, bits
from testing.rules import Labels
from tests.support.reference_profiles import point_labels, series_name
from tests.support.reference_rules import Pairs, identity, quantile_text
from tests.support.reference_wire import WirePoint, read_record

_MINUTE_MS = 60_000


@dataclass
class _Source:
    """One data point, and how many of its samples are left."""

    identity: object
    unit: str
    count: int
    left: int


# The value of a sample, the point that it is of, and its labels before they are relabelled.
_Slot = tuple[str, _Source, Labels]


@dataclass
class Expected:
    """What a delivery has to become."""

    series: dict[Labels, dict[int, _Slot]] = field(default_factory=dict)
    data_points: int = 0
    without_statistics: int = 0
    samples: int = 0
    dropped_points: Counter[str] = field(default_factory=Counter)
    dropped_samples: Counter[str] = field(default_factory=Counter)

    def bits(self) -> dict[Labels, list[tuple[int, str]]]:
        """Return the samples in the form of `converting.bits_of`."""
        return {
            labels: [(time, value) for time, (value, *_) in sorted(slots.items())]
            for labels, slots in self.series.items()
        }


@dataclass(frozen=True)
class Choices:
    """What the operator decides.

    Attributes:
        statistics: Kinds of statistics, `quantile` for all percentiles; None for the profile's.
        relabel: Returns the labels that rules make of a series, None where they drop it.
    """

    profile: str = "logzio"
    statistics: frozenset[str] | None = None
    keep_case: bool = False
    unit_label: bool = False
    external: Pairs = ()
    relabel: Callable[[dict[str, str]], dict[str, str] | None] | None = None

    def wants(self, kind: str) -> bool:
        """Return whether a statistic of CloudWatch's becomes a series."""
        if self.statistics is not None:
            return kind in self.statistics
        return kind != "Average" or self.profile in ("yace", "cloudwatch_exporter")


def expect(
    records: Iterable[bytes],
    environment: str = ENVIRONMENT,
    choices: Choices = Choices(),
) -> Expected:
    """Convert a delivery."""
    expected = Expected()
    points = [point for record in records for point in read_record(record)]
    latest = _time_of_delivery(points) + 10 * _MINUTE_MS
    for point in points:
        _add(point, expected, environment, latest, choices)
    return expected


def _milliseconds(point: WirePoint) -> int:
    return point.numbers.time_unix_nano // 1_000_000


def _time_of_delivery(points: list[WirePoint]) -> int:
    """Return Firehose's time, or the newest one that most points agree with."""
    times = [_milliseconds(point) for point in points if point.numbers.time_unix_nano]
    ahead = [time for time in times if time > DELIVERED_MS + 10 * _MINUTE_MS]
    if 2 * len(ahead) <= len(times):
        return DELIVERED_MS
    for candidate in sorted(times, reverse=True):
        first, last = candidate - 60 * _MINUTE_MS, candidate + 10 * _MINUTE_MS
        if 2 * sum(first <= time <= last for time in times) > len(times):
            return candidate
    return max(times)


def _add(
    point: WirePoint, expected: Expected, environment: str, latest: int, choices: Choices
) -> None:
    expected.data_points += 1
    if point.numbers.time_unix_nano == 0:
        expected.dropped_points["no_timestamp"] += 1
        return
    named = identity(point.flat, point.members)
    of_cloudwatch = isinstance(point.numbers, SummaryDataPoint) and (
        point.metric.startswith("amazonaws.com/") or None not in named[:2]
    )
    labels = point_labels(
        point.resource,
        named,
        environment,
        keep_case=choices.keep_case,
        unit=point.unit if choices.unit_label else None,
        profile=choices.profile,
        wire=point.metric,
        of_cloudwatch=of_cloudwatch,
        external=choices.external,
    )
    own = tuple(sorted(a for a in point.resource if a[0] != "aws.exporter.arn"))
    raw_identity = (own, point.metric, named[0], named[1], tuple(sorted(named[2])))
    made = _samples(point, choices, of_cloudwatch=of_cloudwatch)
    if point.numbers.flags & 1:
        made = [(kind, quantile, "7ff0000000000002") for kind, quantile, _ in made]
    expected.samples += len(made)
    if not made:
        expected.without_statistics += 1
    elif _milliseconds(point) > latest:
        expected.dropped_samples["in_the_future"] += len(made)
        expected.dropped_points["in_the_future"] += 1
        return
    count = point.numbers.count if isinstance(point.numbers, SummaryDataPoint) else 0
    source = _Source(raw_identity, point.unit, count, len(made))
    profile = choices.profile if of_cloudwatch else "logzio"
    parts = named[0] or "", named[1] or "", named[2]
    for kind, quantile, value in made:
        name, extra = series_name(profile, point.metric, parts, kind, quantile)
        plain = labels | extra | {"__name__": name}
        final = plain if choices.relabel is None else choices.relabel(plain)
        if final is None:
            _lose(source, "relabel", expected)
            continue
        slots = expected.series.setdefault(tuple(sorted(final.items())), {})
        sample = (value, source, tuple(sorted(plain.items())))
        _place(expected, slots, _milliseconds(point), sample, choices.profile)


_ORDER = ("Sum", "SampleCount", "Minimum", "Maximum", "Average", "quantile")


def _samples(
    point: WirePoint, choices: Choices, *, of_cloudwatch: bool
) -> list[tuple[str, str, str]]:
    """Return kind, quantile and value of each sample."""
    numbers = point.numbers
    if isinstance(numbers, NumberDataPoint):
        return [("", "", bits(numbers.as_double))]
    made = [("Sum", "", bits(numbers.sum)), ("SampleCount", "", bits(float(numbers.count)))]
    for entry in numbers.quantile_values:
        if of_cloudwatch and entry.quantile in (0, 1):
            made.append(("Maximum" if entry.quantile else "Minimum", "", bits(entry.value)))
        else:
            made.append(("quantile", quantile_text(entry.quantile), bits(entry.value)))
    if not of_cloudwatch:
        return made
    if numbers.count:
        made.append(("Average", "", bits(numbers.sum / float(numbers.count))))
    if choices.relabel is not None:
        made.sort(key=lambda sample: _ORDER.index(sample[0]))
    return [sample for sample in made if choices.wants(sample[0])]


def _place(
    expected: Expected, slots: dict[int, _Slot], time: int, new: _Slot, profile: str
) -> None:
    old = slots.get(time)
    if old is None:
        slots[time] = new
        return
    winner, loser = (old, new) if old[1].count > new[1].count else (new, old)
    slots[time] = winner
    reason = "case_collision" if profile == "logzio" else "name_collision"
    if old[1].unit != new[1].unit:
        reason = "unit_conflict"
    elif old[1].identity == new[1].identity:
        reason = "duplicate"
    if old[2] != new[2]:
        reason = "relabel"
    _lose(loser[1], reason, expected)


def _lose(source: _Source, reason: str, expected: Expected) -> None:
    expected.dropped_samples[reason] += 1
    source.left -= 1
    if not source.left:
        expected.dropped_points[reason] += 1
