"""When a destination is tried again: exponential backoff, then a circuit breaker."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extension.backoff import Backoff
from tests.support.properties import examples

NOW = 1000.0


def backoff_with(random: float = 1.0) -> Backoff:
    """Return a backoff whose clock stands still."""
    return Backoff(lambda: NOW, lambda: random, 1_000_000)


def delays(failures: int, random: float = 1.0) -> list[float]:
    """Return the delay after each of some failures in a row."""
    backoff = backoff_with(random)
    seconds = []
    for _ in range(failures):
        backoff.failed(None)
        seconds.append(round(backoff.retry_at - NOW, 6))
    return seconds


def test_delay_doubles() -> None:
    """Each failure doubles the delay, until the breaker opens; then the breaker's pauses double."""
    assert delays(12) == [0.1, 0.2, 0.4, 5, 10, 20, 40, 80, 160, 300, 300, 300]


@examples(100)
@given(random=st.floats(0, 1), failures=st.integers(1, 400))
def test_jitter(random: float, failures: int) -> None:
    """Half of each delay is random."""
    longest = delays(failures)[-1]
    assert longest / 2 - 1e-6 <= delays(failures, random)[-1] <= longest + 1e-6


@pytest.mark.parametrize(("asked", "delay"), [(0.0, 0.1), (0.05, 0.1), (7.5, 7.5), (None, 0.1)])
def test_retry_after(asked: float | None, delay: float) -> None:
    """The wait that the destination asks for is respected, and never less than the backoff."""
    backoff = backoff_with()
    backoff.failed(asked)
    assert backoff.retry_at == pytest.approx(NOW + delay)


def test_opens_and_closes() -> None:
    """The fourth failure in a row opens the circuit; one success resets everything."""
    backoff = backoff_with()
    assert (backoff.open, backoff.failing) == (False, False)
    assert max(backoff.retry_at, backoff.retry_at_shutdown) <= NOW
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


def test_at_shutdown() -> None:
    """At SHUTDOWN neither an open circuit nor `Retry-After` causes a long wait."""
    backoff = backoff_with()
    for _ in range(9):
        backoff.failed(300.0)
    assert backoff.retry_at == pytest.approx(NOW + 300)
    assert backoff.retry_at_shutdown == pytest.approx(NOW + 0.1)
