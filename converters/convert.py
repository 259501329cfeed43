"""The whole way of a delivery: records in, remote-write bodies and an account out."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import snappy

from converters.bodies import Lane, Lanes
from converters.checkpoint import no_checkpoint
from converters.delivery import DeliveryPoints
from converters.encoder import Encoder
from converters.errors import RecordError, TooLargeError
from converters.meter import Meter
from converters.reader import read_points
from converters.records import decode_record
from converters.series import SeriesCache

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from converters.bodies import Compress
    from converters.checkpoint import Checkpoint
    from converters.points import RecordPoints


class Profile(NamedTuple):
    """
    How to convert; the operator's choice.

    Attributes:
        keep_case: Leave the values of point attributes as they are.
        native_histograms: Send exponential histograms as native histograms.
        max_bytes: What a WriteRequest may have before compression.
        cache_bytes: About how much memory a warm converter may hold.
        delivery_bytes: About how much memory one delivery may take beside that.
    """

    keep_case: bool = False
    native_histograms: bool = False
    max_bytes: int = 1_000_000
    cache_bytes: int = 64_000_000
    delivery_bytes: int = 1_000_000_000


class Conversion(NamedTuple):
    """
    What became of a delivery's records.

    `samples` = the samples in `lanes` + all of `dropped_samples`.

    Attributes:
        lanes: The bodies to send; those of one lane one after the other.
        failures: What is wrong with each record that could not be decoded.
        contributing: The records with a point to send, be it that another
            record's sample takes the place of its own.
        data_points: How many points were read, the dropped ones included.
        series: How many series they are of.
        samples: How many samples (and native histograms) were made.
        dropped_points: How many points have no sample in `lanes`, by reason.
        dropped_samples: How many samples were made but are not in `lanes`, by reason.
        oldest_ms: The oldest point's time since the epoch; None without points.
        collided: Metrics of which two identities became one series.
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
    collided: tuple[str, ...]


class Converter:
    """
    Converts deliveries, and remembers their series from one to the next.

    Args:
        profile: How to convert.
        compress: Bytes to snappy's block format.
    """

    def __init__(self, profile: Profile, compress: Compress = snappy.compress) -> None:
        self._profile = profile
        self._compress = compress
        self._meter = Meter(profile.delivery_bytes)
        self._cache = SeriesCache(
            keep_case=profile.keep_case, max_bytes=profile.cache_bytes, meter=self._meter
        )

    def convert(
        self,
        records: Iterable[tuple[int, bytes]],
        *,
        p8s_logzio_name: str,
        delivered_ms: int | None,
        checkpoint: Checkpoint = no_checkpoint,
    ) -> Conversion:
        """
        Convert the records of one delivery. The same records always make the same bodies.

        Args:
            records: Each record's number and its bytes.
            p8s_logzio_name: The value of the label of that name; empty for none.
            delivered_ms: When Firehose put the delivery together, ms since the epoch.
            checkpoint: Called now and then; what it raises ends the conversion.
        """
        self._meter.begin(checkpoint)
        try:
            return self._convert(records, p8s_logzio_name, delivered_ms, checkpoint)
        finally:
            self._cache.trim()

    def _convert(
        self,
        records: Iterable[tuple[int, bytes]],
        p8s_logzio_name: str,
        delivered_ms: int | None,
        checkpoint: Checkpoint,
    ) -> Conversion:
        points = DeliveryPoints()
        failures: dict[int, RecordError] = {}
        sound, contributing = set(), set()
        for number, record in records:
            try:
                found = self.read(record, p8s_logzio_name, checkpoint)
            except RecordError as error:
                failures[number] = error
                continue
            points.add(found)
            if found.data_points:
                sound.add(number)
            if found.data_points > found.dropped.total():
                contributing.add(number)
        try:
            encoder, lanes = self.encode(points, delivered_ms, checkpoint)
        except TooLargeError as error:
            # Whose fault it is cannot be told any more, so nothing is sent.
            failures |= dict.fromkeys(sound, error)
            contributing, points = set(), DeliveryPoints()
            encoder, lanes = self.encode(points, delivered_ms, checkpoint)
        span = points.span()
        return Conversion(
            lanes=lanes,
            failures=failures,
            contributing=frozenset(contributing),
            data_points=points.data_points,
            series=encoder.series,
            samples=encoder.samples,
            dropped_points=+(points.dropped_points + encoder.dropped_points),
            dropped_samples=+encoder.dropped_samples,
            oldest_ms=span[0] if span else None,
            collided=tuple(sorted(encoder.collided)),
        )

    def read(
        self, record: bytes, p8s_logzio_name: str, checkpoint: Checkpoint = no_checkpoint
    ) -> RecordPoints:
        """
        Return the data points of one record.

        Raises:
            RecordError: The record cannot be decoded; nothing of it counts.
        """
        try:
            return read_points(
                decode_record(record, self._meter),
                self._cache,
                p8s_logzio_name=p8s_logzio_name,
                native_histograms=self._profile.native_histograms,
                checkpoint=checkpoint,
            )
        finally:
            self._meter.give_back()

    def encode(
        self,
        points: DeliveryPoints,
        delivered_ms: int | None,
        checkpoint: Checkpoint = no_checkpoint,
    ) -> tuple[Encoder, list[Lane]]:
        """Return the encoder with its account, and the lanes of all bodies."""

        def compress(content: bytes) -> bytes:
            checkpoint()
            compressed = self._compress(content)
            self._meter.keep(len(compressed))
            return compressed

        lanes = Lanes(self._profile.max_bytes, compress)
        encoder = Encoder(lanes, points.late_before(delivered_ms), checkpoint, self._meter)
        encoder.write(points)
        return encoder, lanes.finish()
