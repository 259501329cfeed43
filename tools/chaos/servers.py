"""The servers behind the listener of a run: a real Prometheus, or a stand-in of another server."""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from threading import Event, Lock
from typing import Protocol

import requests

from testing import rules
from testing.backends.backend import Backend, Limits
from testing.backends.cortex import Cortex
from testing.backends.m3 import M3
from testing.backends.managed import Managed
from testing.backends.mimir import Mimir
from testing.backends.prometheus import PrometheusStandIn
from testing.backends.thanos import Thanos
from testing.http_server import Reply, Request
from testing.receiver import Received
from testing.rules import Samples
from testing.servers import Prometheus, in_order, loopback_session
from tools.chaos.expectation import Sample
from tools.chaos.plan import Plan

REAL = "prometheus"

# Far longer than the time that a run's points span: Prometheus refuses none as too old.
_WINDOW = "1d"
_FORWARD_SECONDS = 20.0
_DOWN_SECONDS = 0.5
# Less than the series of the fleet.
_MANAGED_SERIES = 3_000

STAND_INS: dict[str, Callable[[Plan], Backend]] = {
    "prometheus-in-order": lambda _plan: PrometheusStandIn(),
    "mimir": lambda _plan: Mimir(),
    "cortex": lambda _plan: Cortex(),
    "thanos": lambda _plan: Thanos(replicas=2, failing_commits=5),
    "m3": lambda plan: M3(Limits(now_ms=_now_ms, past_ms=plan.span_ms // 2)),
    "managed": lambda _plan: Managed(Limits(max_series=_MANAGED_SERIES), throttled=20),
}
"""By name. Streams deliver at once, so all of these but M3 refuse much as out of order."""


class Server(Protocol):
    """What a run needs of a server."""

    def forward(self, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Send a request to it; return its reply, or 502 while it is down."""

    def kill(self) -> None:
        """End it as a crash would; what it has stored stays."""

    def start(self) -> None:
        """Start it again."""

    def stored(self, **labels: str) -> Samples:
        """Return every sample of the series with these labels, in the order of time."""

    def refused(self) -> frozenset[Sample]:
        """Return the samples that it refused because of what it had stored, or of its limits."""


class RealPrometheus(Prometheus):
    """A real Prometheus, whose window is so long that it refuses nothing.

    Requests are sent one at a time: if two requests bring a new series at once, Prometheus 2.42
    may log the samples of the one before the series, and loses them when it is killed and reads
    its log.
    """

    def __init__(self, folder: Path) -> None:
        self._one_at_a_time = Lock()
        self._sending = loopback_session()
        super().__init__(folder, window=_WINDOW)

    def forward(self, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Send a request; return the reply, or 502."""
        try:
            with self._one_at_a_time:
                response = self._sending.post(
                    self.write_url, data=body, headers=headers, timeout=_FORWARD_SECONDS
                )
        except requests.RequestException as error:
            return Reply(502, body=f"Prometheus is down: {type(error).__name__}".encode())
        return Reply(response.status_code, body=response.content)

    def refused(self) -> frozenset[Sample]:
        """Return nothing."""
        return frozenset()

    def close(self) -> None:
        """End the process, and close the sessions."""
        self._sending.close()
        super().close()


class StandIn:
    """A stand-in of a server, whose state outlives a crash."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._down = Event()

    def forward(self, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Return the stand-in's reply."""
        if self._down.is_set():
            return Reply(502, body=b"the stand-in is down")
        http = Request(0, 0, "POST", "/", headers, (), time.monotonic(), body)
        return self._backend(Received.of(http, request=rules.decode(body)))

    def kill(self) -> None:
        """Reply 502 until it is started."""
        self._down.set()

    def start(self) -> None:
        """Wait, as for a process to start, and reply again."""
        time.sleep(_DOWN_SECONDS)
        self._down.clear()

    def stored(self, **labels: str) -> Samples:
        """Return what is stored."""
        return in_order(
            {
                tuple(sorted(series)): samples.items()
                for series, samples in self._backend.stored.items()
                if labels.items() <= dict(series).items()
            }
        )

    def refused(self) -> frozenset[Sample]:
        """Return the samples that were refused."""
        return frozenset(
            (tuple(sorted(refusal.labels)), refusal.at_ms, refusal.value)
            for refusal in self._backend.refusals
        )


@contextlib.contextmanager
def open_server(name: str, folder: Path, plan: Plan) -> Iterator[Server]:
    """Run a server until the end of `with`.

    Args:
        name: `REAL`, or one of `STAND_INS`.
        folder: An empty folder for its data.
        plan: What it will get.
    """
    if name == REAL:
        with RealPrometheus(folder) as server:
            yield server
    else:
        yield StandIn(STAND_INS[name](plan))


def _now_ms() -> int:
    return int(time.time() * 1000)
