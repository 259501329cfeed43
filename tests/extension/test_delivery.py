"""The delivery: what each answer means for the records, and that none is unaccounted for."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from extension.errors import ExchangeError, ExtensionError
from tests.support.extension_deliveries import Delivering
from tests.support.extension_parts import OK, LinesDestination, lines, status

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from extension.messages import Request, Response


def too_large(limit: int) -> Callable[[list[bytes]], Response]:
    """Return a step that takes requests of a few records only."""
    return lambda posted: OK if len(posted) <= limit else status(413)


def test_sent() -> None:
    """Everything that was added is sent, in order, in one request, and counted."""
    delivering = Delivering().started(*lines(1, 100))
    assert delivering.flush()
    assert delivering.exchanges.posts == [lines(1, 100)]
    account = delivering.buffer.account()
    assert (account.received, account.sent, account.dropped) == (100, 100, {})
    assert delivering.written.lines == []


def test_partial() -> None:
    """What a destination refuses of a batch that it took is counted, said, and not sent again."""
    delivering = Delivering(status(200, b"3")).started(*lines(1, 10))
    assert delivering.flush()
    delivering.wait_for(refused=3, pending=0)
    assert delivering.exchanges.posts[0] == lines(1, 10)
    assert lines(1, 10) not in delivering.exchanges.posts[1:]
    assert "lines did not take 3 records (refused): some are bad" in delivering.written.text
    delivering.flush_all()
    assert delivering.losses_told == [{"refused": 3}]


def test_refused_more_than_sent() -> None:
    """A destination that says it refused more than there was cannot upset the account."""
    delivering = Delivering(status(200, b"7")).started(*lines(1, 5))
    delivering.flush_all()
    delivering.delivery.add(lines(6, 9))
    delivering.flush_all()
    account = delivering.buffer.account()
    assert account.balanced
    assert account.sent >= 0
    assert account.dropped == {"refused": 5}


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_halve(limit: int) -> None:
    """A batch that is too large is halved until it is not; all arrive, in order, once."""
    delivering = Delivering(*[too_large(limit)] * 100).started(*lines(1, 23))
    assert delivering.flush()
    assert delivering.exchanges.acknowledged == lines(1, 23)
    assert delivering.buffer.account().dropped == {}


def test_halve_down_to_one() -> None:
    """A record that is too large alone is dropped as `oversized`; all others arrive in order."""

    def but_five(posted: list[bytes]) -> Response:
        return status(413) if lines(5, 5)[0] in posted else OK

    delivering = Delivering(*[but_five] * 30).started(*lines(1, 9))
    delivering.flush_all()
    assert delivering.exchanges.acknowledged[:8] == [*lines(1, 4), *lines(6, 9)]
    assert delivering.buffer.account().dropped == {"oversized": 1}
    assert "oversized" in delivering.written.text


def test_halve_then_down() -> None:
    """A failure between two halves keeps what was not sent, in its order."""
    delivering = Delivering(status(413), OK, status(503)).started(*lines(1, 8))
    delivering.flush_all()
    assert delivering.exchanges.posts[1:] == [lines(1, 4), lines(5, 8), lines(5, 8)]
    assert delivering.exchanges.acknowledged == lines(1, 8)


def test_stop() -> None:
    """A refused token stops the destination: said once, everything counted, nothing sent."""
    delivering = Delivering(status(401)).started(*lines(1, 5))
    assert not delivering.flush() or not delivering.buffer.pending
    delivering.wait_for(unauthorized=5, pending=0)
    delivering.delivery.add(lines(6, 9))
    delivering.wait_for(unauthorized=9, pending=0)
    delivering.leap(10_000)
    began = delivering.time()
    delivering.flush(10)
    delivering.flush(10, at_any_price=True)
    assert delivering.time() - began < 5
    assert len(delivering.exchanges.posts) == 1
    assert [("refuses the token" in line) for line in delivering.written.lines] == [True]
    assert delivering.buffer.account().balanced


def test_stop_with_a_newer_token() -> None:
    """Where there is a newer token the same batch is sent with it."""
    destination = LinesDestination(renewals=[True])
    delivering = Delivering(status(401), destination=destination).started(*lines(1, 5))
    assert delivering.flush()
    assert delivering.exchanges.posts == [lines(1, 5), lines(1, 5)]
    assert destination.renewed == 1
    assert delivering.written.lines == []


def test_newer_token_is_refused_too() -> None:
    """Where the newer token is refused, too, the destination stops."""
    destination = LinesDestination(renewals=[True, False])
    steps = [status(401), status(401)]
    delivering = Delivering(*steps, destination=destination).started(*lines(1, 5))
    delivering.flush()
    delivering.wait_for(unauthorized=5)
    assert len(delivering.exchanges.posts) == 2


def test_stored_token_is_looked_for_again() -> None:
    """A stored token that is refused is asked for again a minute later; nothing is lost."""
    destination = LinesDestination(renewals=[False, True], renewable=True)
    steps = [status(401), status(401)]
    delivering = Delivering(*steps, destination=destination).started(*lines(1, 5))
    assert not delivering.flush()
    assert len(delivering.exchanges.posts) == 1
    delivering.leap(61)
    assert delivering.flush()
    assert delivering.exchanges.acknowledged == lines(1, 5)
    assert [("refuses the token" in line) for line in delivering.written.lines] == [True]


@pytest.mark.parametrize("failure", [status(503), ExchangeError("no answer")])
def test_retry(failure: object) -> None:
    """What is not answered is sent again, with growing delays, in order, before what came later."""
    delivering = Delivering(failure, failure, failure, first_delay=0.05).started(*lines(1, 3))
    delivering.delivery.begin_flush(delivering.time() + 20)
    delivering.exchanges.wait_for_posts(1)
    delivering.delivery.add(lines(4, 5))
    assert delivering.delivery.end_flush()
    assert delivering.exchanges.acknowledged == lines(1, 5)
    gaps = [later - earlier for earlier, later in pairwise(delivering.exchanges.times[:4])]
    assert all(gap >= delay for gap, delay in zip(gaps, (0.05, 0.1, 0.2), strict=True))
    assert delivering.written.lines == []


def test_retry_after() -> None:
    """`Retry-After` is kept, and a flush does not wait beyond its end for it."""
    delivering = Delivering(status(503, retry_after="60")).started(*lines(1, 3))
    began = delivering.time()
    assert not delivering.flush(20)
    assert delivering.time() - began < 10
    delivering.leap(45)
    assert not delivering.flush(0.5)
    assert len(delivering.exchanges.posts) == 1
    delivering.leap(15)
    assert delivering.flush()
    assert delivering.exchanges.acknowledged == lines(1, 3)


def test_refused() -> None:
    """A batch that will never be accepted is dropped, counted and said once; the next is sent."""
    delivering = Delivering(status(400), status(404)).started(*lines(1, 3))
    delivering.flush_all()
    assert delivering.exchanges.posts[0] == lines(1, 3)
    delivering.delivery.add(lines(4, 5))
    delivering.flush_all()
    account = delivering.buffer.account()
    assert account.dropped["refused"] >= 3
    assert account.balanced
    assert sum("refused" in line for line in delivering.written.lines) == 1
    assert "HTTP 400" in delivering.written.text


class Faulty(LinesDestination):
    """Has faults of our own.

    Args:
        faults: How often a request cannot be written.
        word: What it is about.
    """

    def __init__(self, faults: int, word: str = "word", largest: int = 1_000_000) -> None:
        super().__init__(largest)
        self.faults = faults
        self._word = word

    def request(self, encoded: Sequence[bytes]) -> Request:
        """Write a request, or fail."""
        if self.faults:
            self.faults -= 1
            raise ValueError(f"Invalid header value {self._word!r}")
        return super().request(encoded)


def test_fault_of_the_moment() -> None:
    """A fault while a request is written ends no thread; the batch is tried again."""
    delivering = Delivering(destination=Faulty(2)).started(*lines(1, 3))
    assert delivering.flush()
    assert delivering.exchanges.acknowledged == lines(1, 3)
    assert sum("fault" in line for line in delivering.written.lines) == 1


def test_fault_of_the_batch() -> None:
    """The third time the batch goes, counted as `fault`, and the next one is sent."""
    delivering = Delivering(destination=Faulty(3)).started(*lines(1, 3))
    delivering.flush_all()
    delivering.wait_for(fault=3, pending=0)
    delivering.delivery.add(lines(4, 5))
    delivering.flush_all()
    assert delivering.exchanges.acknowledged[:2] == lines(4, 5)
    assert delivering.losses_told == [{"fault": 3}]


def test_fault_tells_nothing_secret() -> None:
    """What is said of a fault holds neither a token nor a user's line."""
    delivering = Delivering(destination=Faulty(1, "secret")).started(*lines(1, 3))
    delivering.flush_all()
    assert "fault" in delivering.written.text
    assert "secret" not in delivering.written.text


def test_faults_hold_up_no_flush() -> None:
    """Where a fault opened the breaker, a flush that waits is released at once."""
    delivering = Delivering(destination=Faulty(99, largest=5)).started(*lines(1, 3))
    began = delivering.time()
    assert not delivering.flush(4)
    assert delivering.time() - began < 3


def test_network_cannot_be_opened() -> None:
    """A network that cannot be opened at first ends no thread; records are sent later."""
    delivering = Delivering(opening=[OSError("no certificates"), MemoryError()])
    delivering.started(*lines(1, 3))
    assert delivering.flush()


def test_secret_that_is_not_given() -> None:
    """A token that the store does not give is a failure as any other: the batch is kept."""

    class NoSecret(Faulty):
        def request(self, encoded: Sequence[bytes]) -> Request:
            if self.faults:
                self.faults -= 1
                raise ExtensionError("the store does not answer")
            return super().request(encoded)

    delivering = Delivering(destination=NoSecret(2)).started(*lines(1, 3))
    assert delivering.flush()
    assert delivering.exchanges.acknowledged == lines(1, 3)
    assert delivering.written.lines == []
