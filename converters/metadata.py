"""What is known of a metric family beside its samples: type, unit and help.

Remote write 1.0 carries it in field 3 (`metadata`) of a WriteRequest, apart from any series; 2.0
with each series. The numbers of the types are the same in both.
"""

import enum
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from converters.columns import SeriesNames
from converters.metric import MetricScope
from converters.schema.remote_write_pb2 import Label, MetricMetadata, WriteRequest
from converters.series import SeriesGroup
from converters.statistics import BOUND, COLUMNS, COUNT, QUANTILE, SUM, Statistic, percent_text
from converters.wire import read_length

# What the names of a histogram's or summary's series end with.
_SUFFIXES = {BOUND: "_bucket", COUNT.kind: "_count", SUM.kind: "_sum"}

# Two percentiles: do they have one name?
_MEDIAN, _MAXIMUM = Statistic(QUANTILE, "0.5"), Statistic(QUANTILE, "1")

# About what a family takes in memory.
_FAMILY_BYTES = 700

# More of it than anybody reads; a producer may write any text.
_MAX_HELP = 1_000


class MetricType(enum.IntEnum):
    """The types that OTLP's kinds of data become."""

    COUNTER = 1
    GAUGE = 2
    HISTOGRAM = 3
    SUMMARY = 5


_SEVERAL_SERIES = (MetricType.HISTOGRAM, MetricType.SUMMARY)


class Family(NamedTuple):
    """A metric family.

    Attributes:
        name: The name of its series, without the suffixes of a histogram or summary.
        type: What its samples are.
        unit: Their unit, as OTLP has it; empty where there is none.
        help: A sentence about it; may be empty.
    """

    name: str
    type: MetricType
    unit: str
    help: str


Families = Mapping[str, Family]
"""Families by the names of their series."""


def families_of(groups: Iterable[SeriesGroup]) -> tuple[Families, set[str]]:
    """Return the families of the metrics that some groups are of, and which metrics disagree.

    Where two metrics make series of one name the first one's family stays. They disagree if the
    other has another unit or type.

    Args:
        groups: In the order of the delivery; their series have been made.

    Raises:
        TooLargeError: They take more memory than the delivery may.

    Returns:
        The families, and the names for messages of the metrics that disagree.
    """
    found: dict[str, Family] = {}
    disagreeing: set[str] = set()
    for names, group in {group.names: group for group in groups}.items():
        for name, family in _made_by(names, group).items():
            known = found.setdefault(name, family)
            if (known.type, known.unit) != (family.type, family.unit):
                disagreeing.add(group.metric.base)
    return found, disagreeing


def _made_by(names: SeriesNames, group: SeriesGroup) -> Families:
    """Return the families of one metric's series; those of CloudWatch's are remembered."""
    metric = group.metric
    if not group.from_cloudwatch or metric.type is not None:
        made = [(_name_in(label), statistic) for label, statistic in names.made.items()]
        return {name: _of_other(name, statistic, metric) for name, statistic in made}
    if len(names.families) < len(names.made):
        metric.resource.cache.check_deadline()
        known = len(names.families)
        for label, statistic in list(names.made.items())[known:]:
            name = _name_in(label)
            names.families[name] = _of_cloudwatch(name, statistic, names, metric)
        metric.resource.cache.grow((len(names.made) - known) * _FAMILY_BYTES)
    return names.families


def _name_in(label: bytes) -> str:
    return Label.FromString(label[read_length(label, 1)[1] :]).value


def _of_cloudwatch(
    name: str, made: Statistic | None, names: SeriesNames, metric: MetricScope
) -> Family:
    """Return a family of gauges; its text depends on nothing that other deliveries had."""
    namespace, metric_name = names.metric.identity()
    statistics = [column.kind for column in COLUMNS if names.name(column) == name]
    if names.name(_MEDIAN) == names.name(_MAXIMUM):
        # All percentiles have one name, and a label.
        statistics += ["percentiles"] * (names.name(_MEDIAN) == name)
    elif made is not None and made.kind == QUANTILE:
        statistics.append(f"p{percent_text(made.value)}")
    text = f"CloudWatch metric {namespace} {metric_name}"
    if statistics:
        text += f", statistic {', '.join(statistics)}"
    # How many values there were has no unit.
    unit = "" if statistics == [COUNT.kind] else metric.unit
    if metric.unit:
        text += f", unit {metric.unit}"
    return Family(name, MetricType.GAUGE, unit, text[:_MAX_HELP])


def _of_other(name: str, statistic: Statistic | None, metric: MetricScope) -> Family:
    """Return a family as its producer describes it."""
    kind = MetricType.SUMMARY if metric.type is None else metric.type
    if statistic is not None and kind in _SEVERAL_SERIES:
        name = name.removesuffix(_SUFFIXES.get(statistic.kind, ""))
    return Family(name, kind, metric.unit, metric.description[:_MAX_HELP])


def metadata_requests(families: Iterable[Family], max_bytes: int) -> Iterator[list[Family]]:
    """Divide families into those of one request each, none larger than `max_bytes`.

    One that is too large alone is left out.
    """
    size = 0
    part: list[Family] = []
    for family in families:
        own = len(encode_metadata([family]))
        if part and size + own > max_bytes:
            yield part
            size, part = 0, []
        if own <= max_bytes:
            size += own
            part.append(family)
    if part:
        yield part


def encode_metadata(families: Iterable[Family]) -> bytes:
    """Return a WriteRequest of 1.0 with metadata alone."""
    return WriteRequest(
        metadata=[
            MetricMetadata(
                type=MetricMetadata.MetricType.Name(family.type),
                metric_family_name=family.name,
                help=family.help,
                unit=family.unit,
            )
            for family in families
        ]
    ).SerializeToString()
