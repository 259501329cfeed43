"""What each response of each destination means for the batch."""

import pytest

from testing.log_destinations.destination import LogDestination
from testing.log_destinations.logzio import LogzioDestination
from testing.log_destinations.treatment import redirected, status
from tests.extension_process.running import (
    AT_ONCE,
    DEBUG,
    PROMPT,
    Side,
    messages,
    shipping,
)

SENT = (200, 201, 202, 204, 299)
REDIRECTS = (301, 302, 303, 307, 308)
REFUSED = (400, 402, 404, 405, 410, 415, 422, 499)
RETRIED = (408, 429, 500, 502, 503, 504, 599)


@pytest.mark.parametrize("code", [*SENT, *REFUSED])
def test_not_sent_again(side: Side, code: int) -> None:
    """2xx: the batch has arrived. 4xx: it is dropped. The next one is sent."""
    side.destination.misbehave_once(status(code))
    side.run.services.invoke([f"line {code}"])
    side.run.services.invoke([f"after {code}"])
    assert [it.status for it in side.requests_with(f"line {code}")] == [code]
    assert f"after {code}" in messages(side.destination)


@pytest.mark.parametrize("code", RETRIED)
def test_retried(side: Side, code: int) -> None:
    """408, 429 and 5xx: the batch is kept and sent again later."""
    side.destination.misbehave_once(status(code))
    side.run.services.invoke([f"kept {code}"])
    first, second = side.requests_with(f"kept {code}")
    assert first.status == code
    assert second.acknowledged
    assert second.begun - first.begun > 0.04


@pytest.mark.parametrize("code", REDIRECTS)
def test_not_followed(side: Side, code: int) -> None:
    """3xx: the other server sees no byte, nor is the batch sent again."""
    with LogzioDestination() as other:
        side.destination.misbehave_once(redirected(f"{other.url}/?token=stolen", code))
        side.run.services.invoke([f"redirected {code}"])
        assert other.connections == 0
    assert [it.status for it in side.requests_with(f"redirected {code}")] == [code]


def test_halved(side: Side) -> None:
    """413: halves are sent, down to one record; all arrive, in order."""
    lines = [f"{number} {'x' * 1000}" for number in range(7)]
    side.destination.max_body_bytes = 2000
    side.run.services.invoke(lines)
    side.destination.max_body_bytes = side.destination.documented_max_body_bytes
    assert [line for line in messages(side.destination) if line in lines] == lines
    assert all(len(side.requests_with(line)) == 1 for line in lines)


@pytest.mark.parametrize("code", [401, 403])
def test_stopped(destination: LogDestination, code: int) -> None:
    """401 and 403: one line, nothing more is sent, and everything is counted."""
    destination.misbehave(status(code))
    with shipping(destination) as run:
        for number in range(4):
            assert run.services.invoke([f"line {number}"]).added_seconds < PROMPT
        run.end()
        (line,) = run.warnings
        assert f"{destination.name} refuses access (HTTP {code}" in line
        account = run.account(destination.name)
    assert len(destination.arrivals) == 1
    assert (account.received, account.dropped) == (4, {"unauthorized": 4})


def test_logzio(logzio: LogzioDestination) -> None:
    """Logz.io's 400 with counts is a partial accept: the batch is not sent again."""
    logzio.refuses = lambda record: record.get("message") == "bad"
    with shipping(logzio, environ=DEBUG, platform=AT_ONCE) as run:
        run.services.invoke(["good", "bad", "fine"])
        run.services.invoke(["after"])
        run.end()
        account = run.account()
    assert messages(logzio) == ["good", "fine", "after"]
    assert [it.count + it.refused for it in logzio.arrivals if "good" in str(it.records)] == [3]
    assert account.dropped == {"refused": 1}
    assert account.sent == logzio.acknowledged_count
    assert len([it for it in run.warnings if "did not accept 1 records" in it]) == 1


@pytest.mark.parametrize("code", [400, 404, 413])
def test_refused_for_good(logzio: LogzioDestination, code: int) -> None:
    """If everything is refused, the reports of losses do not cause endless requests."""
    logzio.misbehave(status(code))
    with shipping(logzio) as run:
        for number in range(4):
            run.services.invoke([f"line {number}"])
        run.end()
    assert len(logzio.arrivals) < 15
