"""Sending what is known of metric families, once an hour: remote write 1.0's metadata.

It has requests of its own, after the samples of a delivery are settled. Whatever happens to them
changes no answer and no count.
"""

from collections.abc import Callable

import snappy

from converters.metadata import (
    Families,
    Family,
    MetricType,
    encode_metadata,
    metadata_requests,
)
from handler.auth import AuthRequest
from handler.client import Client, NoResponseError
from handler.clock import Clock
from handler.endpoint import Endpoint

_INTERVAL_SECONDS = 3600.0

# With less time left, the request would only end as a timeout.
_LEAST_SECONDS = 1.0

# The operator's, and some that streams name with CUSTOM_LISTENER.
_MAX_LISTENERS = 4

# CloudWatch has some ten thousand metrics, of which nobody uses more than a part; each has about
# five families.
_MAX_FAMILIES = 50_000


class _Sent:
    """What one listener has got.

    Attributes:
        families: For each name the type and the unit, and when they were sent last, in monotonic
            seconds.
        pause_until: When to try again after a failure.
    """

    def __init__(self) -> None:
        self.families: dict[str, tuple[MetricType, str, float]] = {}
        self.pause_until = 0.0


class MetadataSender:
    """Sends each family once an hour, and remembers which ones a listener has got.

    Args:
        client: Makes single requests.
        clock: Time and chance.
        enabled: Whether to send anything.
        max_bytes: The largest size of a request before compression.
        timeout_seconds: The time for one request.
        warn: Takes a message for the log, and what belongs to it.
    """

    def __init__(
        self,
        client: Client,
        clock: Clock,
        *,
        enabled: bool,
        max_bytes: int,
        timeout_seconds: float,
        warn: Callable[..., None],
    ) -> None:
        self._client = client
        self._clock = clock
        self._enabled = enabled
        self._max_bytes = max_bytes
        self._timeout_seconds = timeout_seconds
        self._warn = warn
        self._by_url: dict[str, _Sent] = {}

    def send(self, families: Families, endpoint: Endpoint, deadline: float) -> None:
        """Send the families that the listener has not got for an hour, as far as there is time.

        After a failure it gets none for an hour. Nothing is raised.

        Args:
            families: Those of a delivery.
            endpoint: Where to.
            deadline: When to stop, by the clock's monotonic time.
        """
        sent = self._sent_to(endpoint.url)
        now = self._clock.monotonic()
        if not self._enabled or now < sent.pause_until:
            return
        try:
            problem = self._send_due(families, sent, endpoint, deadline)
        except Exception as error:  # noqa: BLE001 - all samples are settled: the answer stays
            problem = f"unforeseen error: {type(error).__name__}"
        if problem:
            sent.pause_until = now + _INTERVAL_SECONDS
            self._warn("the listener did not accept metadata", listener_words=problem)

    def _send_due(
        self, families: Families, sent: _Sent, endpoint: Endpoint, deadline: float
    ) -> str:
        """Send what is due; return why that has failed, empty if it has not."""
        now = self._clock.monotonic()
        due = {f.name: self._first(sent, f) for f in families.values() if _is_due(sent, f, now)}
        for part in metadata_requests(due.values(), self._max_bytes):
            if deadline - self._clock.monotonic() < _LEAST_SECONDS:
                break
            problem = self._post(part, endpoint, deadline)
            if problem:
                return problem
            sent.families.update({it.name: (it.type, it.unit, now) for it in part})
            while len(sent.families) > _MAX_FAMILIES:
                del sent.families[next(iter(sent.families))]
        return ""

    def _sent_to(self, url: str) -> _Sent:
        if url not in self._by_url and len(self._by_url) >= _MAX_LISTENERS:
            del self._by_url[next(iter(self._by_url))]
        return self._by_url.setdefault(url, _Sent())

    def _first(self, sent: _Sent, family: Family) -> Family:
        """Return a family with the unit and type that its name had when it was first sent."""
        kind, unit, _ = sent.families.get(family.name, (family.type, family.unit, 0.0))
        if (kind, unit) == (family.type, family.unit):
            return family
        self._warn(
            "a metric has another unit or type than one of the same name before; the metadata that "
            "was sent is that of the first one",
            metric=family.name,
        )
        return family._replace(type=kind, unit=unit)

    def _post(self, families: list[Family], endpoint: Endpoint, deadline: float) -> str:
        """Make one request; return why it has failed, empty if the listener has accepted it."""
        content = snappy.compress(encode_metadata(families))
        url, headers = endpoint.url, endpoint.headers
        added = endpoint.auth.headers(AuthRequest("POST", url, headers, content))
        timeout = min(deadline - self._clock.monotonic(), self._timeout_seconds)
        try:
            response = self._client.post(url, content, {**headers, **added}, timeout)
        except NoResponseError as error:
            return str(error)
        return "" if 200 <= response.status < 300 else response.summary


def _is_due(sent: _Sent, family: Family, now: float) -> bool:
    known = sent.families.get(family.name)
    return known is None or now >= known[-1] + _INTERVAL_SECONDS
