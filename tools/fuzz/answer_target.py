"""Target `answer`: what a listener's answers mean, and finding the samples it refuses."""

import math
import threading
from collections.abc import Mapping
from functools import cache

from converters.bodies import Body
from converters.convert import Converter, Options
from handler.auth import Auth
from handler.client import Client, ListenerResponse
from handler.clock import Clock
from handler.endpoint import Endpoint
from handler.redaction import Redactor
from handler.sender import Sender
from handler.verdict import Verdict, retry_after_seconds, verdict_on
from testing.events.fleet import fleet
from testing.events.otlp import Format
from testing.events.samples import sample_records

_NOW = 1_793_491_200.0
_WHOLE = (Verdict.REFUSED, Verdict.UNEXPLAINED)
_SECRET = "canary-5f0c9e72d1b84a36"


def check(content: bytes) -> None:
    """Check that any response has a meaning, and that sending a body comes to an end.

    The first two bytes are a status, the next one picks a body, the rest is both the listener's
    text and whether it answers a request with it: no refused part is sent twice, and each sample
    is accepted, rejected or undelivered.
    """
    status = 100 + int.from_bytes(content[:2], "little") % 500
    text = content[3:].decode("utf-8", "replace")
    verdict = verdict_on(status, text)
    assert (verdict is Verdict.ACCEPTED) == (200 <= status < 300)
    wait = retry_after_seconds(text, _NOW)
    assert wait >= 0
    assert math.isfinite(wait)
    assert _SECRET not in Redactor([_SECRET])(text + _SECRET)
    bodies = _bodies()
    body = bodies[content[2] % len(bodies)] if len(content) > 2 else bodies[0]
    _deliver(body, ListenerResponse(status, text, None), content[3:])


class _Client(Client):
    """Answers each part of a body as a script says: accepted, refused, or not authorised."""

    def __init__(self, answer: ListenerResponse, script: bytes) -> None:
        super().__init__(1)
        self.refused: list[bytes] = []
        self._answer = answer
        self._script = script
        self._lock = threading.Lock()
        self._requests = 0

    def post(
        self,
        url: str,
        content: bytes,
        headers: Mapping[str, str],
        timeout: float,
    ) -> ListenerResponse:
        """Answer a request."""
        del url, headers
        assert timeout > 0
        with self._lock:
            self._requests += 1
            said = self._script[self._requests % len(self._script)] if self._script else 1
        if said == 255:
            return ListenerResponse(401, "", None)
        if said % 4 == 0:
            return ListenerResponse(204, "", None)
        if verdict_on(self._answer.status, self._answer.text) in _WHOLE:
            with self._lock:
                self.refused.append(content)
        return self._answer


def _deliver(body: Body, answer: ListenerResponse, script: bytes) -> None:
    client, now = _Client(answer, script), [0.0]

    def wait(_event: threading.Event, seconds: float) -> None:
        now[0] += seconds

    clock = Clock(lambda: now[0], lambda: _NOW, lambda ceiling: ceiling, wait)
    sender = Sender(client, clock, concurrency=2, timeout_seconds=5)
    sent = sender.send([[body]], Endpoint("http://listener/", {}, Auth(None)), 60.0)
    assert sent.accepted + sent.rejected + sent.undelivered == body.samples
    assert min(sent.accepted, sent.rejected, sent.undelivered) >= 0
    assert bool(sent.failures) == (sent.undelivered > 0)
    assert len(client.refused) == len(set(client.refused))
    assert len(client.refused) <= 4 * body.samples + 16


@cache
def _bodies() -> tuple[Body, ...]:
    """Return bodies of one sample, of one series with two, and of many series."""
    converter = Converter(Options(max_bytes=3_000))
    records = sample_records(fleet(1_793_491_200_000), Format.V1_0)
    found = converter.convert(enumerate(records), p8s_logzio_name="fuzz", delivered_ms=None)
    bodies = sorted((b for lane in found.lanes for b in lane), key=lambda body: body.samples)
    return (bodies[0], bodies[len(bodies) // 2], bodies[-1])
