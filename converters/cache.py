"""Everything that a converter remembers of series, by resource and metric.

It is counted. What remembers more raises TooLargeError once the delivery has more
new labels than it may.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from converters.attributes import Attribute, AttributeDecoder, decode_resource
from converters.errors import TooLargeError
from converters.labels import LabelEncoder, ResourceLabels
from converters.metric import MetricScope
from converters.relabelling import Relabeller
from converters.rules import SeriesRules
from converters.series import GROUP_OVERHEAD_BYTES, SeriesGroup


class ResourceScope:
    """What is known of one resource: its labels, and its metrics by their encoded name and unit."""

    __slots__ = ("cache", "labels", "metrics")

    def __init__(self, cache: SeriesCache, labels: ResourceLabels) -> None:
        self.cache = cache
        self.labels = labels
        self.metrics: dict[tuple[bytes, bytes], MetricScope] = {}

    def metric(self, name: bytes, unit: bytes) -> MetricScope:
        """Return the scope of a metric name and unit.

        Raises:
            DecodeError: The name is not UTF-8.
        """
        scope = self.metrics.get((name, unit))
        if scope is None:
            scope = self.metrics[name, unit] = MetricScope(self, name, unit)
            # Its own bytes, its text, and four names made of it.
            self.cache.grow(6 * len(name) + 2 * len(unit) + GROUP_OVERHEAD_BYTES)
        return scope


class SeriesCache:
    """Everything that is remembered; it never changes a result, only what the result costs.

    Args:
        rules: Which labels the series have.
        max_bytes: About how much memory to hold from one delivery to the next.
        max_new_bytes: About how much one delivery may add to that.

    Attributes:
        rules: Which labels the series have.
        selection: Which statistics of CloudWatch's points become series.
        shape: What its groups are made with unless relabelling drops one of their series.
        bytes_used: About how much memory is held.
        relabeller: Applies the rules, if there are any.
        crowded: Groups with more than 30 labels, or that point attributes are left out of, and
            how many.
        check_deadline: Called now and then; ends the conversion by raising an error.
    """

    def __init__(self, rules: SeriesRules, *, max_bytes: int, max_new_bytes: int) -> None:
        self.rules = rules
        self.selection = rules.selection
        self.shape = self.selection.shape
        self._max_bytes = max_bytes
        self._max_new_bytes = max_new_bytes
        self._by_bytes: dict[tuple[str, bytes], ResourceScope] = {}
        self._by_identity: dict[tuple[str, tuple[Attribute, ...]], ResourceScope] = {}
        self._forget()
        self.begin(no_deadline)

    def begin(self, check_deadline: Callable[[], None]) -> None:
        """Start with a new delivery."""
        self.check_deadline = check_deadline
        self._limit = self.bytes_used + self._max_new_bytes

    def resource(self, raw: bytes, p8s_logzio_name: str) -> ResourceScope:
        """Return the scope of an encoded Resource.

        Raises:
            DecodeError: The bytes are not a Resource.
        """
        scope = self._by_bytes.get((p8s_logzio_name, raw))
        if scope is None:
            labels = ResourceLabels(decode_resource(raw), p8s_logzio_name, self.rules)
            identity = (p8s_logzio_name, labels.identity)
            scope = self._by_identity.get(identity)
            if scope is None:
                scope = self._by_identity[identity] = ResourceScope(self, labels)
            self._by_bytes[p8s_logzio_name, raw] = scope
            # Its own bytes, and the text of its attributes.
            self.grow(4 * len(raw) + GROUP_OVERHEAD_BYTES)
        return scope

    def grow(self, size: int) -> None:
        """Count about how many bytes are remembered from now on.

        Raises:
            TooLargeError: The delivery has more labels than it may.
        """
        self.bytes_used += size
        if self.bytes_used > self._limit:
            raise TooLargeError(
                f"the labels of the delivery take more than {self._max_new_bytes // 1_000_000} MB "
                "of memory: give the function more memory"
            )

    def trim(self) -> None:
        """Forget everything if it has grown too large; to be called between deliveries.

        Groups distinguish the points of one identity from those of another while
        a delivery is converted, so none may vanish in the middle of one.
        """
        if self.bytes_used > self._max_bytes:
            self._forget()

    def _forget(self) -> None:
        # Metrics and groups refer to each other both ways. Python's collector of such
        # cycles seldom looks at old objects, so memory would grow until it does.
        for scope in self._by_identity.values():
            for metric in scope.metrics.values():
                metric.groups.clear()
                metric.identities.clear()
            scope.metrics.clear()
        self.bytes_used = 0
        self.crowded: dict[SeriesGroup, int] = {}
        self.attributes = AttributeDecoder(self.grow)
        self.labels = LabelEncoder(self.rules, self.grow)
        # The group whose labels were last needed before relabelling, and these.
        self.last_common: tuple[SeriesGroup | None, Mapping[str, str]] = (None, {})
        relabel = self.rules.relabel
        self.relabeller = Relabeller(relabel, self.grow) if relabel else None
        self._by_bytes.clear()
        self._by_identity.clear()


def no_deadline() -> None:
    """Let the conversion take as long as it takes."""
