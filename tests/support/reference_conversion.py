"""A second converter, slow and plain, that the real one is compared with.

It knows summaries and gauges, merges one sample after the other in the order of
the wire, and remembers nothing. What it does is written from the contract.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from opentelemetry.proto.metrics.v1.metrics_pb2 import NumberDataPoint, SummaryDataPoint

from testing.converting import DELIVERED_MS, ENVIRONMENT, bits
from testing.rules import Labels
from tests.support.reference_rules import identity, metric_of, point_labels, quantile_text
from tests.support.reference_wire import WirePoint, read_record

_MINUTE_MS = 60_000


@dataclass
class _Source:
    """One data point, and how many of its samples are left."""

    identity: object
    unit: str
    count: int
    left: int


@dataclass
class Expected:
    """What a delivery has to become."""

    series: dict[Labels, dict[int, tuple[str, _Source]]] = field(default_factory=dict)
    data_points: int = 0
    samples: int = 0
    dropped_points: Counter[str] = field(default_factory=Counter)
    dropped_samples: Counter[str] = field(default_factory=Counter)

    def bits(self) -> dict[Labels, list[tuple[int, str]]]:
        """Return the samples in the form of `converting.bits_of`."""
        return {
            labels: [(time, value) for time, (value, _) in sorted(slots.items())]
            for labels, slots in self.series.items()
        }


def expect(
    records: Iterable[bytes],
    environment: str = ENVIRONMENT,
    *,
    keep_case: bool = False,
    unit_label: bool = False,
) -> Expected:
    """Convert a delivery."""
    expected = Expected()
    points = [point for record in records for point in read_record(record)]
    latest = _time_of_delivery(points) + 10 * _MINUTE_MS
    for point in points:
        _add(point, expected, environment, latest, keep_case=keep_case, unit_label=unit_label)
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
    point: WirePoint,
    expected: Expected,
    environment: str,
    latest: int,
    *,
    keep_case: bool,
    unit_label: bool,
) -> None:
    expected.data_points += 1
    if point.numbers.time_unix_nano == 0:
        expected.dropped_points["no_timestamp"] += 1
        return
    named = identity(point.flat, point.members)
    unit = point.unit if unit_label else None
    labels = point_labels(point.resource, named, environment, keep_case=keep_case, unit=unit)
    own = tuple(sorted(a for a in point.resource if a[0] != "aws.exporter.arn"))
    raw_identity = (own, point.metric, named[0], named[1], tuple(sorted(named[2])))
    made = _samples(point, from_cloudwatch=_from_cloudwatch(point, named))
    if point.numbers.flags & 1:
        made = [(suffix, extra, "7ff0000000000002") for suffix, extra, _ in made]
    if _milliseconds(point) > latest:
        expected.samples += len(made)
        expected.dropped_samples["in_the_future"] += len(made)
        expected.dropped_points["in_the_future"] += 1
        return
    count = point.numbers.count if isinstance(point.numbers, SummaryDataPoint) else 0
    source = _Source(raw_identity, point.unit, count, len(made))
    for suffix, extra, value in made:
        expected.samples += 1
        name = {"__name__": metric_of(point.metric, suffix)}
        key = tuple(sorted((labels | name | extra).items()))
        time = point.numbers.time_unix_nano // 1_000_000
        _place(expected, expected.series.setdefault(key, {}), time, (value, source))


def _from_cloudwatch(point: WirePoint, named: tuple[str | None, str | None, object]) -> bool:
    return point.metric.startswith("amazonaws.com/") or None not in named[:2]


def _samples(point: WirePoint, *, from_cloudwatch: bool) -> list[tuple[str, dict[str, str], str]]:
    """Return suffix, label of its own, and value of each sample."""
    numbers = point.numbers
    if isinstance(numbers, NumberDataPoint):
        return [("", {}, bits(numbers.as_double))]
    made: list[tuple[str, dict[str, str], str]] = [
        ("_sum", {}, bits(numbers.sum)),
        ("_count", {}, bits(float(numbers.count))),
    ]
    for entry in numbers.quantile_values:
        if from_cloudwatch and entry.quantile in (0, 1):
            made.append(("_max" if entry.quantile else "_min", {}, bits(entry.value)))
        else:
            made.append(("", {"quantile": quantile_text(entry.quantile)}, bits(entry.value)))
    return made


def _place(
    expected: Expected,
    slots: dict[int, tuple[str, _Source]],
    time: int,
    new: tuple[str, _Source],
) -> None:
    old = slots.get(time)
    if old is None:
        slots[time] = new
        return
    winner, loser = (old, new) if old[1].count > new[1].count else (new, old)
    slots[time] = winner
    same = old[1].identity == new[1].identity
    reason = "duplicate" if same else "case_collision"
    if old[1].unit != new[1].unit:
        reason = "unit_conflict"
    expected.dropped_samples[reason] += 1
    loser[1].left -= 1
    if not loser[1].left:
        expected.dropped_points[reason] += 1
