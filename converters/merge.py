"""Samples of one delivery that belong to one series, put in order and written.

A series' points are spread over Metric objects and records, not always in the
order of time, and two of them may even have one timestamp. What is simple (the
points of a group have times of their own, and no other group makes the same
series) is written by `encoder` without all this.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from converters.bodies import Lanes, Piece
from converters.columns import Labels
from converters.errors import TooLargeError
from converters.points import Point
from converters.reasons import DropReason
from converters.statistics import Statistic
from converters.times import DeliveryTimes
from converters.wire import encode_sample, encode_time_series, encode_varint

# Milliseconds since the epoch, the point that the sample is of, its value (of a native histogram,
# the encoded histogram), its statistic.
Sample = tuple[int, Point, bytes, Statistic]

# About every ten milliseconds of work.
_ITEMS_BETWEEN_CHECKS = 1000


@dataclass
class Written:
    """What has been written of a delivery, and what has not.

    Attributes:
        series: How many series were written.
        samples: How many samples were made, the dropped ones included.
        dropped_points: How many points have no sample left, by reason.
        dropped_samples: How many samples were made but not written, by reason.
        without_statistics: How many points have none of the statistics that are selected.
        attributes_left_out: How many point attributes are not in the labels of their series.
        warnings: The names of metrics to warn of, by reason.
    """

    series: int = 0
    samples: int = 0
    dropped_points: Counter[str] = field(default_factory=Counter)
    dropped_samples: Counter[str] = field(default_factory=Counter)
    without_statistics: int = 0
    attributes_left_out: int = 0
    warnings: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def note_unmade(self, dropped: int, *, whole_point: bool) -> None:
        """Count what is not made of a point.

        Args:
            dropped: How many samples rules drop.
            whole_point: Whether nothing is made of the point.
        """
        if not dropped:
            self.without_statistics += whole_point
            return
        self.samples += dropped
        self.dropped_samples[DropReason.RELABEL] += dropped
        self.dropped_points[DropReason.RELABEL] += whole_point

    def lose(self, point: Point, reason: str) -> None:
        """Count one sample of a point as dropped, and the point if it was the last."""
        self.dropped_samples[reason] += 1
        point.left -= 1
        if not point.left:
            self.dropped_points[reason] += 1


class Merged:
    """Series with their samples, each timestamp once.

    Args:
        points: All points, in the order of the delivery.
        max_samples: How many samples they may have.
        written: Where series and samples are counted.
        check_deadline: Called now and then; ends the work by raising an error.
        collision: The reason to count what loses where two groups make one series.
        native: Whether the samples are encoded native histograms.

    Raises:
        TooLargeError: The points have more samples than they may.
    """

    def __init__(
        self,
        points: Iterable[Point],
        max_samples: int,
        written: Written,
        check_deadline: Callable[[], None],
        collision: str,
        *,
        native: bool = False,
    ) -> None:
        self._written = written
        self._collision = collision
        self._native = native
        self._check_deadline = check_deadline
        self._by_series: dict[Labels, dict[int, Sample]] = {}
        left = max_samples
        for number, point in enumerate(points):
            if not number % _ITEMS_BETWEEN_CHECKS:
                check_deadline()
            written.samples += len(point.samples)
            written.without_statistics += not point.samples
            left -= len(point.samples)
            if left < 0:
                raise TooLargeError(
                    f"the delivery has more than {max_samples} samples: give the function "
                    "more memory"
                )
            for statistic, value in point.samples:
                labels = point.group.series(statistic)
                if labels is None:
                    written.lose(point, DropReason.RELABEL)
                    continue
                slots = self._by_series.setdefault(labels, {})
                self._place(slots, (point.milliseconds, point, value, statistic))

    def _place(self, slots: dict[int, Sample], new: Sample) -> None:
        """Of two samples with one timestamp keep the larger count's, the later if equal."""
        old = slots.setdefault(new[0], new)
        if old is new:
            return
        loser = old[1] if new[1].count >= old[1].count else new[1]
        if loser is old[1]:
            slots[new[0]] = new
        reason = self._reason(old, new)
        if reason != DropReason.DUPLICATE:
            self._written.warnings[reason].add(loser.group.metric.base)
        self._written.lose(loser, reason)

    def _reason(self, old: Sample, new: Sample) -> str:
        """Return why two samples with one timestamp are of one series."""
        one, other = old[1].group, new[1].group
        relabelled = one.metric.resource.cache.relabeller
        if relabelled and one.named(old[3]) != other.named(new[3]):
            return DropReason.RELABEL
        if one is other:
            return DropReason.DUPLICATE
        same_unit = one.metric.unit == other.metric.unit
        return self._collision if same_unit else DropReason.UNIT_CONFLICT

    def write(self, lanes: Lanes, times: DeliveryTimes) -> None:
        """Write all series; the delivery's time divides their samples."""
        for number, (labels, slots) in enumerate(self._by_series.items()):
            if not number % _ITEMS_BETWEEN_CHECKS:
                self._check_deadline()
            samples = [sample for _, sample in sorted(slots.items())]
            late_end, older_end, newest_end, late = times.stages(sorted(slots))
            before_now, older, newest, ahead = (
                self._pieces(b"".join(labels), part, lanes.max_bytes)
                for part in (
                    samples[:late_end],
                    samples[late_end:older_end],
                    samples[older_end:newest_end],
                    samples[newest_end:],
                )
            )
            self._written.series += lanes.add_series((before_now, older, newest), ahead, late=late)

    def _pieces(self, labels: bytes, samples: Sequence[Sample], max_bytes: int) -> Iterator[Piece]:
        """Encode runs of samples that fit a request; what does not fit alone is dropped.

        A run ends only where the next sample does not fit, so that no two runs ever fit one body.
        """

        def fits(length: int) -> bool:
            return 1 + len(encode_varint(length)) + length <= max_bytes

        def piece() -> Piece:
            return Piece(encode_time_series(labels, run), len(run), 1, samples[0][1].group)

        run: list[bytes] = []
        size = len(labels)
        for milliseconds, point, value, _ in samples:
            encoded = value if self._native else encode_sample(milliseconds, value)
            if not fits(len(labels) + len(encoded)):
                self._written.lose(point, DropReason.OVERSIZED)
                continue
            if run and not fits(size + len(encoded)):
                yield piece()
                run, size = [], len(labels)
            run.append(encoded)
            size += len(encoded)
        if run:
            yield piece()
