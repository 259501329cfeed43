"""Ready-made beginnings of time series, remembered from delivery to delivery.

CloudWatch sends the same series every minute. What a series costs is its
labels; so they are encoded once, and looked up by the very bytes that named the
data point on the wire. A warm function only appends a value and a timestamp.

A TimeSeries of one sample is written as::

    head                     field header with the length, then the label __name__
    group.prefix             all other labels, then the header of the sample
    value                    8 bytes, as they stood in the OTLP message
    timestamp                field header and 6 bytes of varint (1972 to 2109)

Such a head depends on the metric's name and the length of the prefix alone, so it
is shared by all groups of a metric whose prefixes are equally long. Where the series
of a group differ in other labels than the name, or one sorts before it, each head
holds all labels, and the prefix is the header of the sample.

Whatever is remembered is counted in `cache`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from converters.columns import SAMPLE_HEADER, Columns, Heads, Labels, SeriesNames, head_of
from converters.labels import SeriesLabels, insert_label
from converters.statistics import AVERAGE, COLUMNS, Shape, Statistic, quantile_statistic
from converters.wire import read_length

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from converters.attributes import PointAttributes
    from converters.metric import MetricScope
    from converters.relabelling import Relabeller

# What a group, and a series of it that is remembered by itself, cost beside their own
# bytes: the objects and their entries in the tables.
GROUP_OVERHEAD_BYTES = 700
_SERIES_OVERHEAD_BYTES = 300

# Many servers refuse series with more labels, or leave out some of them.
_MANY_LABELS = 30

# One for all groups that remember nothing else.
_NONE: dict[Statistic | bytes | int, Any] = {}


class SeriesGroup:
    """All series of one raw identity: resource, name and unit of a metric, a point's attributes.

    Args:
        metric: The metric.
        names: The names of its series.
        labels: The labels that they have in common; with relabelling, not encoded.
        identity: The attributes of its points.
        from_cloudwatch: Whether the metric is CloudWatch's.

    Attributes:
        heads: What the series of its columns begin with.
        prefix: What all of them go on with, up to their values.
        shape: Which of the columns they are; None for all that are made.
        key: The same number as of every other group that may make a series of this one too.
        keys: With relabelling, a number for the series of each column; only one that is equal
            has the same number.
    """

    __slots__ = (
        *("_after", "_before", "_columns", "_identity", "_number", "_series", "from_cloudwatch"),
        *("heads", "key", "keys", "metric", "names", "prefix", "shape"),
    )

    def __init__(
        self,
        metric: MetricScope,
        names: SeriesNames,
        labels: SeriesLabels,
        identity: PointAttributes,
        *,
        from_cloudwatch: bool,
    ) -> None:
        self.metric = metric
        self.names = names
        self.from_cloudwatch = from_cloudwatch
        # The labels before relabelling are seldom needed; they are made of it again then.
        self._identity = identity
        # With the label of the name.
        self._number = len(labels.mapping) + 1
        # Labels by statistic, heads by quantile or number of samples; most groups need none.
        self._series: dict[Statistic | bytes | int, Any] = _NONE
        cache = metric.resource.cache
        self.keys: tuple[int, ...] = ()
        if labels.left_out:
            cache.crowded[self] = labels.left_out
        if cache.relabeller is None:
            self.shape = cache.shape
            self._begin(names.columns, labels.before, labels.after, self._number)
            # The same bytes are not kept twice.
            self._after = None if self._columns else labels.after
            self._before = labels.before
            self.key = hash((labels.before, labels.after, names.squeezed))
        else:
            self._after, self._before, self.key = None, b"", 0
            self._relabel(cache.relabeller, labels.mapping)

    def _begin(
        self,
        columns: Columns,
        before: bytes,
        after: bytes,
        number: int,
        series: Iterable[Labels] = (),
    ) -> None:
        """Make the beginnings of the columns, of labels that they have in common.

        All labels of each column are `series`, if they are known.
        """
        self._warn_of(number + (not columns.alike))
        if columns.alike and not before:
            self._columns: Columns | None = columns
            self.prefix = after + SAMPLE_HEADER
            self.heads = columns.heads(len(after), 1, self.metric.resource.cache.grow)
        else:
            self._columns = None
            self.prefix = SAMPLE_HEADER
            series = series or columns.labels(before, after)
            self.heads = tuple([head_of(b"".join(it)) for it in series])

    def _relabel(self, relabeller: Relabeller, labels: Mapping[str, str]) -> None:
        """Make the same of what the rules make of the series."""
        cache = self.metric.resource.cache
        plan = relabeller.plan(self.names, self.names.statistics, labels)
        if plan.columns is not None:
            before, after = plan.encode(labels, cache.labels)
            series = plan.columns.labels(before, after)
            self._begin(plan.columns, before, after, plan.number if plan.made else 0, series)
            for number, label in zip(plan.made, plan.columns.names, strict=True):
                self.names.note_relabelled(label, self.names.statistics[number])
        else:
            statistics = [self.names.statistics[number] for number in plan.made]
            series = [it for it in map(self.series, statistics) if it]
            self._columns = None
            self.prefix = SAMPLE_HEADER
            self.heads = tuple([head_of(b"".join(it)) for it in series])
        self.keys = tuple(map(hash, series))
        self.shape = cache.shape
        if len(plan.made) < len(self.names.statistics):
            selected = cache.selection.columns
            kept = tuple([selected[number] for number in plan.made])
            self.shape = Shape(kept, tuple([n for n in selected if n not in kept]))

    @property
    def size(self) -> int:
        """About how many bytes of labels are kept for this group alone."""
        heads = 0 if self._columns else sum(map(len, self.heads))
        return len(self._before) + len(self._after or b"") + len(self.prefix) + heads

    @property
    def always_makes(self) -> bool:
        """Whether each of its points makes a sample, whatever its count is."""
        return self.shape is None or any(n < COLUMNS.index(AVERAGE) for n in self.shape.kept)

    @property
    def labels(self) -> tuple[bytes, bytes]:
        """The labels that the series have in common, before `__name__` and behind it."""
        cache = self.metric.resource.cache
        if cache.relabeller is not None:
            return cache.labels.encode_all(self._common())
        after = self.prefix[: -len(SAMPLE_HEADER)] if self._after is None else self._after
        return self._before, after

    def _common(self) -> Mapping[str, str]:
        """Return the same as text, where there are rules."""
        cache = self.metric.resource.cache
        # One after the other, the percentiles of a group need them.
        if cache.last_common[0] is not self:
            labels = self.metric.labels_of(self._identity, from_cloudwatch=self.from_cloudwatch)
            cache.last_common = (self, labels)
        return cache.last_common[1]

    def series(self, statistic: Statistic) -> Labels | None:
        """Return all labels of one series, None if a rule drops it; they are remembered."""
        labels: Labels | tuple[()] | None = self._series.get(statistic)
        if labels is None:
            cache = self.metric.resource.cache
            if cache.relabeller is None:
                labels = self.named(statistic)
            else:
                plan = cache.relabeller.plan(self.names, (statistic,), self._common())
                labels = ()
                if plan.made and plan.columns:
                    (labels,) = plan.columns.labels(*plan.encode(self._common(), cache.labels))
                    self.names.note_relabelled(labels[1], statistic)
                    self._warn_of(plan.number)
            self._remember(statistic, labels, sum(map(len, labels)))
        return labels or None

    def named(self, statistic: Statistic) -> Labels:
        """Return all labels of one series before they are relabelled."""
        before, after = self.labels
        own = self.names.own_label(statistic)
        if own is not None:
            after = insert_label(after, *own)
            self._warn_of(self._number + 1)
        return before, self.names.label(statistic), after

    def quantile_head(self, quantile: bytes) -> bytes:
        """Return a percentile's TimeSeries of one sample up to its value; it is remembered.

        It is empty if a rule drops the series.
        """
        head: bytes | None = self._series.get(quantile)
        if head is None:
            statistic = quantile_statistic(quantile)
            plain = self.metric.resource.cache.relabeller is None
            labels = self.named(statistic) if plain else self.series(statistic)
            head = head_of(b"".join(labels)) + SAMPLE_HEADER if labels else b""
            self._remember(quantile, head, len(head))
        return head

    def _warn_of(self, labels: int) -> None:
        """Remember that there is a series with that many labels, if they are very many."""
        if labels > _MANY_LABELS:
            self.metric.resource.cache.crowded.setdefault(self, 0)

    def heads_of(self, samples: int) -> Heads:
        """Return what the series of the columns begin with, for that many samples of each."""
        if self._columns is not None:
            length = len(self.prefix) - len(SAMPLE_HEADER)
            return self._columns.heads(length, samples, self.metric.resource.cache.grow)
        heads: Heads | None = self._series.get(samples)
        if heads is None:
            labels = [head[read_length(head, 1)[1] :] for head in self.heads]
            heads = tuple([head_of(it, samples) for it in labels])
            self._remember(samples, heads, sum(map(len, heads)))
        return heads

    def _remember(self, key: Statistic | bytes | int, made: Any, size: int) -> None:
        if self._series is _NONE:
            self._series = {}
        self._series[key] = made
        self.metric.resource.cache.grow(size + _SERIES_OVERHEAD_BYTES)
