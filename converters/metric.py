"""What is remembered of one metric: its names, and the groups of its series."""

from __future__ import annotations

from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError as ProtobufDecodeError

from converters.attributes import PointAttributes
from converters.columns import SeriesNames
from converters.errors import DecodeError
from converters.labels import SeriesLabels
from converters.names import metric_name
from converters.profiles.profile import Metric
from converters.schema.otlp_view_pb2 import PointLabels
from converters.series import GROUP_OVERHEAD_BYTES, SeriesGroup
from converters.statistics import COLUMNS

if TYPE_CHECKING:
    from converters.cache import ResourceScope
    from converters.metadata import MetricType


class MetricScope:
    """What is known of one metric name and unit within one resource.

    Two units of one name are two metrics, whose points must not pass for repetitions.

    Attributes:
        base: The name that messages to the operator have for it.
        type: What its points are, if they are not Summaries; those of the last record count.
        description: What their producer says about them.
        groups: The groups by the bytes of a point that hold its attributes.
        identities: The same groups by what those bytes mean, and whether they are CloudWatch's.
    """

    __slots__ = (
        *("_name", "_names", "base", "description", "from_cloudwatch", "groups", "identities"),
        *("resource", "type", "unit"),
    )

    def __init__(self, resource: ResourceScope, name: bytes, unit: bytes) -> None:
        try:
            text = name.decode()
        except UnicodeDecodeError as error:
            raise DecodeError(f"the name of a metric is not UTF-8: {error}") from error
        self.resource = resource
        self.unit = unit.decode(errors="replace")
        self.type: MetricType | None = None
        self.description = ""
        self._name = text
        self.base = metric_name(text)
        self.from_cloudwatch = text.startswith("amazonaws.com/")
        self.groups: dict[bytes, SeriesGroup] = {}
        self.identities: dict[tuple[PointAttributes, bool], SeriesGroup] = {}
        self._names: dict[Metric | None, SeriesNames] = {}

    def _names_of(self, metric: Metric, *, from_cloudwatch: bool) -> SeriesNames:
        key = metric if from_cloudwatch else None
        names = self._names.get(key)
        if names is None:
            cache = self.resource.cache
            relabelled = cache.relabeller is not None
            if from_cloudwatch:
                columns = [COLUMNS[column] for column in cache.selection.columns]
                profile = cache.rules.profile
                names = SeriesNames(profile, metric, columns, relabelled=relabelled)
            else:
                names = SeriesNames(cache.rules.others, metric, (), relabelled=relabelled)
            self._names[key] = names
            # The names as text and encoded, each in a table of its own.
            size = 2 * (names.columns.size + len(metric.name) + GROUP_OVERHEAD_BYTES)
            cache.grow(size)
        return names

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

    def group_of(self, attributes: PointAttributes, *, of_summary: bool = True) -> SeriesGroup:
        """Return the group for decoded attributes, whatever their order was on the wire.

        Args:
            attributes: What names a point.
            of_summary: Whether it is a Summary's: CloudWatch sends nothing else.
        """
        from_cloudwatch = of_summary and (self.from_cloudwatch or None not in attributes[:2])
        identity = PointAttributes(
            attributes.namespace, attributes.metric_name, tuple(sorted(attributes.dimensions))
        )
        group = self.identities.get((identity, from_cloudwatch))
        if group is None:
            scope = self.resource
            # With many labels a group takes milliseconds.
            scope.cache.check_deadline()
            metric = self._metric(identity)
            names = self._names_of(metric, from_cloudwatch=from_cloudwatch)
            if scope.cache.relabeller is None:
                labels = scope.cache.labels.encode(
                    scope.labels, metric, identity, self.unit, from_cloudwatch=from_cloudwatch
                )
            else:
                common, left_out = scope.cache.labels.collect(
                    scope.labels, metric, identity, self.unit, from_cloudwatch=from_cloudwatch
                )
                labels = SeriesLabels(common, b"", b"", left_out)
            group = self.identities[identity, from_cloudwatch] = SeriesGroup(
                self, names, labels, identity, from_cloudwatch=from_cloudwatch
            )
            scope.cache.grow(group.size + GROUP_OVERHEAD_BYTES)
        return group

    def labels_of(self, identity: PointAttributes, *, from_cloudwatch: bool) -> dict[str, str]:
        """Return the labels that a group's series have in common, before relabelling."""
        scope, metric = self.resource, self._metric(identity)
        labels, _ = scope.cache.labels.collect(
            scope.labels, metric, identity, self.unit, from_cloudwatch=from_cloudwatch
        )
        return labels

    def _metric(self, identity: PointAttributes) -> Metric:
        metric = Metric(self._name, identity.namespace or "", identity.metric_name or "")
        if self.resource.cache.rules.profile.names_by_dimensions:
            keys = tuple([dimension.key for dimension in identity.dimensions])
            metric = metric._replace(dimensions=keys)
        return metric
