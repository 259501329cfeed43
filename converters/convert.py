"""The whole way of a delivery: records in, remote-write bodies and what they hold out."""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import snappy

from converters.bodies import Compress, Lane, Lanes
from converters.cache import SeriesCache, no_deadline
from converters.encoder import Encoder
from converters.errors import RecordError, TooLargeError
from converters.merge import Written
from converters.metadata import Families, Family, families_of
from converters.points import DeliveryPoints
from converters.reader import read_record
from converters.reasons import WarnReason
from converters.rules import SeriesRules
from converters.times import delivery_times

# A CloudWatch point that has to be merged has four samples or a few more.
_MERGED_PER_POINT = 4


class Limits(NamedTuple):
    """What bounds the memory that one delivery takes; the defaults need about a gigabyte.

    Attributes:
        points: How many data points; of those that CloudWatch does not send, how many samples.
        label_bytes: About how much memory the labels of series may take that
            are not remembered yet.
        body_bytes: How large all bodies may be together, compressed.
    """

    points: int = 330_000
    label_bytes: int = 330_000_000
    body_bytes: int = 125_000_000


class Options(NamedTuple):
    """How to convert; the operator's choice.

    Attributes:
        rules: Which series are made, and their names and labels.
        native_histograms: Send exponential histograms as native histograms.
        metadata: Return what is known of the families of the series.
        max_bytes: What a WriteRequest may have before compression.
        cache_bytes: About how much memory a warm converter may hold.
        limits: What one delivery may take beside that.
    """

    rules: SeriesRules = SeriesRules()
    native_histograms: bool = False
    metadata: bool = False
    max_bytes: int = 1_000_000
    cache_bytes: int = 64_000_000
    limits: Limits = Limits()


class Conversion(NamedTuple):
    """The bodies of a delivery, and an account of its records, points and samples.

    `samples` = the samples in `lanes` + all of `dropped_samples`.

    Attributes:
        lanes: The bodies to send; those of one lane one after the other.
        failures: What is wrong with each record that could not be decoded.
        contributing: The records with a point to send, even if another record's
            sample takes the place of its own.
        data_points: How many points were read, the dropped ones included.
        series: How many series they are of.
        samples: How many samples (and native histograms) were made.
        dropped_points: How many points have no sample in `lanes`, by reason.
        dropped_samples: How many samples were made but are not in `lanes`, by reason.
        oldest_ms: The oldest point's time since the epoch; None without points.
        points_without_statistics: How many points have none of the statistics that are selected.
        attributes_left_out: How many point attributes are not in the labels of their series.
        warnings: The names of metrics to warn of, by reason.
        families: What is known of the families of the series; empty unless it is asked for.
    """

    lanes: list[Lane]
    failures: Mapping[int, RecordError]
    contributing: frozenset[int]
    data_points: int
    series: int
    samples: int
    dropped_points: Mapping[str, int]
    dropped_samples: Mapping[str, int]
    oldest_ms: int | None
    points_without_statistics: int
    attributes_left_out: int
    warnings: Mapping[str, tuple[str, ...]]
    families: Mapping[str, Family] = {}


class Converter:
    """Converts deliveries, and remembers their series from one to the next.

    Args:
        options: How to convert.
        compress: Bytes to snappy's block format.
    """

    def __init__(self, options: Options, compress: Compress = snappy.compress) -> None:
        self._options = options
        self._compress = compress
        self._cache = SeriesCache(
            options.rules,
            max_bytes=options.cache_bytes,
            max_new_bytes=options.limits.label_bytes,
        )

    def convert(
        self,
        records: Iterable[tuple[int, bytes]],
        *,
        p8s_logzio_name: str,
        delivered_ms: int | None,
        replayed_ms: int | None = None,
        check_deadline: Callable[[], None] = no_deadline,
    ) -> Conversion:
        """Convert the records of one delivery. The same records always make the same bodies.

        Args:
            records: Each record's number and its bytes.
            p8s_logzio_name: The value of the label of that name; empty for none.
            delivered_ms: When Firehose put the delivery together, in ms since the epoch; None if
                it is not known.
            replayed_ms: When a replay sends it again.
            check_deadline: Called now and then; ends the conversion by raising an error.
        """
        self._cache.begin(check_deadline)
        try:
            return self._convert(records, p8s_logzio_name, delivered_ms, replayed_ms)
        finally:
            self._cache.trim()

    def _convert(
        self,
        records: Iterable[tuple[int, bytes]],
        p8s_logzio_name: str,
        delivered_ms: int | None,
        replayed_ms: int | None,
    ) -> Conversion:
        points = DeliveryPoints(self._cache.selection)
        failures: dict[int, RecordError] = {}
        sound, contributing = set(), set()
        for number, record in records:
            try:
                found = read_record(
                    record,
                    self._cache,
                    p8s_logzio_name=p8s_logzio_name,
                    native_histograms=self._options.native_histograms,
                    size_before=points.size,
                    max_size=self._options.limits.points,
                )
                points.add(found)
            except RecordError as error:
                failures[number] = without_frames(error)
                continue
            if found.data_points:
                sound.add(number)
            if found.data_points > found.dropped.total():
                contributing.add(number)
        try:
            written, lanes = self._encode(points, delivered_ms, replayed_ms)
            families = self._families(points, written)
        except TooLargeError as error:
            # Which record is to blame cannot be found out any more, so nothing is sent.
            failures |= dict.fromkeys(sound, without_frames(error))
            contributing, points = set(), DeliveryPoints(self._cache.selection)
            written, lanes = self._encode(points, delivered_ms, replayed_ms)
            families = {}
        return Conversion(
            lanes=lanes,
            failures=failures,
            contributing=frozenset(contributing),
            data_points=points.data_points,
            series=written.series,
            samples=written.samples,
            dropped_points=+(points.dropped_points + written.dropped_points),
            dropped_samples=+written.dropped_samples,
            oldest_ms=min(points.milliseconds(), default=None),
            points_without_statistics=written.without_statistics,
            attributes_left_out=written.attributes_left_out,
            warnings={why: tuple(sorted(names)) for why, names in written.warnings.items()},
            families=families,
        )

    def _encode(
        self, points: DeliveryPoints, delivered_ms: int | None, replayed_ms: int | None
    ) -> tuple[Written, list[Lane]]:
        limits, check_deadline = self._options.limits, self._cache.check_deadline
        made = 0

        def compress(content: bytes) -> bytes:
            nonlocal made
            check_deadline()
            compressed = self._compress(content)
            made += len(compressed)
            if made > limits.body_bytes:
                raise TooLargeError(
                    f"the bodies of the delivery take more than {limits.body_bytes // 1_000_000} "
                    "MB of memory: give the function more memory"
                )
            return compressed

        lanes = Lanes(self._options.max_bytes, compress)
        native_lanes = Lanes(self._options.max_bytes, compress)
        encoder = Encoder(
            lanes,
            native_lanes,
            delivery_times(
                points.points_at,
                max(points.milliseconds(), default=0),
                delivered_ms,
                replayed_ms,
            ),
            rules=self._options.rules,
            max_merged=_MERGED_PER_POINT * limits.points,
            check_deadline=check_deadline,
        )
        encoder.write(points)
        self._note_labels(points, encoder.written)
        return encoder.written, lanes.finish() + native_lanes.finish()

    def _families(self, points: DeliveryPoints, written: Written) -> Families:
        """Return what is known of the families, and name the metrics that disagree about one.

        There are none if they take too much memory: no delivery fails because of them.
        """
        if not self._options.metadata:
            return {}
        try:
            families, disagreeing = families_of(points.groups())
        except TooLargeError:
            return {}
        if disagreeing:
            written.warnings[WarnReason.METADATA] |= disagreeing
        return families

    def _note_labels(self, points: DeliveryPoints, written: Written) -> None:
        """Count the attributes that were left out, and name metrics with very many labels."""
        crowded = self._cache.crowded
        for group in points.groups() if crowded else ():
            left_out = crowded.get(group)
            if left_out is not None:
                written.attributes_left_out += left_out
                reason = WarnReason.ATTRIBUTES_LEFT_OUT if left_out else WarnReason.MANY_LABELS
                written.warnings[reason].add(group.metric.base)


def without_frames(error: RecordError) -> RecordError:
    """Return an error that no longer keeps what was being read in memory."""
    if error.__cause__ is not None:
        error.__cause__.__traceback__ = None
    return error.with_traceback(None)
