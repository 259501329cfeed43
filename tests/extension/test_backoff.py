"""When a destination is tried again: exponential backoff, then a circuit breaker."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extension.backoff import Backoff
from tests.support.properties import examples

NOW = 1000.0


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
