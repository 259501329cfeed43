"""A Grafana Loki server.

Sources: grafana.com/docs/loki, "Loki HTTP API", "Ingest logs", for requests and responses, and
"Configuration", `limits_config`, for the limits, of which the defaults are used.
"""

import re
from base64 import b64encode
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Unpack

from testing.http_server import Reply, Request
from testing.log_destinations.content import UnreadableError, parsed
from testing.log_destinations.destination import LogDestination, Options

_LINE_BYTES = 262_144
_LABELS = 15
_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_LABEL_NAME_BYTES = 1_024
_LABEL_VALUE_BYTES = 2_048
_METADATA_ENTRIES = 128
_METADATA_BYTES = 65_536
_OLDEST_NS = 7 * 24 * 3_600 * 10**9
_NEWEST_NS = 600 * 10**9
# Half of `max_chunk_age`: how much older than the newest one of its stream an entry may be.
_BEHIND_NS = 3_600 * 10**9


class LokiEntry(NamedTuple):
    """One line as it arrived.

    Attributes:
        labels: The labels of its stream.
        timestamp_ns: Nanoseconds since the epoch.
        line: The line.
        metadata: The structured metadata.
    """

    labels: dict[str, str]
    timestamp_ns: int
    line: str
    metadata: dict[str, str]


class LokiDestination(LogDestination):
    """Loki: JSON by POST to `/loki/api/v1/push`; a record is a `LokiEntry`.

    Good entries are accepted even if others are not; the reply then is 400 instead of 204. A
    body that does not have the form of the API is refused whole.

    Args:
        options: See `Options`.

    Attributes:
        username: The name for Basic authentication; empty: none is needed.
        token: The password for it.
    """

    name = "loki"
    path = "/loki/api/v1/push"
    documented_max_body_bytes = 104_857_600
    media_types = frozenset({"application/json"})

    username = ""

    def __init__(self, **options: Unpack[Options]) -> None:
        self._newest_ns: dict[tuple[tuple[str, str], ...], int] = {}
        super().__init__(**options)

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables with which the extension sends here."""
        basic = {"LOKI_USERNAME": self.username, "LOKI_PASSWORD": self.token}
        return {
            "LOGS_DESTINATION": self.name,
            "LOKI_URL": self.url,
            **(basic if self.username else {}),
        }

    def is_authorized(self, request: Request) -> bool:
        """Return whether a request carries user and password, if they are set."""
        basic = "Basic " + b64encode(f"{self.username}:{self.token}".encode()).decode()
        return not self.username or request.headers.get("authorization") == basic

    def read(self, content: bytes) -> Iterator[tuple[Any, str | None]]:
        """Yield each entry."""
        # All are read first: a body that is wrong anywhere is refused whole.
        for entry in list(_entries(parsed(content))):
            yield entry, _wrong_labels(entry.labels) or _too_large(entry) or self._wrong_time(entry)

    def reply_to(self, accepted: int, mistakes: Sequence[str]) -> Reply:  # noqa: ARG002
        """Return 204, or the last mistake."""
        return Reply(400, body=f"{mistakes[-1]}\n".encode()) if mistakes else Reply(204)

    def _wrong_time(self, entry: LokiEntry) -> str | None:
        now_ns = int(self._clock() * 1e9)
        of_stream = "entry for stream '{}' has timestamp"
        if entry.timestamp_ns < now_ns - _OLDEST_NS:
            return f"{of_stream} too old: 2024-08-01T00:00:00Z, oldest acceptable timestamp is: …"
        if entry.timestamp_ns > now_ns + _NEWEST_NS:
            return f"{of_stream} too new: 2034-08-01T00:00:00Z"
        stream = tuple(sorted(entry.labels.items()))
        with self._changed:
            newest_ns = self._newest_ns.get(stream, entry.timestamp_ns)
            if entry.timestamp_ns < newest_ns - _BEHIND_NS:
                return "entry too far behind"
            self._newest_ns[stream] = max(newest_ns, entry.timestamp_ns)
        return None


def _entries(body: Any) -> Iterator[LokiEntry]:
    """Yield the entries of a push.

    Raises:
        UnreadableError: It does not have the form of the API.
    """
    try:
        for stream in body["streams"]:
            labels = _strings(stream["stream"])
            for timestamp, line, *metadata in stream["values"]:
                if not isinstance(timestamp, str) or not isinstance(line, str):
                    raise UnreadableError("timestamp and line of an entry are strings")
                further = _strings(metadata[0]) if metadata else {}
                yield LokiEntry(labels, int(timestamp), line, further)
    except (TypeError, KeyError, ValueError) as error:
        raise UnreadableError(f"no push request: {error!r}") from error


def _strings(value: Any) -> dict[str, str]:
    """Return an object whose values are all strings.

    Raises:
        UnreadableError: It is something else.
    """
    if not isinstance(value, dict) or not all(isinstance(it, str) for it in value.values()):
        raise UnreadableError("labels and structured metadata are objects of strings")
    return value


def _wrong_labels(labels: dict[str, str]) -> str | None:
    """Return what is wrong with the labels of a stream."""
    if not labels:
        return "at least one label pair is required per stream"
    if len(labels) > _LABELS:
        return f"{len(labels)} labels; {_LABELS} are allowed"
    for name, value in labels.items():
        if not _LABEL_NAME.fullmatch(name) or len(name) > _LABEL_NAME_BYTES:
            return f"{name!r} is no label name"
        if _size(value) > _LABEL_VALUE_BYTES:
            return f"the value of label {name} is too long"
    return None


def _too_large(entry: LokiEntry) -> str | None:
    """Return what of an entry is too large."""
    if _size(entry.line) > _LINE_BYTES:
        return f"a line of {_size(entry.line)} bytes; {_LINE_BYTES} are allowed"
    if len(entry.metadata) > _METADATA_ENTRIES:
        return f"{len(entry.metadata)} entries of structured metadata"
    if sum(_size(name) + _size(value) for name, value in entry.metadata.items()) > _METADATA_BYTES:
        return "the structured metadata is too large"
    return None


def _size(text: str) -> int:
    """Return the size of a text in UTF-8; half of a surrogate pair has three bytes."""
    return len(text.encode("utf-8", "surrogatepass"))
