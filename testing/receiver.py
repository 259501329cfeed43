"""A Prometheus remote-write receiver of 1.0 and 2.0, for tests, `make run` and `make local`.

It decodes each request, checks it against the specification (`testing.rules`), keeps it, and
replies as the caller decides, which includes misbehaving.
"""

import dataclasses
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Self

from converters.schema.remote_write_pb2 import WriteRequest
from converters.schema.remote_write_v2_pb2 import Request as Request2
from testing import rules, rules_2_0
from testing.http_server import LOOPBACK, HttpServer, Reply, Request
from testing.rules import Labels, Samples, labels_of

_VIOLATIONS_IN_A_REPLY = 10


@dataclass(frozen=True, slots=True)
class Received(Request):
    """One remote-write request, as far as it has come.

    Attributes:
        request: The decoded body; without any series where it could not be decoded. One of 2.0 as
            it would be in 1.0.
        request_2_0: The decoded body, if it is one of remote write 2.0 and the receiver knows 2.0.
        violations: The rules of remote write that this request breaks.
        status: The HTTP status of the reply; 0 where there is none (yet).
        ended: Monotonic seconds just before the first byte of the reply, or when the exchange
            ended without one; None while it is open. A request that the sender makes because
            of the reply therefore never seems to overlap this one.
    """

    request: WriteRequest = field(default_factory=WriteRequest, repr=False)
    request_2_0: Request2 | None = field(default=None, repr=False)
    violations: tuple[str, ...] = ()
    status: int = 0
    ended: float | None = None

    @classmethod
    def of(cls, http: Request, **found: Any) -> Self:
        """Return a request with what was found in it."""
        fields = {it.name: getattr(http, it.name) for it in dataclasses.fields(Request)}
        return cls(**fields, **found)

    @property
    def accepted(self) -> bool:
        """Whether the reply said that everything in the request is stored."""
        return 200 <= self.status < 300

    @property
    def written_headers(self) -> dict[str, str]:
        """The headers that say that all of a request is written."""
        series = self.request.timeseries
        return {
            "X-Prometheus-Remote-Write-Samples-Written": str(sum(len(s.samples) for s in series)),
            "X-Prometheus-Remote-Write-Histograms-Written": str(
                sum(len(s.histograms) for s in series)
            ),
        }

    def samples(self) -> Iterator[tuple[Labels, int, float]]:
        """Yield each sample: its series' labels, timestamp in milliseconds, value."""
        for series in self.request.timeseries:
            labels = labels_of(series)
            for sample in series.samples:
                yield labels, sample.timestamp, sample.value


ReplyFunction = Callable[[Received], Reply]
"""Decides about a request that breaks no rule. Called from several threads at once."""


class Receiver(HttpServer):
    """The receiver, listening from its construction until `close` or the end of `with`.

    A request that breaks a rule is answered with 400 and the rule's name, whatever `reply`
    would return.

    Args:
        reply: Decides about each request that breaks no rule; default: 204.
        max_bytes: A further rule: the largest request in bytes before compression.
        to_2_0: What it replies to any request of remote write 2.0; None: it knows 2.0, and says
            after each success what it has written.
        tls: Use HTTPS with this server-side context.
        port: Where to listen; 0: on a free port.
        address: The address of this machine on which to listen.

    Attributes:
        url: Where to send.
    """

    def __init__(
        self,
        reply: ReplyFunction = lambda _received: Reply(),
        *,
        max_bytes: int | None = None,
        to_2_0: Reply | None = Reply(415),  # noqa: B008 -- it cannot be changed
        tls: ssl.SSLContext | None = None,
        port: int = 0,
        address: str = LOOPBACK,
    ) -> None:
        self._reply = reply
        self._max_bytes = max_bytes
        self._to_2_0 = to_2_0
        self._lock = threading.Lock()
        self._received: dict[int, Received] = {}
        super().__init__(tls, port, address)
        self.url = f"{'https' if tls else 'http'}://{address}:{self.port}/api/v1/write"

    @property
    def requests(self) -> list[Received]:
        """Every request so far, in order of arrival, including those that are still open."""
        with self._lock:
            return [self._received[number] for number in sorted(self._received)]

    @property
    def violations(self) -> list[str]:
        """Every broken rule so far, each with the number of its request."""
        return [
            f"request {received.number}: {violation}"
            for received in self.requests
            for violation in received.violations
        ]

    def accepted_samples(self) -> Samples:
        """Return the samples of the requests that were answered with success.

        Returns:
            A sample that came twice is there twice.
        """
        return accepted_samples(self.requests)

    def respond_early(self, request: Request) -> None:
        """Keep a request whose headers are read."""
        self._keep(Received.of(request))

    def respond(self, request: Request) -> Reply:
        """Decode and check a request, and decide about it."""
        if rules_2_0.is_2_0(request.headers):
            return self._respond_to_2_0(request)
        decoded, broken = WriteRequest(), rules.broken_by_headers(request.method, request.headers)
        try:
            decoded = rules.decode(request.body)
            broken += rules.broken_by_request(decoded, self._max_bytes)
        except rules.UnreadableBodyError as error:
            broken.append(str(error))
        received = self._keep(Received.of(request, request=decoded, violations=tuple(broken)))
        if broken:
            return Reply(400, body="; ".join(broken[:_VIOLATIONS_IN_A_REPLY]).encode())
        return self._reply(received)

    def _respond_to_2_0(self, request: Request) -> Reply:
        if self._to_2_0 is not None:
            self._keep(Received.of(request))
            return self._to_2_0
        decoded, broken = Request2(), rules_2_0.broken_by_headers(request.method, request.headers)
        old = WriteRequest()
        try:
            decoded = rules_2_0.decode(request.body)
            broken += rules_2_0.broken_by_request(decoded, self._max_bytes)
            old = rules_2_0.as_1_0(decoded)
        except (rules.UnreadableBodyError, ValueError, IndexError) as error:
            broken.append(str(error))
        received = self._keep(
            Received.of(request, request=old, request_2_0=decoded, violations=tuple(broken))
        )
        if broken:
            return Reply(400, body="; ".join(broken[:_VIOLATIONS_IN_A_REPLY]).encode())
        reply = self._reply(received)
        if 200 <= reply.status < 300 and not reply.headers:
            return dataclasses.replace(reply, headers=received.written_headers)
        return reply

    def replied(self, request: Request, status: int) -> None:
        """Keep how a request ended."""
        with self._lock:
            received = self._received[request.number]
            self._received[request.number] = dataclasses.replace(
                received, status=status, ended=time.monotonic()
            )

    def _keep(self, received: Received) -> Received:
        with self._lock:
            self._received[received.number] = received
        return received


def accepted_samples(requests: Iterable[Received]) -> Samples:
    """Return the samples of those requests that were answered with success.

    Args:
        requests: In order of arrival.
    """
    samples: Samples = {}
    for received in requests:
        if received.accepted:
            for labels, timestamp, value in received.samples():
                samples.setdefault(labels, []).append((timestamp, value))
    return samples
