"""Ready-made beginnings of time series, remembered from delivery to delivery.

CloudWatch sends the same series every minute. What a series costs is its
labels; so they are encoded once, and looked up by the very bytes that named the
data point on the wire. A warm function only appends a value and a timestamp.

A TimeSeries of one sample is written as::

    head                     field header with the length, then the label __name__
    group.prefix             all other labels, then the header of the sample
    value                    8 bytes, as they stood in the OTLP message
    timestamp                field header and 6 bytes of varint (1972 to 2109)

The head depends on the metric's name and the length of the prefix alone, so it
is shared by all groups of a metric whose prefixes are equally long.

Whatever is remembered is counted in `cache`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from google.protobuf.message import DecodeError as ProtobufDecodeError

from converters.attributes import PointAttributes
from converters.errors import DecodeError
from converters.labels import SeriesLabels, encode_label, insert_label
from converters.names import decimal_text, metric_name
from converters.schema.otlp_view_pb2 import PointLabels
from converters.wire import double_of, encode_varint

if TYPE_CHECKING:
    from converters.cache import ResourceScope

# Sample (field 2 of TimeSeries, 16 bytes) up to and with the header of its value.
SAMPLE_HEADER = b"\x12\x10\x09"
# A sample with a timestamp of six varint bytes: the header, the value, a header, the timestamp.
SAMPLE_BYTES = 3 + 8 + 7

# What a group, and a series of it that is remembered by itself, cost beside their own
# bytes: the objects and their entries in the tables.
GROUP_OVERHEAD_BYTES = 700
_SERIES_OVERHEAD_BYTES = 300

# Many servers refuse series with more labels, or leave out some of them.
_MANY_LABELS = 30

# The heads of sum, count, minimum and maximum.
Heads = tuple[bytes, bytes, bytes, bytes]


class Statistic(NamedTuple):
    """What distinguishes the series of one group: the name's suffix and a label of its own."""

    suffix: str
    label: tuple[str, str] | None = None


SUM = Statistic("_sum")
COUNT = Statistic("_count")
MIN = Statistic("_min")
MAX = Statistic("_max")
VALUE = Statistic("")


@lru_cache(maxsize=1024)
def quantile_statistic(quantile: bytes) -> Statistic:
    """Return the statistic for a quantile, 8 bytes of a little-endian double."""
    return Statistic("", ("quantile", decimal_text(double_of(quantile))))


class SeriesGroup:
    """All series of one raw identity: resource, name and unit of a metric, a point's attributes."""

    __slots__ = ("_labels", "_series", "from_cloudwatch", "heads", "metric", "prefix")

    def __init__(self, metric: MetricScope, labels: SeriesLabels, *, from_cloudwatch: bool) -> None:
        self.metric = metric
        self.from_cloudwatch = from_cloudwatch
        self.prefix = labels.encoded + SAMPLE_HEADER
        self.heads = metric.heads(len(labels.encoded))
        # With the label of the name.
        self._labels = labels.number + 1
        if labels.left_out or self._labels > _MANY_LABELS:
            metric.resource.cache.crowded[self] = labels.left_out
        # Labels by statistic, and heads by quantile; most groups never need one.
        self._series: dict[Statistic | bytes, bytes] | None = None

    def series_labels(self, statistic: Statistic) -> bytes:
        """Return all labels of one series, encoded and sorted; they are remembered."""
        labels = self._series and self._series.get(statistic)
        return labels or self._remember(statistic, self._encode_labels(statistic))

    def _encode_labels(self, statistic: Statistic) -> bytes:
        labels = self.prefix[: -len(SAMPLE_HEADER)]
        if statistic.label is not None:
            labels = insert_label(labels, *statistic.label)
            if self._labels + 1 > _MANY_LABELS:
                self.metric.resource.cache.crowded.setdefault(self, 0)
        return self.metric.name_label(statistic.suffix) + labels

    def quantile_head(self, quantile: bytes) -> bytes:
        """Return a percentile's TimeSeries of one sample up to its value; it is remembered."""
        head = self._series and self._series.get(quantile)
        if head:
            return head
        labels = self._encode_labels(quantile_statistic(quantile))
        length = encode_varint(len(labels) + SAMPLE_BYTES)
        return self._remember(quantile, b"\x0a" + length + labels + SAMPLE_HEADER)

    def _remember(self, key: Statistic | bytes, encoded: bytes) -> bytes:
        if self._series is None:
            self._series = {}
        self._series[key] = encoded
        self.metric.resource.cache.grow(len(encoded) + _SERIES_OVERHEAD_BYTES)
        return encoded


class MetricScope:
    """What is known of one metric name and unit within one resource.

    Two units of one name are two metrics, whose points must not pass for repetitions.

    Attributes:
        names: The label `__name__` of sum, count, minimum and maximum, encoded.
        groups: The groups by the bytes of a point that hold its attributes.
        identities: The same groups by what those bytes mean.
    """

    __slots__ = (
        *("_heads", "_name", "base", "from_cloudwatch", "groups", "identities", "names"),
        *("resource", "unit"),
    )

    def __init__(self, resource: ResourceScope, name: bytes, unit: bytes) -> None:
        try:
            text = name.decode()
        except UnicodeDecodeError as error:
            raise DecodeError(f"the name of a metric is not UTF-8: {error}") from error
        self.resource = resource
        self.unit = unit.decode(errors="replace")
        self._name = text
        self.base = metric_name(text)
        self.from_cloudwatch = text.startswith("amazonaws.com/")
        self.names = tuple(self.name_label(s.suffix) for s in (SUM, COUNT, MIN, MAX))
        self.groups: dict[bytes, SeriesGroup] = {}
        self.identities: dict[PointAttributes, SeriesGroup] = {}
        self._heads: dict[tuple[int, int], Heads] = {}

    def name_label(self, suffix: str) -> bytes:
        """Return the label `__name__` with a statistic's suffix, encoded."""
        return encode_label("__name__", metric_name(self._name, suffix))

    def heads(self, labels_length: int, samples: int = 1) -> Heads:
        """Return what sum, count, minimum and maximum begin with, for that many bytes of labels."""
        heads = self._heads.get((labels_length, samples))
        if heads is None:
            behind_name = labels_length + samples * SAMPLE_BYTES
            a, b, c, d = [
                b"\x0a" + encode_varint(len(name) + behind_name) + name for name in self.names
            ]
            heads = self._heads[labels_length, samples] = (a, b, c, d)
            self.resource.cache.grow(sum(map(len, heads)))
        return heads

    def group(self, raw: bytes) -> SeriesGroup | None:
        """Return the group for the bytes of a point that should hold its attributes and no more.

        None where they hold anything else, or where the point is not
        CloudWatch's: it then has to be decoded whole.

        Raises:
            DecodeError: An attribute is not what the specification says.
        """
        try:
            labels = PointLabels.FromString(raw)
        except ProtobufDecodeError:
            return None
        labels.DiscardUnknownFields()
        if labels.ByteSize() != len(raw):
            return None
        group = self.group_of(self.resource.cache.attributes.decode(labels))
        if not group.from_cloudwatch:
            return None
        self.groups[raw] = group
        self.resource.cache.grow(len(raw))
        return group

    def group_of(self, attributes: PointAttributes) -> SeriesGroup:
        """Return the group for decoded attributes, whatever their order was on the wire."""
        identity = PointAttributes(
            attributes.namespace, attributes.metric_name, tuple(sorted(attributes.dimensions))
        )
        group = self.identities.get(identity)
        if group is None:
            scope = self.resource
            # With many labels a group takes milliseconds.
            scope.cache.check_deadline()
            group = self.identities[identity] = SeriesGroup(
                self,
                scope.cache.labels.encode(scope.labels, identity, self.unit),
                from_cloudwatch=self.from_cloudwatch
                or (attributes.namespace is not None and attributes.metric_name is not None),
            )
            scope.cache.grow(len(group.prefix) + GROUP_OVERHEAD_BYTES)
        return group
