"""The names of the series of one metric, and the beginnings of its time series."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from converters.labels import encode_label, position_of
from converters.names import metric_name
from converters.profiles.profile import Metric, NamingProfile
from converters.statistics import Statistic
from converters.wire import encode_varint

if TYPE_CHECKING:
    from converters.metadata import Family

# Sample (field 2 of TimeSeries, 16 bytes) up to and with the header of its value.
SAMPLE_HEADER = b"\x12\x10\x09"
# A sample with a timestamp of six varint bytes: the header, the value, a header, the timestamp.
SAMPLE_BYTES = 3 + 8 + 7

_PUNCTUATION = re.compile("[^a-z0-9]")

Labels = tuple[bytes, bytes, bytes]
"""All labels of a series, encoded: those that sort before `__name__`, itself, those behind it."""

Heads = tuple[bytes, ...]
"""What the series of a group's columns begin with."""

Own = tuple[str, str] | None
"""The label that only the series of one statistic has."""


def head_of(labels: bytes, samples: int = 1) -> bytes:
    """Return the beginning of a TimeSeries up to its samples."""
    return b"\x0a" + encode_varint(len(labels) + samples * SAMPLE_BYTES) + labels


class Columns:
    """What distinguishes the series that every data point of a metric has a sample of.

    Args:
        series: The label `__name__` of each, encoded, and the label that only this one has.

    Attributes:
        names: The label `__name__` of each, encoded.
        alike: Whether they differ in nothing but the name.
        size: How many bytes the names have.
    """

    __slots__ = ("_heads", "_series", "alike", "names", "size")

    def __init__(self, series: Sequence[tuple[bytes, Own]]) -> None:
        self._series = tuple(
            [(name, own and own[0], encode_label(*own) if own else b"") for name, own in series]
        )
        self.names = [name for name, _ in series]
        self.alike = not any(own for _, own in series)
        self.size = sum(len(name) for name, _ in series)
        self._heads: dict[tuple[int, int], Heads] = {}

    def labels(self, before: bytes, after: bytes) -> list[Labels]:
        """Return all labels of each series, with what they have in common.

        Args:
            before: The labels that sort before `__name__`.
            after: All others.
        """
        series = []
        for name, own, encoded in self._series:
            if own is None:
                series.append((before, name, after))
            else:
                position = position_of(after, own)
                series.append((before, name, after[:position] + encoded + after[position:]))
        return series

    def heads(self, labels_length: int, samples: int, grow: Callable[[int], None]) -> Heads:
        """Return what the series begin with, for that many bytes of labels behind the name.

        Args:
            labels_length: How many bytes.
            samples: How many samples each series has.
            grow: Called with about how many bytes are remembered from now on.
        """
        if not self._series:
            return ()
        heads = self._heads.get((labels_length, samples))
        if heads is None:
            behind = labels_length + samples * SAMPLE_BYTES
            heads = self._heads[labels_length, samples] = tuple(
                [b"\x0a" + encode_varint(len(it[0]) + behind) + it[0] for it in self._series]
            )
            grow(sum(map(len, heads)))
        return heads


class SeriesNames:
    """The names of the series of one metric.

    Args:
        profile: How they are named.
        metric: The metric.
        columns: The statistics that every data point has a sample of.
        relabelled: Whether rules may change or drop their series.

    Attributes:
        metric: The metric.
        identity: Equal for metrics whose series have the same names.
        statistics: These statistics.
        columns: Their series.
        squeezed: Equal for two metrics whose series may have one name.
        made: Each label `__name__` that a series has got, encoded, with the statistic whose own
            name it is; None if it is another name.
        families: The metadata of these names, as far as it was asked for.
    """

    __slots__ = (
        *("_base", "_profile", "_relabelled", "_texts", "columns", "families", "identity"),
        *("made", "metric", "squeezed", "statistics"),
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
        self.made: dict[bytes, Statistic | None] = {}
        self.families: dict[str, Family] = {}
        self._relabelled = relabelled
        self._profile = profile
        self._base = profile.base_name(metric)
        self.identity = (profile, self._base)
        self.statistics = tuple(columns)
        self._texts = {it: profile.series_name(self._base, it) for it in columns}
        self.columns = Columns([(self.label(it), profile.own_label(it)) for it in columns])
        # In the profile `logzio` the base is the name on the wire, and series lack its prefix.
        self.squeezed = _PUNCTUATION.sub("", metric_name(self._base))

    def name(self, statistic: Statistic) -> str:
        """Return the name of a statistic's series."""
        return self._texts.get(statistic) or self._profile.series_name(self._base, statistic)

    def label(self, statistic: Statistic) -> bytes:
        """Return the label `__name__` of a statistic's series, encoded."""
        label = encode_label("__name__", self.name(statistic))
        if not self._relabelled:
            self.made[label] = statistic
        return label

    def note_relabelled(self, label: bytes, statistic: Statistic) -> None:
        """Note the label `__name__` that rules have made of a statistic's."""
        if label not in self.made:
            self.made[label] = statistic if label == self.label(statistic) else None

    def own_label(self, statistic: Statistic) -> Own:
        """Return the label that only this statistic's series has."""
        return self._profile.own_label(statistic)
