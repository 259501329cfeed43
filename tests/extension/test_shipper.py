"""What each result means for the records of a batch; all of them are accounted for."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from extension.errors import ExchangeError, ExtensionError
from tests.support.extension_parts import OK, LinesDestination, lines, status
from tests.support.extension_shippers import ScriptedShipper

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from extension.messages import Request, Response


def too_large(limit: int) -> Callable[[list[bytes]], Response]:
    """Return a step that accepts requests of a few records only."""
    return lambda posted: OK if len(posted) <= limit else status(413)


def test_sent() -> None:
    """All records are sent in order in one request, and counted."""
    scripted = ScriptedShipper().started(*lines(1, 100))
    assert scripted.flush()
    assert scripted.client.posts == [lines(1, 100)]
    account = scripted.buffer.account()
    assert (account.received, account.sent, account.dropped) == (100, 100, {})
    assert scripted.written.lines == []


def test_partial() -> None:
    """Records that are refused within an accepted batch are counted, reported, not sent again."""
    scripted = ScriptedShipper(status(200, b"3")).started(*lines(1, 10))
    assert scripted.flush()
    scripted.wait_for(refused=3, pending=0)
    assert scripted.client.posts[0] == lines(1, 10)
    assert lines(1, 10) not in scripted.client.posts[1:]
    assert "lines did not accept 3 records (refused): some are bad" in scripted.written.text
    scripted.flush_all()
    assert scripted.reported_losses == [{"refused": 3}]


def test_refused_more_than_sent() -> None:
    """A destination that reports more refused records than were sent cannot upset the account."""
    scripted = ScriptedShipper(status(200, b"7")).started(*lines(1, 5))
    scripted.flush_all()
    scripted.shipper.add(lines(6, 9))
    scripted.flush_all()
    account = scripted.buffer.account()
    assert account.balanced
    assert account.sent >= 0
    assert account.dropped == {"refused": 5}


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_halve(limit: int) -> None:
    """A batch that is too large is halved until it is not; all records arrive once, in order."""
    scripted = ScriptedShipper(*[too_large(limit)] * 100).started(*lines(1, 23))
    assert scripted.flush()
    assert scripted.client.acknowledged == lines(1, 23)
    assert scripted.buffer.account().dropped == {}


def test_halve_down_to_one() -> None:
    """A single record that is too large is dropped as `oversized`; the others arrive in order."""

    def but_five(posted: list[bytes]) -> Response:
        return status(413) if lines(5, 5)[0] in posted else OK

    scripted = ScriptedShipper(*[but_five] * 30).started(*lines(1, 9))
    scripted.flush_all()
    assert scripted.client.acknowledged[:8] == [*lines(1, 4), *lines(6, 9)]
    assert scripted.buffer.account().dropped == {"oversized": 1}
    assert "oversized" in scripted.written.text


def test_halve_then_down() -> None:
    """A failure between two halves keeps the rest in order."""
    scripted = ScriptedShipper(status(413), OK, status(503)).started(*lines(1, 8))
    scripted.flush_all()
    assert scripted.client.posts[1:] == [lines(1, 4), lines(5, 8), lines(5, 8)]
    assert scripted.client.acknowledged == lines(1, 8)


def test_stop() -> None:
    """A refused token stops the destination: one warning, everything counted, nothing sent."""
    scripted = ScriptedShipper(status(401)).started(*lines(1, 5))
    assert not scripted.flush() or not scripted.buffer.pending
    scripted.wait_for(unauthorized=5, pending=0)
    scripted.shipper.add(lines(6, 9))
    scripted.wait_for(unauthorized=9, pending=0)
    scripted.leap(10_000)
    began = scripted.time()
    scripted.flush(10)
    scripted.flush(10, final=True)
    assert scripted.time() - began < 5
    assert len(scripted.client.posts) == 1
    assert [("refuses the token" in line) for line in scripted.written.lines] == [True]
    assert scripted.buffer.account().balanced


def test_stop_with_a_newer_token() -> None:
    """If there is a newer token the same batch is sent with it."""
    destination = LinesDestination(renewals=[True])
    scripted = ScriptedShipper(status(401), destination=destination).started(*lines(1, 5))
    assert scripted.flush()
    assert scripted.client.posts == [lines(1, 5), lines(1, 5)]
    assert destination.renewed == 1
    assert scripted.written.lines == []


def test_newer_token_is_refused_too() -> None:
    """If the newer token is refused too, the destination stops."""
    destination = LinesDestination(renewals=[True, False])
    steps = [status(401), status(401)]
    scripted = ScriptedShipper(*steps, destination=destination).started(*lines(1, 5))
    scripted.flush()
    scripted.wait_for(unauthorized=5)
    assert len(scripted.client.posts) == 2


def test_stored_token_is_checked_again() -> None:
    """After a refusal a stored token is read again a minute later; nothing is lost."""
    destination = LinesDestination(renewals=[False, True], renewable=True)
    steps = [status(401), status(401)]
    scripted = ScriptedShipper(*steps, destination=destination).started(*lines(1, 5))
    assert not scripted.flush()
    assert len(scripted.client.posts) == 1
    scripted.leap(61)
    assert scripted.flush()
    assert scripted.client.acknowledged == lines(1, 5)
    assert [("refuses the token" in line) for line in scripted.written.lines] == [True]


@pytest.mark.slow
@pytest.mark.parametrize("failure", [status(503), ExchangeError("no response")])
def test_retry(failure: object) -> None:
    """A failed batch is sent again before later records, with growing delays."""
    scripted = ScriptedShipper(failure, failure, failure, first_delay_ms=50).started(*lines(1, 3))
    scripted.shipper.begin_flush(scripted.time() + 20)
    scripted.client.wait_for_posts(1)
    scripted.shipper.add(lines(4, 5))
    assert scripted.shipper.end_flush()
    assert scripted.client.acknowledged == lines(1, 5)
    gaps = [later - earlier for earlier, later in pairwise(scripted.client.times[:4])]
    assert all(gap >= delay for gap, delay in zip(gaps, (0.05, 0.1, 0.2), strict=True))
    assert scripted.written.lines == []


def test_retry_after() -> None:
    """`Retry-After` is respected, and a flush does not wait beyond its end for it."""
    scripted = ScriptedShipper(status(503, retry_after="60")).started(*lines(1, 3))
    began = scripted.time()
    assert not scripted.flush(20)
    assert scripted.time() - began < 10
    scripted.leap(45)
    assert not scripted.flush(0.5)
    assert len(scripted.client.posts) == 1
    scripted.leap(15)
    assert scripted.flush()
    assert scripted.client.acknowledged == lines(1, 3)


def test_refused() -> None:
    """A batch that is refused for good is dropped, counted, reported once; the next is sent."""
    scripted = ScriptedShipper(status(400), status(404)).started(*lines(1, 3))
    scripted.flush_all()
    assert scripted.client.posts[0] == lines(1, 3)
    scripted.shipper.add(lines(4, 5))
    scripted.flush_all()
    account = scripted.buffer.account()
    assert account.dropped["refused"] >= 3
    assert account.balanced
    assert sum("refused" in line for line in scripted.written.lines) == 1
    assert "HTTP 400" in scripted.written.text


class Faulty(LinesDestination):
    """Raises errors of our own.

    Args:
        errors: The result of building each request: an error, or None; afterwards None.
    """

    def __init__(self, *errors: Exception | None, largest: int = 1_000_000) -> None:
        super().__init__(largest)
        self.errors = list(errors)

    def request(self, encoded: Sequence[bytes]) -> Request:
        """Build a request, or fail."""
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error
        return super().request(encoded)


ERROR = ValueError("Invalid header value 'secret'")


def test_internal_error() -> None:
    """An error while a request is built ends no thread: the batch is tried again."""
    scripted = ScriptedShipper(destination=Faulty(ERROR, ERROR)).started(*lines(1, 3))
    assert scripted.flush()
    assert scripted.client.acknowledged == lines(1, 3)
    assert sum("error while sending" in line for line in scripted.written.lines) == 1
    assert "secret" not in scripted.written.text


def test_internal_errors_of_a_batch() -> None:
    """After the third error in a row the batch is dropped as `fault`, and the next is sent."""
    scripted = ScriptedShipper(destination=Faulty(*[ERROR] * 3)).started(*lines(1, 3))
    scripted.flush_all()
    scripted.wait_for(fault=3, pending=0)
    scripted.shipper.add(lines(4, 5))
    scripted.flush_all()
    assert scripted.client.acknowledged[:2] == lines(4, 5)
    assert scripted.reported_losses == [{"fault": 3}]


def test_internal_errors_are_counted_in_a_row() -> None:
    """A success between internal errors starts their count anew: no batch is dropped."""
    errors = [ERROR, ERROR, None] * 4
    scripted = ScriptedShipper(destination=Faulty(*errors)).started()
    for number in range(4):
        scripted.shipper.add(lines(number, number))
        scripted.flush_all()
    assert scripted.client.acknowledged == lines(0, 3)
    assert scripted.buffer.account().dropped == {}


def test_internal_errors_hold_up_no_flush() -> None:
    """A flush that waits ends as soon as internal errors have opened the circuit."""
    scripted = ScriptedShipper(destination=Faulty(*[ERROR] * 99, largest=5)).started(*lines(1, 3))
    began = scripted.time()
    assert not scripted.flush(4)
    assert scripted.time() - began < 3


def test_certificates_cannot_be_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Certificates that cannot be loaded at the start end no thread."""
    scripted = ScriptedShipper()

    def prepare() -> None:
        raise FileNotFoundError("no certificates")

    monkeypatch.setattr(scripted.client, "prepare", prepare)
    assert scripted.started(*lines(1, 3)).flush()


def test_secret_that_cannot_be_read() -> None:
    """A token that the store does not return is a failure like any other: the batch is kept."""
    missing = ExtensionError("the store does not respond")
    scripted = ScriptedShipper(destination=Faulty(missing, missing)).started(*lines(1, 3))
    assert scripted.flush()
    assert scripted.client.acknowledged == lines(1, 3)
    assert scripted.written.lines == []
