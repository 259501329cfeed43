"""The requests to stand-ins, and their replies."""

import http
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Literal


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request.

    Attributes:
        number: Order of arrival at the server, from 1.
        connection: Number of the connection it came over, from 1.
        method: HTTP method.
        target: Path and query as they were sent.
        headers: Header names in lower case to values; repeated ones are joined with ", ".
        sent_headers: Names and values of the headers as they were sent.
        begun: Monotonic seconds when the headers were read.
        body: The body as it was sent; empty in `HttpServer.respond_early`.
    """

    number: int
    connection: int
    method: str
    target: str
    headers: Mapping[str, str]
    sent_headers: Sequence[tuple[str, str]] = field(repr=False)
    begun: float
    body: bytes = field(default=b"", repr=False)

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server does with a request; without arguments: 204, as Prometheus.

    Attributes:
        status: HTTP status.
        headers: Further headers. `Content-Length` replaces the true one.
        body: Body; none with 204 and 304.
        delay_seconds: Time to wait before anything else.
        stall: Never reply; the connection stays open until the server is closed.
        reset: Close the connection with RST: instead of a reply, or after half of its body.
        hang_up: Close the connection with FIN instead of a reply.
        drip_seconds: Above 0: send the reply, headers too, byte by byte with this gap.
    """

    status: int = 204
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    delay_seconds: float = 0.0
    stall: bool = False
    reset: Literal["before_answer", "mid_body"] | None = None
    hang_up: bool = False
    drip_seconds: float = 0.0

    def __post_init__(self) -> None:
        """Reject what HTTP cannot express: the test that asks for it would test something else."""
        if self.body and self.status in (204, 304):
            raise ValueError(f"a reply with status {self.status} has no body")
        if self.reset == "mid_body" and len(self.body) < 2:
            raise ValueError("a reset in mid-body needs a body of two bytes or more")

    def head(self, *, close: bool) -> bytes:
        """Return status line and headers; `close` says that the connection ends with this reply."""
        try:
            reason = http.HTTPStatus(self.status).phrase
        except ValueError:
            reason = ""
        headers = {"Date": formatdate(usegmt=True)}
        if self.body:
            headers["Content-Type"] = "text/plain; charset=utf-8"
        if self.status not in (204, 304):
            headers["Content-Length"] = str(len(self.body))
        if close:
            headers["Connection"] = "close"
        headers |= self.headers
        lines = [f"HTTP/1.1 {self.status} {reason}", *(f"{k}: {v}" for k, v in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")
