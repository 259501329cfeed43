"""The labels of a series, put together from a resource and a data point.

Whatever the attributes are called, the result is valid for remote write
(names sorted bytewise, unique; nothing empty), depends on nothing but the
attributes, and no value is lost to a name that is already taken.
"""

from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from converters.attributes import Attribute, PointAttributes
from converters.names import label_name
from converters.wire import encode_field, read_length

# Label names with a meaning of their own: an attribute of that name moves.
RESERVED = frozenset(
    (
        *("__name__", "quantile", "le", "namespace", "metricname"),
        *("account", "region", "cloud_provider", "p8s_logzio_name"),
    )
)

_RESOURCE_NAMES = {
    "cloud.account.id": "account",
    "cloud.region": "region",
    "cloud.provider": "cloud_provider",
}

# The ARN names the metric stream, not what was measured: in a monitoring
# account it is the same for all linked accounts.
_EXPORTER_ARN = "aws.exporter.arn"

# `__name__`, and `quantile` or `le`.
_OWN_LABELS = 2

# What an entry of a table costs beside its own bytes.
_OVERHEAD_BYTES = 300


class LabelRules(NamedTuple):
    """What the operator decides about labels.

    Attributes:
        keep_case: Leave the values of point attributes as they are; otherwise
            they are lower-cased, as Logz.io does.
        unit_label: Add the label `unit` with the unit of the metric.
        max_labels: Leave point attributes out of a series with more labels; None for no limit.
    """

    keep_case: bool = False
    unit_label: bool = False
    max_labels: int | None = None

    @property
    def reserved(self) -> AbstractSet[str]:
        """The label names that no attribute may have."""
        return RESERVED | {"unit"} if self.unit_label else RESERVED


class SeriesLabels(NamedTuple):
    """All labels of a group of series but `__name__` and `quantile` or `le`.

    Attributes:
        encoded: Repeated field 1 (`labels`) of a TimeSeries, sorted by name.
        number: How many labels they are.
        left_out: How many point attributes were left out, since they were too many.
    """

    encoded: bytes
    number: int
    left_out: int


class ResourceLabels:
    """The labels that all series of one resource share.

    Args:
        attributes: The resource's attributes, as `attributes.decode_resource` gives them.
        p8s_logzio_name: The environment label's value; empty for none.
        reserved: The label names that no attribute may have.

    Attributes:
        fixed: Labels with a reserved name, each by the first attribute that gives it.
        movable: All other labels, which give way to those of a point.
        identity: What the labels depend on; equal for attributes in another order,
            unless the order makes a difference to `fixed`.
    """

    __slots__ = ("fixed", "identity", "movable")

    def __init__(
        self,
        attributes: Iterable[Attribute],
        p8s_logzio_name: str,
        reserved: AbstractSet[str] = RESERVED,
    ) -> None:
        fixed: dict[str, str] = {}
        if p8s_logzio_name:
            fixed["p8s_logzio_name"] = p8s_logzio_name
        first: list[Attribute] = []
        others: list[Attribute] = []
        for attribute in attributes:
            name = _RESOURCE_NAMES.get(attribute.key)
            if name is not None and attribute.value and name not in fixed:
                fixed[name] = attribute.value
                first.append(attribute)
            elif attribute.key != _EXPORTER_ARN:
                others.append(attribute)
        gathered: dict[str, list[Attribute]] = {}
        for attribute in others:
            if attribute.value:
                gathered.setdefault(label_name(attribute.key), []).append(attribute)
        movable = {name: _join(values) for name, values in gathered.items()}
        self.fixed = fixed
        self.movable = _moved(movable, "resource_", reserved)
        self.identity = (*sorted(first), *sorted(others))


class LabelEncoder:
    """Puts the labels of series together; remembers names and encoded labels, since they repeat.

    Args:
        rules: Which labels the series have.
        grow: Called with about how many bytes are remembered from now on.
    """

    def __init__(self, rules: LabelRules, grow: Callable[[int], None]) -> None:
        self._grow = grow
        self._rules = rules
        self._reserved = rules.reserved
        self._names: dict[str, str] = {}
        self._encoded: dict[tuple[str, str], bytes] = {}

    def encode(self, resource: ResourceLabels, point: PointAttributes, unit: str) -> SeriesLabels:
        """Return the labels that the series of a point have in common.

        "Label names MUST be sorted in lexicographical order" - remote write 1.0.
        All names made here are ASCII, so text order is byte order.
        """
        gathered = self._gather(point)
        labels = self._all_labels(resource, point, unit, gathered)
        left_out = self._leave_out(labels, gathered)
        known = self._encoded
        encoded = b"".join(
            [known.get(label) or self._encode_label(label) for label in sorted(labels.items())]
        )
        return SeriesLabels(encoded, len(labels), left_out)

    def _gather(self, point: PointAttributes) -> dict[str, list[Attribute]]:
        """Return the dimensions by their label names."""
        gathered: dict[str, list[Attribute]] = {}
        for attribute in point.dimensions:
            if attribute.value:
                key = attribute.key
                name = self._names.get(key) or self._dimension_name(key)
                gathered.setdefault(name, []).append(attribute)
        return gathered

    def _all_labels(
        self,
        resource: ResourceLabels,
        point: PointAttributes,
        unit: str,
        gathered: dict[str, list[Attribute]],
    ) -> dict[str, str]:
        labels = {name: _join(values) for name, values in gathered.items()}
        if point.namespace:
            labels["namespace"] = point.namespace
        if point.metric_name:
            labels["metricname"] = point.metric_name
        if not self._rules.keep_case:
            labels = {name: value.lower() for name, value in labels.items()}
        if unit and self._rules.unit_label:
            labels["unit"] = unit
        if resource.movable.keys().isdisjoint(labels):
            labels.update(resource.movable)
        else:
            labels.update(_moved(resource.movable, "resource_", labels.keys()))
        labels.update(resource.fixed)
        return labels

    def _leave_out(self, labels: dict[str, str], gathered: dict[str, list[Attribute]]) -> int:
        """Remove the last dimensions until no series has too many labels; return how many.

        All series of a group lose the same ones, so that they can still be joined.
        """
        if self._rules.max_labels is None:
            return 0
        excess = max(0, len(labels) + _OWN_LABELS - self._rules.max_labels)
        beyond = sorted(gathered, reverse=True)[:excess]
        for name in beyond:
            del labels[name]
        return sum(len(gathered[name]) for name in beyond)

    def _dimension_name(self, key: str) -> str:
        name = label_name(key)
        if name in self._reserved:
            name = "dimension_" + name
        self._names[key] = name
        self._grow(2 * len(key) + _OVERHEAD_BYTES)
        return name

    def _encode_label(self, label: tuple[str, str]) -> bytes:
        encoded = self._encoded[label] = encode_label(*label)
        self._grow(2 * len(encoded) + _OVERHEAD_BYTES)
        return encoded


def encode_label(name: str, value: str) -> bytes:
    """Return one label as field 1 (`labels`) of a TimeSeries."""
    content = encode_field(b"\x0a", name.encode()) + encode_field(b"\x12", value.encode())
    return encode_field(b"\x0a", content)


def insert_label(labels: bytes, name: str, value: str) -> bytes:
    """Return encoded, sorted labels with one more in its place."""
    position = 0
    key = name.encode()
    while position < len(labels):
        length, begin = read_length(labels, position + 1)
        name_length, name_begin = read_length(labels, begin + 1)
        if labels[name_begin : name_begin + name_length] > key:
            break
        position = begin + length
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
