"""The labels of a series, put together from a resource and a data point.

Whatever the attributes are called, the result is valid for remote write
(names sorted bytewise, unique; nothing empty), depends on nothing but the
attributes, and no value is lost to a name that is already taken.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache
from typing import NamedTuple

from converters.attributes import Attribute, PointAttributes
from converters.profiles.profile import Metric, NamingProfile
from converters.rules import SeriesRules
from converters.statistics import QUANTILE, Statistic
from converters.wire import encode_field, read_length

# The ARN names the metric stream, not what was measured: in a monitoring
# account it is the same for all linked accounts.
_EXPORTER_ARN = "aws.exporter.arn"

# What an entry of a table costs beside its own bytes.
_OVERHEAD_BYTES = 300


_LOGZIO = SeriesRules()


class SeriesLabels(NamedTuple):
    """All labels of a group of series but `__name__` and `quantile` or `le`.

    Attributes:
        mapping: Their values by name.
        before: Those whose names sort before `__name__`, as repeated field 1 (`labels`) of a
            TimeSeries, sorted by name.
        after: All others, likewise.
        left_out: How many point attributes were left out, since they were too many.
    """

    mapping: dict[str, str]
    before: bytes
    after: bytes
    left_out: int


class ResourceLabels:
    """The labels that all series of one resource share.

    Args:
        attributes: The resource's attributes, as `attributes.decode_resource` gives them.
        p8s_logzio_name: The environment label's value; empty for none.
        rules: Which labels the series have.

    Attributes:
        fixed: Labels with a reserved name, each by the first attribute that gives it.
        of_cloudwatch: Those of them that the series of CloudWatch's metrics have.
        movable: All other labels, which give way to those of a point.
        identity: What the labels depend on; equal for attributes in another order,
            unless the order makes a difference to `fixed`.
    """

    __slots__ = ("fixed", "identity", "movable", "of_cloudwatch")

    def __init__(
        self,
        attributes: Iterable[Attribute],
        p8s_logzio_name: str,
        rules: SeriesRules = _LOGZIO,
    ) -> None:
        profile = rules.profile
        fixed: dict[str, str] = {}
        if p8s_logzio_name:
            fixed["p8s_logzio_name"] = p8s_logzio_name
        first: list[Attribute] = []
        others: list[Attribute] = []
        for attribute in attributes:
            name = profile.resource_names.get(attribute.key)
            if name is not None and attribute.value and name not in fixed:
                fixed[name] = attribute.value
                first.append(attribute)
            elif attribute.key != _EXPORTER_ARN:
                others.append(attribute)
        gathered: dict[str, list[Attribute]] = {}
        for attribute in others:
            if attribute.value:
                gathered.setdefault(profile.resource_label(attribute.key), []).append(attribute)
        movable = {name: _join(values) for name, values in gathered.items()}
        self.fixed = fixed
        self.of_cloudwatch = {
            name: value for name, value in fixed.items() if name not in profile.not_of_cloudwatch
        }
        self.movable = _moved(movable, "resource_", rules.reserved | fixed.keys())
        self.identity = (*sorted(first), *sorted(others))


class LabelEncoder:
    """Puts the labels of series together; remembers names and encoded labels, since they repeat.

    Args:
        rules: Which labels the series have.
        grow: Called with about how many bytes are remembered from now on.
    """

    def __init__(self, rules: SeriesRules, grow: Callable[[int], None]) -> None:
        self._grow = grow
        self._rules = rules
        self._of_all = rules.labels_of_all
        self._lower_case = not (
            rules.profile.keep_case if rules.keep_case is None else rules.keep_case
        )
        self._of_cloudwatch = _Dimensions(rules.profile, rules.reserved)
        self._of_others = _Dimensions(rules.others, rules.reserved_by_others)
        self._encoded: dict[tuple[str, str], bytes] = {}

    def encode(
        self,
        resource: ResourceLabels,
        metric: Metric,
        point: PointAttributes,
        unit: str,
        *,
        from_cloudwatch: bool = True,
    ) -> SeriesLabels:
        """Return the labels that the series of a point have in common.

        "Label names MUST be sorted in lexicographical order" - remote write 1.0.
        All names made here are ASCII, so text order is byte order.
        """
        labels, left_out = self.collect(
            resource, metric, point, unit, from_cloudwatch=from_cloudwatch
        )
        before, after = self.encode_all(labels)
        return SeriesLabels(labels, before, after, left_out)

    def collect(
        self,
        resource: ResourceLabels,
        metric: Metric,
        point: PointAttributes,
        unit: str,
        *,
        from_cloudwatch: bool = True,
    ) -> tuple[dict[str, str], int]:
        """Return the same labels as text, and how many point attributes were left out."""
        dimensions = self._of_cloudwatch if from_cloudwatch else self._of_others
        gathered = self._gather(point, dimensions)
        labels = {name: _join(values) for name, values in gathered.items()}
        named = dimensions.profile.metric_labels(metric)
        labels |= {name: value for name, value in named.items() if value}
        if self._lower_case:
            labels = {name: value.lower() for name, value in labels.items()}
        if unit and self._rules.unit_label:
            labels["unit"] = unit
        if resource.movable.keys().isdisjoint(labels):
            labels.update(resource.movable)
        else:
            labels.update(_moved(resource.movable, "resource_", labels.keys()))
        labels.update(resource.of_cloudwatch if from_cloudwatch else resource.fixed)
        for name, value in self._of_all.items():
            labels.setdefault(name, value)
        return labels, self._leave_out(labels, gathered, dimensions.own_labels)

    def encode_all(self, labels: Mapping[str, str]) -> tuple[bytes, bytes]:
        """Return encoded, sorted labels: those before `__name__`, and those behind it."""
        before, after = sorted_names(labels)
        return self.join(labels, before), self.join(labels, after)

    def join(self, labels: Mapping[str, str], names: Sequence[str]) -> bytes:
        """Return the encoded labels of these names, in that order."""
        known = self._encoded
        return b"".join(
            [
                known.get(label) or self._encode_label(label)
                for label in [(name, labels[name]) for name in names]
            ]
        )

    def _gather(
        self, point: PointAttributes, dimensions: "_Dimensions"
    ) -> dict[str, list[Attribute]]:
        """Return the dimensions by their label names."""
        gathered: dict[str, list[Attribute]] = {}
        for attribute in point.dimensions:
            if attribute.value:
                key = attribute.key
                name = dimensions.names.get(key) or self._dimension_name(key, dimensions)
                gathered.setdefault(name, []).append(attribute)
        return gathered

    def _leave_out(
        self, labels: dict[str, str], gathered: dict[str, list[Attribute]], own_labels: int
    ) -> int:
        """Remove the last dimensions until no series has too many labels; return how many.

        All series of a group lose the same ones, so that they can still be joined.
        """
        if self._rules.max_labels is None:
            return 0
        excess = max(0, len(labels) + own_labels - self._rules.max_labels)
        beyond = sorted(gathered, reverse=True)[:excess]
        for name in beyond:
            del labels[name]
        return sum(len(gathered[name]) for name in beyond)

    def _dimension_name(self, key: str, dimensions: "_Dimensions") -> str:
        name = dimensions.profile.dimension_label(key)
        if name in dimensions.reserved:
            name = "dimension_" + name
        dimensions.names[key] = name
        self._grow(2 * len(key) + _OVERHEAD_BYTES)
        return name

    def _encode_label(self, label: tuple[str, str]) -> bytes:
        encoded = self._encoded[label] = encode_label(*label)
        self._grow(2 * len(encoded) + _OVERHEAD_BYTES)
        return encoded


class _Dimensions:
    """The label names of dimensions that are known already, of CloudWatch's or of others."""

    def __init__(self, profile: NamingProfile, reserved: AbstractSet[str]) -> None:
        self.profile = profile
        self.reserved = reserved
        self.names: dict[str, str] = {}
        # `__name__`, and `quantile` or `le` where the profile has them.
        self.own_labels = 1 + (profile.own_label(Statistic(QUANTILE, "0.5")) is not None)


def sorted_names(labels: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return sorted names of labels: those before `__name__`, and those behind it."""
    names = sorted(labels)
    position = bisect_left(names, "__name__")
    return names[:position], names[position:]


def encode_label(name: str, value: str) -> bytes:
    """Return one label as field 1 (`labels`) of a TimeSeries."""
    content = encode_field(b"\x0a", name.encode()) + encode_field(b"\x12", value.encode())
    return encode_field(b"\x0a", content)


# The series of a group ask for the same labels, and often those of its neighbours.
@lru_cache(maxsize=8)
def position_of(labels: bytes, name: str) -> int:
    """Return where a label of that name belongs in encoded, sorted labels."""
    position = 0
    key = name.encode()
    while position < len(labels):
        length, begin = read_length(labels, position + 1)
        name_length, name_begin = read_length(labels, begin + 1)
        if labels[name_begin : name_begin + name_length] > key:
            break
        position = begin + length
    return position


def insert_label(labels: bytes, name: str, value: str) -> bytes:
    """Return encoded, sorted labels with one more in its place."""
    position = position_of(labels, name)
    return labels[:position] + encode_label(name, value) + labels[position:]


def _join(attributes: list[Attribute]) -> str:
    """Join the values of attributes with one label name, in the byte order of their keys."""
    if len(attributes) == 1:
        return attributes[0].value
    # UTF-8 keeps the order of code points, so text is in byte order already.
    return ";".join(attribute.value for attribute in sorted(attributes))


def _moved(labels: dict[str, str], prefix: str, taken: AbstractSet[str]) -> dict[str, str]:
    """Give each label whose name is taken the prefix, again until the name is free."""
    moved = {name: value for name, value in labels.items() if name not in taken}
    unavailable = {*taken, *moved}
    # Where the search from an unavailable name went on; without it, names that
    # repeat the prefix (a, p_a, p_p_a and so on) take quadratic time.
    further: dict[str, str] = {}
    for name in sorted(labels.keys() - moved.keys()):
        free = prefix + name
        passed = []
        while free in unavailable:
            passed.append(free)
            free = further.get(free) or prefix + free
        further.update(dict.fromkeys(passed, free))
        moved[free] = labels[name]
        unavailable.add(free)
    return moved
