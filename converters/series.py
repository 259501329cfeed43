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

import re
from typing import TYPE_CHECKING, Any

from converters.labels import (
    SeriesLabels,
    decode_labels,
    encode_label,
    insert_label,
    position_of,
)
from converters.profiles.profile import Metric, NamingProfile
from converters.statistics import AVERAGE, COLUMNS, Shape, Statistic, quantile_statistic
from converters.wire import encode_varint, read_length

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from converters.metadata import Family
    from converters.metric import MetricScope


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

_PUNCTUATION = re.compile("[^a-z0-9]")

Labels = tuple[bytes, bytes, bytes]
"""All labels of a series, encoded: those that sort before `__name__`, itself, those behind it."""

Heads = tuple[bytes, ...]
"""What the series of a group's columns begin with."""


# One for all groups that remember nothing else.
_NONE: dict[Statistic | bytes | int, Any] = {}


def _head(labels: bytes, samples: int = 1, *, behind: int = 0) -> bytes:
    """Return the beginning of a TimeSeries, behind which come so many bytes of labels."""
    return b"\x0a" + encode_varint(len(labels) + behind + samples * SAMPLE_BYTES) + labels


class SeriesNames:
    """The names of the series of one metric.

    Args:
        profile: How they are named.
        metric: The metric.
        columns: The statistics that every data point has a series of.
        relabelled: Whether rules may change or drop these.

    Attributes:
        metric: The metric.
        columns: The labels `__name__` of these, encoded.
        alike: Whether their series differ in nothing but the name.
        squeezed: Equal for two metrics whose series may have one name.
        made: Every name that a series has got, with the statistic that it is the name of.
        families: The metadata of these names, as far as it was asked for.
    """

    __slots__ = (
        *("_base", "_heads", "_own", "_profile", "_relabelled", "alike", "columns", "families"),
        *("made", "metric", "squeezed"),
    )

    def __init__(
        self,
        profile: NamingProfile,
        metric: Metric,
        columns: Sequence[Statistic],
        *,
        relabelled: bool,
    ) -> None:
        self.metric = metric
        self.made: dict[str, Statistic | None] = {}
        self.families: dict[str, Family] = {}
        self._relabelled = relabelled
        self._profile = profile
        self._base = profile.base_name(metric)
        self.columns = tuple(map(self.label, columns))
        self._own = tuple(map(profile.own_label, columns))
        self.alike = not any(self._own)
        self.squeezed = _PUNCTUATION.sub("", self._base.lower())
        self._heads: dict[tuple[int, int], Heads] = {}

    def name(self, statistic: Statistic) -> str:
        """Return the name of a statistic's series."""
        return self._profile.series_name(self._base, statistic)

    def label(self, statistic: Statistic) -> bytes:
        """Return the label `__name__` of a statistic's series, encoded."""
        name = self.name(statistic)
        if not self._relabelled:
            self.made[name] = statistic
        return encode_label("__name__", name)

    def note_relabelled(self, name: str, statistic: Statistic) -> None:
        """Remember what rules have made of the name of a statistic's series."""
        if name == self.name(statistic):
            self.made[name] = statistic
        else:
            self.made.setdefault(name, None)

    def own_label(self, statistic: Statistic) -> tuple[str, str] | None:
        """Return the label that only this statistic's series has."""
        return self._profile.own_label(statistic)

    def labels_of_columns(self, before: bytes, after: bytes) -> Iterator[bytes]:
        """Iterate over all labels of each column's series, with what they have in common."""
        positions: dict[str, int] = {}
        for name, own in zip(self.columns, self._own, strict=True):
            if own is None:
                yield before + name + after
                continue
            position = positions.get(own[0])
            if position is None:
                position = positions[own[0]] = position_of(after, own[0])
            yield before + name + after[:position] + encode_label(*own) + after[position:]

    def heads(self, labels_length: int, samples: int, metric: MetricScope) -> Heads:
        """Return what the columns begin with, for that many bytes of labels behind the name."""
        if not self.columns:
            return ()
        heads = self._heads.get((labels_length, samples))
        if heads is None:
            behind_name = labels_length + samples * SAMPLE_BYTES
            heads = self._heads[labels_length, samples] = tuple(
                [b"\x0a" + encode_varint(len(name) + behind_name) + name for name in self.columns]
            )
            metric.resource.cache.grow(sum(map(len, heads)))
        return heads


class SeriesGroup:
    """All series of one raw identity: resource, name and unit of a metric, a point's attributes.

    Args:
        metric: The metric.
        names: The names of its series.
        labels: The labels that they have in common.
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
        *("_after", "_before", "_number", "_series", "from_cloudwatch", "heads", "key", "keys"),
        *("metric", "names", "prefix", "shape"),
    )

    def __init__(
        self,
        metric: MetricScope,
        names: SeriesNames,
        labels: SeriesLabels,
        *,
        from_cloudwatch: bool,
    ) -> None:
        self.metric = metric
        self.names = names
        self.from_cloudwatch = from_cloudwatch
        self._before = labels.before
        # With the label of the name.
        self._number = len(labels.mapping) + 1
        # Labels by statistic, heads by quantile or number of samples; most groups need none.
        self._series: dict[Statistic | bytes | int, Any] = _NONE
        cache = metric.resource.cache
        self.shape = cache.shape
        self.keys: tuple[int, ...] = ()
        if labels.left_out:
            cache.crowded[self] = labels.left_out
        if cache.rules.relabel:
            self._after: bytes | None = labels.after
            self._relabel_columns(labels.mapping)
        elif names.alike and not labels.before:
            # The same bytes are not kept twice.
            self._after = None
            self.prefix = labels.after + SAMPLE_HEADER
            self.heads = names.heads(len(labels.after), 1, metric)
            self._warn_of(self._number)
        else:
            self._after = labels.after
            self.prefix = SAMPLE_HEADER
            self.heads = tuple(map(_head, names.labels_of_columns(labels.before, labels.after)))
            self._warn_of(self._number + (not names.alike))
        self.key = hash((labels.before, labels.after, names.squeezed))

    @property
    def size(self) -> int:
        """About how many bytes of labels are kept for this group alone."""
        own = 0 if self._after is None else len(self._after) + sum(map(len, self.heads))
        return len(self._before) + len(self.prefix) + own

    @property
    def always_makes(self) -> bool:
        """Whether each of its points makes a sample, whatever its count is."""
        return self.shape is None or any(n < COLUMNS.index(AVERAGE) for n in self.shape.kept)

    @property
    def labels(self) -> tuple[bytes, bytes]:
        """The labels that the series have in common, before `__name__` and behind it."""
        after = self.prefix[: -len(SAMPLE_HEADER)] if self._after is None else self._after
        return self._before, after

    def _relabel_columns(self, mapping: Mapping[str, str]) -> None:
        cache = self.metric.resource.cache
        columns = cache.selection.columns if self.from_cloudwatch else ()
        series = {n: self._relabelled(mapping, COLUMNS[n]) for n in columns}
        made = [labels for labels in series.values() if labels]
        ends = {labels[2] for labels in made if not labels[0]}
        if len(ends) == 1 and not any(labels[0] for labels in made):
            (end,) = ends
            self.prefix = end + SAMPLE_HEADER
            self.heads = tuple([_head(labels[1], behind=len(end)) for labels in made])
        else:
            self.prefix = SAMPLE_HEADER
            self.heads = tuple([_head(b"".join(labels)) for labels in made])
        self.keys = tuple(map(hash, made))
        if len(made) < len(columns):
            kept = tuple([n for n in columns if series[n]])
            self.shape = Shape(kept, tuple([n for n in columns if not series[n]]))

    def _relabelled(self, mapping: Mapping[str, str], statistic: Statistic) -> Labels | None:
        """Return the labels that the rules make of a series; None if they drop it."""
        cache = self.metric.resource.cache
        own = self.names.own_label(statistic)
        named = {**mapping, "__name__": self.names.name(statistic)}
        labels = cache.rules.relabel.apply(named if own is None else {**named, own[0]: own[1]})
        if labels is None:
            return None
        self.names.note_relabelled(labels["__name__"], statistic)
        self._warn_of(len(labels))
        return cache.labels.encode_all(labels)

    def series(self, statistic: Statistic) -> Labels | None:
        """Return all labels of one series, None if a rule drops it; they are remembered."""
        labels: Labels | tuple[()] | None = self._series.get(statistic)
        if labels is None:
            if self.metric.resource.cache.rules.relabel:
                mapping = decode_labels(b"".join(self.labels))
                labels = self._relabelled(mapping, statistic) or ()
            else:
                labels = self.named(statistic)
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
            relabelled = bool(self.metric.resource.cache.rules.relabel)
            labels = self.series(statistic) if relabelled else self.named(statistic)
            head = _head(b"".join(labels)) + SAMPLE_HEADER if labels else b""
            self._remember(quantile, head, len(head))
        return head

    def _warn_of(self, labels: int) -> None:
        """Remember that there is a series with that many labels, if they are very many."""
        if labels > _MANY_LABELS:
            self.metric.resource.cache.crowded.setdefault(self, 0)

    def heads_of(self, samples: int) -> Heads:
        """Return what the series of the columns begin with, for that many samples of each."""
        if self._after is None:
            return self.names.heads(len(self.prefix) - len(SAMPLE_HEADER), samples, self.metric)
        heads: Heads | None = self._series.get(samples)
        if heads is None:
            begun = [head[read_length(head, 1)[1] :] for head in self.heads]
            behind = len(self.prefix) - len(SAMPLE_HEADER)
            heads = tuple([_head(labels, samples, behind=behind) for labels in begun])
            self._remember(samples, heads, sum(map(len, heads)))
        return heads

    def _remember(self, key: Statistic | bytes | int, made: Any, size: int) -> None:
        if self._series is _NONE:
            self._series = {}
        self._series[key] = made
        self.metric.resource.cache.grow(size + _SERIES_OVERHEAD_BYTES)
