"""What each result means for the records of a batch; all of them are accounted for."""

from collections.abc import Sequence
from itertools import pairwise

import pytest

from extension.errors import ExchangeError, ExtensionError
from extension.http_client import Request
from tests.support.extension_parts import OK, LinesDestination, is_balanced, lines, status
from tests.support.extension_shippers import ScriptedShipper


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


LARGE = status(413)
REQUESTS: list[tuple[Sequence[object], list[tuple[int, int]], dict[str, int]]] = [
    # The results for eight records; the first and the last record of each request; losses.
    ([], [(1, 8)], {}),
    ([status(200, b"3")], [(1, 8)], {"refused": 3}),
    ([status(400)], [(1, 8)], {"refused": 8}),
    ([ExchangeError("no response")], [(1, 8), (1, 8)], {}),
    ([LARGE, LARGE], [(1, 8), (1, 4), (1, 2), (3, 4), (5, 8)], {}),
    # One of them is too large alone.
    ([LARGE] * 4, [(1, 8), (1, 4), (1, 2), (1, 1), (2, 2), (3, 4), (5, 8)], {"oversized": 1}),
    # A half fails.
    ([LARGE, OK, status(503)], [(1, 8), (1, 4), (5, 8), (5, 8)], {}),
]


@pytest.mark.parametrize(("script", "posts", "dropped"), REQUESTS)
def test_requests(
    script: Sequence[object], posts: list[tuple[int, int]], dropped: dict[str, int]
) -> None:
    """What is sent again after a result, in order; all records are accounted for."""
    scripted = ScriptedShipper(*script)
    scripted.shipper.add(lines(1, 8))
    for _ in range(3):
        scripted.shipper.send_batch()
    scripted.shipper.results.report_losses()
    scripted.shipper.send_batch()
    of_records = [it for it in scripted.client.posts if it[0].startswith(b'{"n"')]
    assert of_records == [lines(*post) for post in posts]
    assert scripted.reported_losses == ([dropped] if dropped else [])
    account = scripted.buffer.account()
    assert (is_balanced(account), account.pending, account.dropped) == (True, 0, dropped)


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_halve(limit: int) -> None:
    """A batch that is too large is halved until it is not; all records arrive once, in order."""
    scripted = ScriptedShipper(*[lambda posted: OK if len(posted) <= limit else LARGE] * 100)
    assert scripted.started(*lines(1, 23)).flush()
    assert scripted.client.acknowledged == lines(1, 23)
    assert scripted.buffer.account().dropped == {}


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
    assert [("refuses access" in line) for line in scripted.written.lines] == [True]
    assert is_balanced(scripted.buffer.account())


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
    assert [("refuses access" in line) for line in scripted.written.lines] == [True]


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


ERROR = ValueError("Invalid header value 'secret'")


MISSING = ExtensionError("the store does not return the token")


@pytest.mark.parametrize(
    ("errors", "dropped", "warning"),
    [
        ([ERROR, ERROR], {}, "error while sending"),
        ([ERROR, ERROR, ERROR], {"fault": 3}, "error while sending"),
        ([MISSING, MISSING], {}, ""),
    ],
)
def test_errors(errors: list[Exception], dropped: dict[str, int], warning: str) -> None:
    """A batch whose request cannot be built is tried again; an internal error drops the third.

    A token that the store does not return is a failure like any other.
    """
    scripted = ScriptedShipper(destination=Faulty(*errors)).started(*lines(1, 3))
    scripted.flush_all()
    scripted.wait_for(pending=0, **dropped)
    scripted.shipper.add(lines(4, 5))
    scripted.flush_all()
    expected = lines(4, 5) if dropped else lines(1, 5)
    assert scripted.client.acknowledged[: len(expected)] == expected
    assert scripted.reported_losses == ([dropped] if dropped else [])
    assert [warning in line for line in scripted.written.lines] == [True] * bool(warning)
    assert "secret" not in scripted.written.text


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
