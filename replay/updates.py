"""The metric updates in stored records, counted once for each series and minute.

A metric update is one data point of a metric stream: the statistics of one series and one minute.
It may be stored several times, in a redelivery or in both formats, and is paid for once. Two
streams of one metric are paid for twice; their resources differ in `aws.exporter.arn`.

"Streaming between one and five of these additional statistics for a particular metric is billed as
an additional metric update. Thereafter, each additional set of up to five of these statistics is
billed as another metric update." - CloudWatch User Guide, "Statistics that can be streamed"

Memory depends on the number of series: about a kilobyte each, and a bit for each minute of the
sample.
"""

import hashlib
from collections import Counter
from dataclasses import dataclass

from google.protobuf.message import DecodeError as ProtobufDecodeError
from opentelemetry.proto.metrics.v1.metrics_pb2 import SummaryDataPoint

from converters.attributes import AttributeDecoder, decode_resource
from converters.errors import DecodeError
from converters.records import decoded_messages
from converters.schema.otlp_view_pb2 import PointLabels

MINUTES_A_DAY = 1440

MAX_DAYS = 31
"""How far a data point may be from the first one that was read; bounds the memory of a series."""

_NANOSECONDS_A_MINUTE = 60_000_000_000
_STATISTICS_PER_UPDATE = 5


@dataclass(slots=True, eq=False)
class Series:
    """The updates of one series.

    Attributes:
        first: The minute of the first update, since the epoch.
        minutes: Bit n is set where there is an update n minutes later.
        period: The longest period that its data points name, in minutes.
        additional: How many updates are billed beside its own, for percentiles.
    """

    first: int
    minutes: int = 0
    period: int = 1
    additional: int = 0

    def add(self, minute: int) -> bool:
        """Note an update; return whether it is a new one."""
        if minute < self.first:
            self.minutes <<= self.first - minute
            self.first = minute
        bit = 1 << (minute - self.first)
        if self.minutes & bit:
            return False
        self.minutes |= bit
        return True

    @property
    def updates(self) -> int:
        """The number of its updates."""
        return self.minutes.bit_count()

    @property
    def last(self) -> int:
        """The minute of the last update."""
        return self.first + self.minutes.bit_length() - 1


class UpdateCounter:
    """Counts the updates of CloudWatch's metrics; leaves out those of other producers.

    Attributes:
        series: The series of each namespace and metric name.
        volumes: How many updates each minute since the epoch has.
        repeated: How many data points had been counted before.
        far: How many are not counted, since they are more than MAX_DAYS from the first one.
    """

    def __init__(self) -> None:
        self.series: dict[tuple[str, str], list[Series]] = {}
        self.volumes: Counter[int] = Counter()
        self.repeated = 0
        self.far = 0
        self._anchor: int | None = None
        self._attributes = AttributeDecoder(lambda _size: None)
        # By the bytes on the wire, and by what they mean: two formats write the same series.
        self._by_bytes: dict[tuple[bytes, bytes, bytes], dict[bytes, Series | None]] = {}
        self._by_identity: dict[bytes, Series] = {}

    def add(self, content: bytes) -> None:
        """Count the data points of a record.

        Raises:
            RecordError: The record cannot be decoded; the messages before that are counted.
        """
        for message in decoded_messages(content):
            for resource_metrics in message.resource_metrics:
                resource = b"".join(resource_metrics.resource)
                for scope_metrics in resource_metrics.scope_metrics:
                    for metric in scope_metrics.metrics:
                        named = resource, metric.name, metric.unit
                        for raw in metric.summary.data_points:
                            self._add_point(raw, named)

    def _add_point(self, raw: bytes, named: tuple[bytes, bytes, bytes]) -> None:
        try:
            point = SummaryDataPoint.FromString(raw)
            labels = PointLabels.FromString(raw)
        except ProtobufDecodeError as error:
            raise DecodeError(f"a data point of a Summary: {error}") from error
        minute = point.time_unix_nano // _NANOSECONDS_A_MINUTE
        if not minute:
            return
        labels.DiscardUnknownFields()
        encoded = labels.SerializeToString()
        known = self._by_bytes.setdefault(named, {})
        if encoded in known:
            series = known[encoded]
        else:
            series = known[encoded] = self._find(named, labels, minute)
        if series is not None:
            self._count(series, point, minute)

    def _count(self, series: Series, point: SummaryDataPoint, minute: int) -> None:
        if self._anchor is None:
            self._anchor = minute
        if abs(minute - self._anchor) > MAX_DAYS * MINUTES_A_DAY:
            self.far += 1
            return
        if not series.minutes:
            series.first = minute
        if not series.add(minute):
            self.repeated += 1
            return
        self.volumes[minute] += 1
        percentiles = sum(1 for entry in point.quantile_values if 0 < entry.quantile < 1)
        series.additional += -(-percentiles // _STATISTICS_PER_UPDATE)
        if point.start_time_unix_nano:
            elapsed = point.time_unix_nano - point.start_time_unix_nano
            series.period = max(series.period, elapsed // _NANOSECONDS_A_MINUTE)

    def _find(
        self, named: tuple[bytes, bytes, bytes], labels: PointLabels, minute: int
    ) -> Series | None:
        """Return the series of a point; None if it is not one of CloudWatch's."""
        attributes = self._attributes.decode(labels)
        if attributes.namespace is None or attributes.metric_name is None:
            return None
        resource, name, unit = named
        named_by = attributes.namespace, attributes.metric_name
        meaning = (
            sorted(decode_resource(resource)),
            *(name, unit, named_by, sorted(attributes.dimensions)),
        )
        identity = hashlib.blake2b(repr(meaning).encode(), digest_size=16).digest()
        series = self._by_identity.get(identity)
        if series is None:
            series = self._by_identity[identity] = Series(minute)
            self.series.setdefault(named_by, []).append(series)
        return series
