"""One exchange with the receiver: what came in, and what is answered.

Both are plain values. The sockets are `local.receiver`'s, the rules
`local.rules`'s.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from converters.schema.remote_write_pb2 import TimeSeries, WriteRequest

Labels = tuple[tuple[str, str], ...]
Reset = Literal["before_answer", "mid_body"]


def labels_of(series: TimeSeries) -> Labels:
    """Give the labels of a series as they came: (name, value), in the order of the wire."""
    return tuple((label.name, label.value) for label in series.labels)


@dataclass(frozen=True, slots=True)
class Received:
    """One request, as far as it has come.

    Attributes:
        number: Order of arrival at the receiver, from 1.
        method: HTTP method.
        path: Path and query as they were sent.
        headers: Header names in lower case to values; repeated ones joined with ", ".
        body: The body as it was sent (compressed). Empty until it is in.
        request: The decoded body; without any series where it could not be decoded.
        violations: The remote-write rules that this request breaks, in words.
        status: The HTTP status that was answered; 0 where there was no answer (yet).
        begun: Monotonic seconds when the headers were in.
        ended: Monotonic seconds just before the first byte of the answer, or when the exchange
            ended without one; None while it is open. Taken before the sender can know the
            answer, so that a request sent because of it never seems to overlap.
    """

    number: int
    method: str
    path: str
    headers: Mapping[str, str]
    begun: float
    body: bytes = field(default=b"", repr=False)
    request: WriteRequest = field(default_factory=WriteRequest, repr=False)
    violations: tuple[str, ...] = ()
    status: int = 0
    ended: float | None = None

    @property
    def accepted(self) -> bool:
        """Whether the answer said that everything in the request is stored."""
        return 200 <= self.status < 300

    def samples(self) -> Iterator[tuple[Labels, int, float]]:
        """Yield each sample: its series' labels, timestamp in milliseconds, value."""
        for series in self.request.timeseries:
            labels = labels_of(series)
            for sample in series.samples:
                yield labels, sample.timestamp, sample.value


@dataclass(frozen=True, slots=True)
class Answer:
    """What the receiver does with a request; without arguments: 204, as Prometheus.

    Attributes:
        status: HTTP status.
        headers: Further headers.
        body: Body of the answer; none with 204 and 304.
        delay_seconds: Time to let pass before anything else.
        stall: Never answer; the connection stays open until the receiver is closed.
        reset: Close the connection with RST: instead of an answer, or after half of its body.
        drip_seconds: Where above 0: send the answer, headers too, byte by byte with this gap.
        redirect: Where not empty: the `Location` header.
    """

    status: int = 204
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    delay_seconds: float = 0.0
    stall: bool = False
    reset: Reset | None = None
    drip_seconds: float = 0.0
    redirect: str = ""

    def __post_init__(self) -> None:
        """Refuse what HTTP cannot say: the test that asks for it would test something else."""
        if self.body and self.status in (204, 304):
            raise ValueError(f"an answer with status {self.status} has no body")
        if self.reset == "mid_body" and len(self.body) < 2:
            raise ValueError("a reset in mid-body needs a body of two bytes or more")


AnswerFunction = Callable[[Received], Answer]
"""Decides about a request that keeps the rules. Called from several threads at once."""

EarlyAnswerFunction = Callable[[Received], Answer | None]
"""Decides about a request whose body has not been read; None: read it and go on as usual."""
