"""The end of the time for a delivery: the earlier of budget and Lambda's deadline, less 500 ms."""

from dataclasses import replace

import pytest

from handler.app import Function
from testing.lambda_context import LambdaContext
from tests.support.clocks import WaitedTime
from tests.support.invoking import (
    REAL_TIME,
    SAMPLES_OF_A_POINT,
    deliver,
    delivery_of,
    invoke,
    points,
    settings_for,
)
from tests.support.stand_in_client import URL, StandInClient


def times_given(budget: str, attempt: str, lambda_has: float | None) -> list[float]:
    """Deliver to a listener that never answers, while no time passes; return what it was given."""
    deaf, time = StandInClient(lambda *_: None), WaitedTime(jitter=lambda _ceiling: 1000.0)
    environ = settings_for(URL, DELIVERY_BUDGET_SECONDS=budget, LISTENER_TIMEOUT_SECONDS=attempt)
    context = None if lambda_has is None else LambdaContext(lambda_has, time.monotonic)
    answer = invoke(Function(environ, time.clock, deaf), delivery_of(points(1)), context)
    assert answer.status == 503
    return [request.timeout for request in deaf.posted]


@pytest.mark.parametrize(
    ("budget", "attempt", "lambda_has", "given"),
    [
        ("90", "60", None, [60.0]),
        ("90", "60", 300.0, [60.0]),
        ("40", "60", None, [39.5]),
        ("40", "60", 300.0, [39.5]),
        ("90", "60", 30.0, [29.5]),
        ("40", "60", 30.0, [29.5]),
        # Where nothing is left the answer is 503 at once, and nothing is sent.
        ("60", "30", 0.5, []),
        ("60", "30", 0.0, []),
    ],
)
def test_time_of_an_attempt(
    budget: str, attempt: str, lambda_has: float | None, given: list[float]
) -> None:
    """An attempt has its time, or what is left until 500 ms before budget or Lambda's time end."""
    assert times_given(budget, attempt, lambda_has) == given


def test_one_second_is_enough_for_one_attempt() -> None:
    """Where 1 s is left one attempt is made."""
    # A busy machine may take the whole second, so one success in several tries is enough.
    delivered = (deliver(context=LambdaContext.starting_now(1)) for _ in range(20))
    receiver = next(receiver for answer, receiver in delivered if answer.status == 200)
    assert len(receiver.accepted_samples()) == SAMPLES_OF_A_POINT


def test_time_that_has_passed_counts_once() -> None:
    """The time of parsing is part of Lambda's remaining time, and is not subtracted again."""
    readings = iter([0.0])
    # The first reading is the handler's entry; five seconds pass after it.
    clock = replace(
        REAL_TIME, monotonic=lambda: next(readings, 5.0), jitter=lambda _ceiling: 1000.0
    )
    deaf = StandInClient(lambda *_: None)
    environ = settings_for(URL, LISTENER_TIMEOUT_SECONDS="60")
    context = LambdaContext(5.0 + 40.0, lambda: 5.0)
    function = Function(environ, clock, deaf)
    assert invoke(function, delivery_of(points(1)), context).status == 503
    assert [request.timeout for request in deaf.posted] == [39.5]


def test_budget_counts_from_the_entry() -> None:
    """The budget includes what parsing took: nothing is sent once it is used up."""
    readings = iter([0.0])
    clock = replace(REAL_TIME, monotonic=lambda: next(readings, 30.0))
    answer, receiver = deliver(settings={"DELIVERY_BUDGET_SECONDS": "25"}, clock=clock)
    assert (answer.status, receiver.requests) == (503, [])
