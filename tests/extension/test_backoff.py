"""When a destination is tried again, and how much it is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extension.backoff import Backoff, BatchSize
from extension.errors import AbandonedExchange, ExchangeError
from tests.support.extension_parts import OK, LinesDestination, status
from tests.support.extension_shippers import ScriptedShipper
from tests.support.properties import examples

if TYPE_CHECKING:
    from extension.messages import Response

NOW = 1000.0
LARGEST = 2_097_152
SMALLEST = 262_144
BUDGET = 10.0


def backoff_with(random: float = 1.0, **settings: float) -> Backoff:
    """Return a backoff whose clock stands still."""
    return Backoff(lambda: NOW, lambda: random, **settings)  # type: ignore[arg-type]


def delays(random: float, failures: int) -> list[float]:
    """Return the delay after each of some failures in a row."""
    backoff = backoff_with(random)
    seconds = []
    for _ in range(failures):
        backoff.failed(None)
        seconds.append(round(backoff.retry_at - NOW, 6))
    return seconds


def test_at_first() -> None:
    """At first there is nothing to wait for."""
    backoff = backoff_with()
    assert (backoff.failing, backoff.open) == (False, False)
    assert max(backoff.retry_at, backoff.retry_at_shutdown) <= NOW


def test_delay_doubles() -> None:
    """Each failure doubles the delay; then the breaker's pauses double, up to 5 minutes."""
    assert delays(1.0, 12) == [0.1, 0.2, 0.4, 5, 10, 20, 40, 80, 160, 300, 300, 300]


@examples(100)
@given(random=st.floats(0, 1), failures=st.integers(1, 400))
def test_jitter(random: float, failures: int) -> None:
    """Half of each delay is random."""
    longest = delays(1.0, failures)[-1]
    assert longest / 2 - 1e-6 <= delays(random, failures)[-1] <= longest + 1e-6


@pytest.mark.parametrize(("asked", "delay"), [(0.0, 0.1), (0.05, 0.1), (7.5, 7.5), (None, 0.1)])
def test_retry_after(asked: float | None, delay: float) -> None:
    """The wait that the destination asks for is respected, and never less than the backoff."""
    backoff = backoff_with()
    backoff.failed(asked)
    assert backoff.retry_at == pytest.approx(NOW + delay)


def test_longest_delay() -> None:
    """Before the breaker opens no delay exceeds its limit."""
    backoff = backoff_with(first_delay=1.0, longest_delay=1.5)
    backoff.failed(None)
    backoff.failed(None)
    assert backoff.retry_at == pytest.approx(NOW + 1.5)


def test_opens_and_closes() -> None:
    """The fourth failure in a row opens the circuit; one success resets everything."""
    backoff = backoff_with()
    opened = []
    for _ in range(6):
        backoff.failed(None)
        opened.append(backoff.open)
    assert opened == [False, False, False, True, True, True]
    backoff.succeeded()
    assert (backoff.open, backoff.failing) == (False, False)
    assert backoff.retry_at <= NOW
    backoff.failed(None)
    assert backoff.retry_at == pytest.approx(NOW + 0.1)


def test_not_in_a_row() -> None:
    """Failures with a success between them never open the circuit."""
    backoff = backoff_with()
    for _ in range(20):
        for _ in range(3):
            backoff.failed(None)
        assert not backoff.open
        backoff.succeeded()


def test_at_shutdown() -> None:
    """At SHUTDOWN neither an open circuit nor `Retry-After` causes a long wait."""
    backoff = backoff_with()
    for _ in range(9):
        backoff.failed(300.0)
    assert backoff.retry_at == pytest.approx(NOW + 300)
    assert backoff.retry_at_shutdown == pytest.approx(NOW + 0.1)


def test_batch_size_at_first() -> None:
    """The first batch is as large as the destination accepts, at most two megabytes."""
    assert BatchSize(10_485_760).bytes == LARGEST
    assert BatchSize(500_000).bytes == 500_000


def test_batch_size_after_a_timeout() -> None:
    """After a timeout the next batch is small; then they grow."""
    size = BatchSize(10_485_760)
    size.failed(1.0, 1.0)
    sizes = [size.bytes]
    for _ in range(4):
        size.succeeded(0.1, 1.0)
        sizes.append(size.bytes)
    assert sizes == [SMALLEST, 2 * SMALLEST, 4 * SMALLEST, LARGEST, LARGEST]


def test_batch_size_and_time() -> None:
    """A batch that took half of the time is not followed by one that may take all of it."""
    size = BatchSize(10_485_760)
    size.failed(1.0, 1.0)
    size.succeeded(0.5, 1.0)
    assert size.bytes == SMALLEST


def test_batch_size_and_other_failures() -> None:
    """A failure at once, such as a refused connection, has nothing to do with the size."""
    size = BatchSize(10_485_760)
    size.failed(0.01, 1.0)
    assert size.bytes == LARGEST


def test_batch_size_limit() -> None:
    """No batch exceeds the limit of the destination, however small it is."""
    size = BatchSize(1_000)
    size.failed(1.0, 1.0)
    size.succeeded(0.1, 1.0)
    assert size.bytes == 1_000


RECORDS = [b"%04d" % number + b"x" * 996 for number in range(1_500)]


def shipper_with(*script: object) -> ScriptedShipper:
    """Return a shipper that can take all records at once."""
    destination = LinesDestination(10_000_000)
    return ScriptedShipper(*script, destination=destination, max_bytes=8_000_000, budget=BUDGET)


def test_slow_destination() -> None:
    """A backlog reaches a destination that is too slow to accept all of it at once."""

    def slow(posted: list[bytes]) -> Response | ExchangeError:
        # A second for each hundred kilobytes.
        seconds = sum(map(len, posted)) / 100_000
        scripted.leap(min(seconds, BUDGET))
        return OK if seconds < BUDGET else ExchangeError("timed out")

    scripted = shipper_with(*[slow] * 100)
    scripted.started(*RECORDS).wait_for(sent=1_500, pending=0)
    assert scripted.client.acknowledged == RECORDS
    assert scripted.buffer.account().dropped == {}


@pytest.mark.parametrize("result", [status(503), AbandonedExchange("frozen")])
def test_size_is_kept(result: Response | AbandonedExchange) -> None:
    """A response that asks to wait, and a freeze, leave the size as it is."""

    def late(_posted: list[bytes]) -> Response | AbandonedExchange:
        scripted.leap(BUDGET)
        return result

    scripted = shipper_with(late)
    scripted.started(*RECORDS).wait_for(sent=1_500, pending=0)
    assert scripted.client.posts == [RECORDS, RECORDS]
