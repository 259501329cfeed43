"""What the four log destinations have in common: they keep, wait, and behave as they are told."""

import abc
import contextlib
import dataclasses
import ssl
import time
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, TypedDict, Unpack

from testing.log_destinations.arrival import Arrival, Head, Judgement, Reply
from testing.log_destinations.content import UnreadableError, decompressed
from testing.log_destinations.kept import Kept
from testing.log_destinations.server import DestinationServer
from testing.log_destinations.treatment import Chooser, Manner, Treatment
from testing.until_closed import UntilClosed

_WELL = Treatment()


class Options(TypedDict, total=False):
    """What every destination can be made with.

    Attributes:
        keep: Makes of each good record what is kept of it; None: only the number of them is
            kept, so that much more can arrive than fits into memory. Default: the record.
        refuses: Says which good records are refused all the same. Default: none.
        max_body_bytes: Largest body before compression. Default: the documented limit.
        tls: Speak HTTPS with this server-side context. Default: HTTP.
    """

    keep: Callable[[Any], Any] | None
    refuses: Callable[[Any], bool]
    max_body_bytes: int
    tls: ssl.SSLContext | None


class LogDestination(Kept, UntilClosed):
    """A log destination that listens from its construction until `close` or the end of `with`.

    Everything may be called from any thread, and the public attributes may be set at any time.

    Args:
        options: See `Options`.

    Attributes:
        url: Its address, without a path: `http://127.0.0.1:<port>`.
        token: What it takes for the right token.
        refuses: Says which good records are refused.
        max_body_bytes: Largest body in bytes before compression.
    """

    documented_max_body_bytes: ClassVar[int]
    """Largest body in bytes before compression."""
    media_types: ClassVar[frozenset[str]]
    """What the body may be called in `Content-Type`."""
    encodings: ClassVar[frozenset[str]] = frozenset({"identity", "gzip"})
    """What `Content-Encoding` it undoes."""
    token: str = "local-token"

    def __init__(self, **options: Unpack[Options]) -> None:
        self.refuses = options.get("refuses", lambda _record: False)
        self.max_body_bytes = options.get("max_body_bytes", self.documented_max_body_bytes)
        self._keep = options.get("keep", lambda record: record)
        super().__init__()
        self._once: list[Treatment] = []
        self._always: Chooser = lambda _arrival: None
        tls = options.get("tls")
        self._server = DestinationServer(self, tls)
        scheme = "https" if tls else "http"
        self.url = f"{scheme}://127.0.0.1:{self._server.server_port}"

    @property
    def failures(self) -> list[Exception]:
        """What went wrong in the destination itself."""
        return self._server.ledger.failures

    def close(self) -> None:
        """End all connections and threads, also the stalled ones, and stop listening."""
        self._server.close()

    @property
    @abc.abstractmethod
    def environment(self) -> dict[str, str]:
        """The environment variables with which the extension sends here."""

    @abc.abstractmethod
    def judge(self, head: Head, content: bytes) -> Judgement:
        """Decide about a request, whose body is not compressed any more, as the original does.

        Raises:
            UnreadableError: The body is not what it should be as a whole; it is answered 400.
        """

    @abc.abstractmethod
    def is_address(self, path: str) -> bool:
        """Tell whether there is something to post to under a path."""

    @abc.abstractmethod
    def is_authorized(self, head: Head) -> bool:
        """Tell whether a request carries the right token, in the right place."""

    # --- how it behaves

    def misbehave(self, how: Treatment | Chooser) -> None:
        """Treat every request from now on in this way, until `behave`."""
        with self._changed:
            self._always = (lambda _arrival: how) if isinstance(how, Treatment) else how

    def misbehave_once(self, *treatments: Treatment) -> None:
        """Treat the next requests in these ways, one after the other; this goes first."""
        with self._changed:
            self._once.extend(treatments)

    def behave(self) -> None:
        """Treat every request well from now on."""
        with self._changed:
            self._once.clear()
            self._always = lambda _arrival: None

    @contextlib.contextmanager
    def black_hole(self) -> Iterator[None]:
        """For the time of the block answer nothing: no SYN, and no request on open connections."""
        self._server.open_black_hole()
        try:
            yield
        finally:
            self._server.close_black_hole()

    def close_idle_connections(self, timeout_seconds: float = 1.0) -> int:
        """Close every connection on which no request is under way, as after a long pause.

        Args:
            timeout_seconds: How long to wait for the first one: a connection becomes idle a
                moment after its sender has the answer.

        Returns:
            How many there were.
        """
        return self._server.close_idle(timeout_seconds)

    # --- what the server asks

    def begin(self, connection: int, head: Head) -> tuple[Arrival, Treatment]:
        """Keep a request whose head is in; say how it is treated."""
        arrival = self._add(connection, head)
        with self._changed:
            once = self._once.pop(0) if self._once else None
            choose = self._always
        return arrival, once or choose(arrival) or _WELL

    def read(self, arrival: Arrival, body: bytes, treatment: Treatment) -> tuple[Arrival, Reply]:
        """Keep what is in a body; say what is answered."""
        violations = self._wrong_in(arrival.head)
        content = b""
        try:
            content = decompressed(arrival.head, body, self.encodings)
            judgement = self._judged(arrival.head, content)
        except UnreadableError as error:
            judgement = Judgement(Reply(400, str(error).encode()), violations=(str(error),))
        records = judgement.records
        arrival = dataclasses.replace(
            arrival,
            body_bytes=len(body),
            content_bytes=len(content),
            records=() if self._keep is None else tuple(self._keep(it) for it in records),
            count=len(records),
            refused=judgement.refused,
            violations=(*violations, *judgement.violations),
            invalid=judgement.invalid,
        )
        # Records that are answered at once are taken and acknowledged at one moment: `answered`.
        stored = dataclasses.replace(arrival, stored=treatment.stores and bool(records))
        at_once = treatment.manner is Manner.ANSWER and not treatment.delay_seconds
        self._replace(arrival if at_once else stored)
        return stored, treatment.reply or judgement.reply

    def answered(self, arrival: Arrival, status: int) -> None:
        """Keep that a whole answer is about to be written."""
        self._replace(dataclasses.replace(arrival, status=status, answered=time.monotonic()))

    def _judged(self, head: Head, content: bytes) -> Judgement:
        """Decide about a request: first what is the same for all destinations."""
        if not self.is_address(head.path):
            return Judgement(Reply(404), violations=(f"there is nothing at {head.path}",))
        if head.method != "POST":
            words = f"records are sent with POST, not {head.method}"
            return Judgement(Reply(405, headers={"Allow": "POST"}), violations=(words,))
        if not self.is_authorized(head):
            return Judgement(Reply(401, b"the token is missing or wrong"))
        if len(content) > self.max_body_bytes:
            return Judgement(Reply(413, b"the request is too large"))
        return self.judge(head, content)

    def _wrong_in(self, head: Head) -> list[str]:
        """Give what is wrong in a head for every destination."""
        found = []
        address = self.url.partition("://")[2]
        if head.headers.get("host") not in (address, address.replace("127.0.0.1", "localhost")):
            found.append(f"Host is {head.headers.get('host')!r}, not {address!r}")
        if "content-length" not in head.headers:
            found.append("Content-Length is missing")
        if head.media_type not in self.media_types:
            found.append(f"Content-Type is {head.media_type!r}")
        encoding = head.headers.get("content-encoding", "identity")
        if encoding not in self.encodings:
            found.append(f"Content-Encoding is {encoding!r}")
        return found
