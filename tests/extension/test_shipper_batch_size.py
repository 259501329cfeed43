"""How large the batches of a shipper are: after timeouts, and after refusals for rate."""

import pytest

from extension.errors import AbandonedExchange, ExchangeError
from extension.http_client import Response
from tests.support.extension_parts import OK, LinesDestination, status
from tests.support.extension_shippers import ScriptedShipper

RECORDS = [b"%04d" % number + b"x" * 996 for number in range(3_000)]


def backlog_to(*script: object, largest: int = 10_000_000) -> ScriptedShipper:
    """Return a shipper with 3 MB of records and a budget of ten seconds."""
    scripted = ScriptedShipper(
        *script,
        destination=LinesDestination(largest),
        max_bytes=16_000_000,
        budget=10.0,
        first_delay_ms=1,
    )
    scripted.shipper.add(RECORDS)
    return scripted


def test_batch_size() -> None:
    """A batch has two megabytes at most; small ones follow a timeout, and then they grow."""

    def time_out(_posted: list[bytes]) -> Exception:
        scripted.leap(10.0)
        return ExchangeError("timed out")

    scripted = backlog_to(time_out).started()
    assert scripted.flush(10_000)
    sizes = [sum(map(len, posted)) // 1000 for posted in scripted.client.posts]
    assert sizes == [2095, 261, 523, 1047, 1169]
    assert scripted.client.acknowledged == RECORDS


BURST_BYTES = 300_000


def test_larger_than_the_burst() -> None:
    """A batch that is refused for its rate twice is halved, until the destination takes it."""

    def limited(posted: list[bytes]) -> Response:
        return OK if sum(map(len, posted)) <= BURST_BYTES else status(429)

    scripted = backlog_to(*[limited] * 100).started()
    assert scripted.flush(10_000)
    sizes = [sum(map(len, posted)) // 1000 for posted in scripted.client.posts]
    assert sizes[:8] == [2095, 2095, 1046, 1046, 522, 522, 260, 260]
    assert scripted.client.acknowledged == RECORDS
    assert not scripted.backoff.open


def test_rate_that_stays_too_high() -> None:
    """A destination that refuses small batches too counts as down."""
    scripted = backlog_to(*[status(429)] * 100).started()
    assert not scripted.flush(5)
    assert scripted.backoff.open
    assert len(scripted.client.posts) < 20


@pytest.mark.large
def test_slow_destination() -> None:
    """A backlog reaches a destination that is too slow to accept all of it at once."""

    def slow(posted: list[bytes]) -> Response | Exception:
        # A second for each hundred kilobytes.
        seconds = sum(map(len, posted)) / 100_000
        scripted.leap(min(seconds, 10.0))
        return OK if seconds < 10.0 else ExchangeError("timed out")

    scripted = backlog_to(*[slow] * 100).started()
    assert scripted.flush(10_000)
    assert scripted.client.acknowledged == RECORDS
    # A batch that took half of the time is not followed by one that may take all of it.
    assert len([it for it in scripted.client.posts if sum(map(len, it)) > 1_000_000]) == 1
    assert scripted.buffer.account().dropped == {}


@pytest.mark.parametrize(
    ("result", "seconds"),
    [(status(503), 10.0), (AbandonedExchange("frozen"), 10.0), (ExchangeError("refused"), 0.1)],
)
def test_size_is_kept(result: object, seconds: float) -> None:
    """A response that asks to wait, a freeze and a failure at once leave the size as it is."""

    def late(_posted: list[bytes]) -> object:
        scripted.leap(seconds)
        return result

    scripted = backlog_to(late).started()
    assert scripted.flush(10_000)
    assert scripted.client.posts[0] == scripted.client.posts[1]
