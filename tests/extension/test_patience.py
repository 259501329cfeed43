"""When a destination is tried again: exponential backoff with jitter, then a circuit breaker."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extension.patience import Patience
from tests.support.properties import examples


class Time:
    """A clock that stands still unless it is set."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Return the seconds."""
        return self.now


def delays(random: float, failures: int) -> list[float]:
    """Return the delay after each of some failures in a row."""
    clock = Time()
    patience = Patience(clock, lambda: random)
    seconds = []
    for _ in range(failures):
        patience.failed(None)
        seconds.append(round(patience.not_before - clock.now, 6))
    return seconds


def test_at_first() -> None:
    """At first there is nothing to wait for."""
    patience = Patience(Time(), lambda: 1.0)
    assert not patience.failing
    assert not patience.open
    assert patience.not_before <= 1000.0
    assert patience.not_before_at_the_end <= 1000.0


def test_backoff_doubles() -> None:
    """Each failure doubles the delay; the breaker then makes pauses that double, to 5 minutes."""
    assert delays(1.0, 12) == [0.1, 0.2, 0.4, 5, 10, 20, 40, 80, 160, 300, 300, 300]


@examples(100)
@given(random=st.floats(0, 1), failures=st.integers(1, 400))
def test_jitter(random: float, failures: int) -> None:
    """Half of each delay is random: it lies between a half and the whole, however many fail."""
    longest = delays(1.0, failures)[-1]
    assert longest / 2 - 1e-6 <= delays(random, failures)[-1] <= longest + 1e-6


@pytest.mark.parametrize(("asked", "delay"), [(0.0, 0.1), (0.05, 0.1), (7.5, 7.5), (None, 0.1)])
def test_retry_after(asked: float | None, delay: float) -> None:
    """What the destination asks for is waited for, and never less than the backoff."""
    patience = Patience(Time(), lambda: 1.0)
    patience.failed(asked)
    assert patience.not_before == pytest.approx(1000 + delay)


def test_longest_delay() -> None:
    """Before the breaker opens no delay is longer than it may be."""
    patience = Patience(Time(), lambda: 1.0, first_delay=1.0, longest_delay=1.5)
    patience.failed(None)
    patience.failed(None)
    assert patience.not_before == pytest.approx(1001.5)


def test_opens_after_failures() -> None:
    """The fourth failure in a row opens the circuit."""
    patience = Patience(Time(), lambda: 1.0)
    opened = []
    for _ in range(5):
        patience.failed(None)
        opened.append(patience.open)
    assert opened == [False, False, False, True, True]


def test_closes() -> None:
    """One answer closes the circuit, and everything starts anew."""
    patience = Patience(Time(), lambda: 1.0)
    for _ in range(6):
        patience.failed(None)
    patience.succeeded()
    assert (patience.open, patience.failing) == (False, False)
    assert patience.not_before <= 1000.0
    patience.failed(None)
    assert patience.not_before == pytest.approx(1000.1)


def test_not_in_a_row() -> None:
    """Failures with a success between them never open the circuit."""
    patience = Patience(Time(), lambda: 1.0)
    for _ in range(20):
        for _ in range(3):
            patience.failed(None)
        assert not patience.open
        patience.succeeded()


def test_at_the_end() -> None:
    """Where there is no later, an open circuit and `Retry-After` hold up nobody for long."""
    patience = Patience(Time(), lambda: 1.0)
    for _ in range(9):
        patience.failed(300.0)
    assert patience.not_before == pytest.approx(1300.0)
    assert patience.not_before_at_the_end == pytest.approx(1000.1)
