"""Target `answer`: what a listener's answers mean, and finding the samples it refuses."""

import math
from functools import cache

from converters.bodies import Body
from converters.convert import Converter, Profile
from handler.account import SampleAccount
from handler.client import ListenerResponse
from handler.isolation import isolate
from handler.redaction import Redactor
from handler.verdict import Verdict, names_samples, retry_after_seconds, verdict_on
from testing.events.fleet import fleet
from testing.events.otlp import Format
from testing.events.samples import sample_records

_NOW = 1_793_491_200.0
_SECRET = "canary-5f0c9e72d1b84a36"


def check(content: bytes) -> None:
    """Check that any response has a meaning, and that isolating a refused body comes to an end.

    The first two bytes are a status, the next one picks a body, the rest is
    both the listener's text and its response to each part of the body: no part
    is sent twice, and what is settled is accepted or rejected once.
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
    _isolate(body, ListenerResponse(400, text, None), content[3:])


def _isolate(refused: Body, answer: ListenerResponse, script: bytes) -> None:
    account = SampleAccount(refused.samples)
    sent: set[bytes] = {refused.content}

    def send(body: Body) -> tuple[Verdict, ListenerResponse | None]:
        assert body.content not in sent
        sent.add(body.content)
        said = script[len(sent) % len(script)] if script else 1
        if said % 4 == 0:
            account.accept(body.samples, len(body.content))
            return Verdict.ACCEPTED, answer
        if said == 255:
            return Verdict.UNAVAILABLE, None
        return Verdict.REFUSED, answer

    settled = isolate(refused, answer, send, account)
    account.fail(503, "the rest")
    closed = account.close("the rest")
    assert closed.undelivered >= 0
    if settled:
        assert closed.undelivered == 0
    else:
        assert 255 in script or not names_samples(answer.text)
    assert len(sent) <= 4 * refused.samples + 16


@cache
def _bodies() -> tuple[Body, ...]:
    """Return bodies of one sample, of one series with two, and of many series."""
    converter = Converter(Profile(max_bytes=3_000))
    records = sample_records(fleet(1_793_491_200_000), Format.V1_0)
    found = converter.convert(enumerate(records), p8s_logzio_name="fuzz", delivered_ms=None)
    bodies = sorted((b for lane in found.lanes for b in lane), key=lambda body: body.samples)
    return (bodies[0], bodies[len(bodies) // 2], bodies[-1])
