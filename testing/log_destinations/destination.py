"""What the four log destinations have in common: they keep, wait, and behave as requested."""

import dataclasses
import ssl
import threading
import time
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, Self, TypedDict, Unpack

from testing.http_server import HttpServer, Reply, Request
from testing.log_destinations.arrival import Arrival, Judgement
from testing.log_destinations.content import UnreadableError, decompressed
from testing.log_destinations.treatment import Chooser, Treatment

REFUSED = "refused"
"""The reason for a record that `refuses` picks, for which the sender can do nothing."""

_WELL = Treatment()


class NotArrivedError(Exception):
    """What a test waits for has not arrived in time."""


class Options(TypedDict, total=False):
    """What every destination can be made with.

    Attributes:
        keep: Makes of each good record what is kept of it; None: only the number of them is
            kept, so that much more can arrive than fits into memory. Default: the record.
        tls: Use HTTPS with this server-side context. Default: HTTP.
        clock: Seconds since 1970; a record may be too old for Loki and OpenObserve.
    """

    keep: Callable[[Any], Any] | None
    tls: ssl.SSLContext | None
    clock: Callable[[], float]


class LogDestination(HttpServer):
    """A log destination that listens from its construction until `close` or the end of `with`.

    Everything may be called from any thread, and the public attributes may be set at any time.

    Args:
        options: See `Options`.

    Attributes:
        url: Its address, without a path: `http://127.0.0.1:<port>`.
        token: The right token.
        refuses: Says which good records are refused all the same; at first none.
        max_body_bytes: Largest body in bytes before compression; at first the documented limit.
    """

    name: ClassVar[str]
    """As `LOGS_DESTINATION` names the destination."""
    path: ClassVar[str]
    """The path that records are posted to."""
    documented_max_body_bytes: ClassVar[int]
    """Largest body in bytes before compression."""
    media_types: ClassVar[frozenset[str]]
    """The values of `Content-Type` that it accepts."""
    encodings: ClassVar[frozenset[str]] = frozenset({"identity", "gzip"})
    """The values of `Content-Encoding` that it undoes; another body is read as it is."""
    documented_mistakes: ClassVar[frozenset[str]] = frozenset({REFUSED})
    """Mistakes in records that are no violation by the sender."""
    token_header: ClassVar[str] = "authorization"
    """The header with the token."""
    token: str = "local-token"

    def __init__(self, **options: Unpack[Options]) -> None:
        self.refuses: Callable[[Any], bool] = lambda _record: False
        self.max_body_bytes = self.documented_max_body_bytes
        self._keep = options.get("keep", lambda record: record)
        self._clock = options.get("clock", time.time)
        self._changed = threading.Condition(threading.RLock())
        self._arrivals: dict[int, Arrival] = {}
        self._treatments: dict[int, Treatment] = {}
        self._ready: dict[int, Arrival] = {}
        self._once: list[Treatment] = []
        self._always: Chooser = lambda _arrival: None
        tls = options.get("tls")
        super().__init__(tls)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"

    @property
    @abstractmethod
    def environment(self) -> dict[str, str]:
        """The environment variables with which the extension sends here."""

    def is_authorized(self, request: Request) -> bool:
        """Return whether a request carries the right token, in the right place."""
        return request.headers.get(self.token_header) == self.token

    @abstractmethod
    def read(self, content: bytes) -> Iterator[tuple[Any, str | None]]:
        """Yield each record of a decompressed body, and why it is not accepted, or None.

        Raises:
            UnreadableError: The body is not what it should be as a whole; the reply is 400.
        """

    @abstractmethod
    def reply_to(self, accepted: int, mistakes: Sequence[str]) -> Reply:
        """Return the reply to a body with a number of good records, and others with mistakes."""

    def not_indexed(self, record: Any) -> list[str]:  # noqa: ARG002 -- for Logz.io
        """Return why a record that is accepted cannot be indexed."""
        return []

    def judge(self, content: bytes) -> Judgement:
        """Decide about the decompressed body of a request, as the original does."""
        records, mistakes, invalid = [], [], []
        for number, (record, mistake) in enumerate(self.read(content), 1):
            if mistake is None and not self.refuses(record):
                records.append(record)
                invalid += [f"record {number}: {words}" for words in self.not_indexed(record)]
            else:
                mistakes.append(mistake or REFUSED)
        reply = self.reply_to(len(records), mistakes)
        violations = tuple(words for words in mistakes if words not in self.documented_mistakes)
        return Judgement(reply, tuple(records), len(mistakes), violations, tuple(invalid))

    # --- how it behaves

    def misbehave(self, how: Treatment | Chooser) -> None:
        """Treat every request from now on in this way, until `behave`."""
        with self._changed:
            self._always = (lambda _arrival: how) if isinstance(how, Treatment) else how

    def misbehave_once(self, *treatments: Treatment) -> None:
        """Treat the next requests in these ways, one after the other; takes precedence."""
        with self._changed:
            self._once.extend(treatments)

    def behave(self) -> None:
        """Treat every request well from now on."""
        with self._changed:
            self._once.clear()
            self._always = lambda _arrival: None

    # --- what it keeps

    @property
    def arrivals(self) -> list[Arrival]:
        """Every request so far, in order of arrival, including those under way."""
        with self._changed:
            return [arrival for _, arrival in sorted(self._arrivals.items())]

    @property
    def records(self) -> list[Any]:
        """Every record that was accepted, in order; one that was accepted twice is there twice."""
        return [it for arrival in self.arrivals if arrival.stored for it in arrival.records]

    @property
    def count(self) -> int:
        """How many records were accepted."""
        return sum(arrival.count for arrival in self.arrivals if arrival.stored)

    @property
    def acknowledged(self) -> list[tuple[Any, float]]:
        """Every record that was accepted and acknowledged, with the seconds of the reply."""
        return [
            (record, arrival.answered)
            for arrival in self.arrivals
            if arrival.stored and arrival.answered is not None
            for record in arrival.records
        ]

    @property
    def acknowledged_count(self) -> int:
        """How many records were accepted and acknowledged."""
        return sum(arrival.count for arrival in self.arrivals if arrival.acknowledged)

    @property
    def violations(self) -> list[str]:
        """All mistakes of senders, each with the number of its request."""
        return [f"request {it.number}: {words}" for it in self.arrivals for words in it.violations]

    @property
    def invalid(self) -> list[str]:
        """Everything that was accepted but could not be indexed as it is, with its request."""
        return [f"request {it.number}: {words}" for it in self.arrivals for words in it.invalid]

    def wait_for(self, what: int | Callable[[Self], bool], timeout_seconds: float = 60.0) -> None:
        """Wait until something has arrived.

        Args:
            what: A number of acknowledged records; or a condition, tested after each change.
            timeout_seconds: How long to wait at most.

        Raises:
            NotArrivedError: It has not by then.
        """
        with self._changed:
            if not self._changed.wait_for(
                lambda: self.acknowledged_count >= what if isinstance(what, int) else what(self),
                timeout_seconds,
            ):
                statuses = [arrival.status for arrival in self.arrivals[-5:]]
                raise NotArrivedError(
                    f"after {timeout_seconds} s {self.name} has acknowledged "
                    f"{self.acknowledged_count} records of {len(self._arrivals)} requests; "
                    f"the last statuses are {statuses}"
                )

    def _note(self, arrival: Arrival) -> None:
        with self._changed:
            self._arrivals[arrival.number] = arrival
            self._changed.notify_all()

    # --- what the server calls

    def respond_early(self, request: Request) -> Reply | None:
        """Choose how a request is treated, which may be never to read its body."""
        arrival = Arrival(request)
        self._note(arrival)
        with self._changed:
            once = self._once.pop(0) if self._once else None
            choose = self._always
        treatment = once or choose(arrival) or _WELL
        if not treatment.reads:
            return treatment.reply
        with self._changed:
            self._treatments[request.number] = treatment
        return None

    def respond(self, request: Request) -> Reply:
        """Keep what is in a body, and return the reply."""
        with self._changed:
            treatment = self._treatments.pop(request.number)
        violations = self._mistakes_in(request)
        content = b""
        try:
            content = request.body
            encoding = request.headers.get("content-encoding", "identity")
            if encoding == "gzip" and encoding in self.encodings:
                content = decompressed(content)
            judgement = self._judged(request, content)
        except UnreadableError as error:
            judgement = Judgement(Reply(400, body=str(error).encode()), violations=(str(error),))
        records = judgement.records
        reply = treatment.reply or dataclasses.replace(
            judgement.reply, delay_seconds=treatment.delay_seconds
        )
        arrival = Arrival(
            request=dataclasses.replace(request, body=b""),
            content_bytes=len(content),
            records=() if self._keep is None else tuple(self._keep(it) for it in records),
            count=len(records),
            refused=judgement.refused,
            violations=(*violations, *judgement.violations),
            invalid=judgement.invalid,
            stored=treatment.stores and bool(records),
        )
        if treatment == _WELL:
            # For waiting tests a record is accepted and acknowledged at the same moment.
            with self._changed:
                self._ready[request.number] = arrival
        else:
            self._note(arrival)
        return reply

    def replied(self, request: Request, status: int) -> None:
        """Note that a whole reply is about to be sent, if one is."""
        if status:
            with self._changed:
                arrival = self._ready.pop(request.number, self._arrivals[request.number])
            self._note(dataclasses.replace(arrival, status=status, answered=time.monotonic()))

    def _judged(self, request: Request, content: bytes) -> Judgement:
        """Decide about a request: first what is the same for all destinations."""
        if request.path != self.path:
            return Judgement(Reply(404), violations=(f"there is nothing at {request.path}",))
        if request.method != "POST":
            words = f"records are sent with POST, not {request.method}"
            return Judgement(Reply(405, {"Allow": "POST"}), violations=(words,))
        if not self.is_authorized(request):
            return Judgement(Reply(401, body=b"the token is missing or wrong"))
        if len(content) > self.max_body_bytes:
            return Judgement(Reply(413, body=b"the request is too large"))
        return self.judge(content)

    def _mistakes_in(self, request: Request) -> list[str]:
        """Return the mistakes in the headers, as far as they are the same everywhere."""
        headers, found = request.headers, []
        address = f"127.0.0.1:{self.port}"
        if headers.get("host") not in (address, f"localhost:{self.port}"):
            found.append(f"Host is {headers.get('host')!r}, not {address!r}")
        if "content-length" not in headers:
            found.append("Content-Length is missing")
        media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type not in self.media_types:
            found.append(f"Content-Type is {media_type!r}")
        encoding = headers.get("content-encoding", "identity")
        if encoding not in self.encodings:
            found.append(f"Content-Encoding is {encoding!r}")
        return found
