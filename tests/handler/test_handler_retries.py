"""Retries: what asks for one, how long to wait, and when to give up."""

from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime
from time import tzset

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.verdict import retry_after_seconds
from testing.http_server import Reply
from testing.replies import always, sequence
from tests.support.clocks import WaitedTime
from tests.support.invoking import REAL_TIME, deliver
from tests.support.properties import examples

NOW = 1_793_491_200.0


def http_date(at: float) -> str:
    """Write a time as HTTP does."""
    return format_datetime(datetime.fromtimestamp(at, UTC), usegmt=True)


@pytest.mark.parametrize(
    ("status", "header", "ceiling", "wait"),
    [
        (429, "3", 0, 3.0),
        (503, "3", 0, 3.0),
        (429, http_date(NOW + 7), 0, 6.75),
        # Jitter comes on top: of several that were asked the same not all come back at once.
        (503, "3", 0.5, 3.1),
    ],
)
def test_retry_after_is_honoured(status: int, header: str, ceiling: float, wait: float) -> None:
    """A listener that asks for some seconds, or names a time, is left alone until then."""
    time = WaitedTime(jitter=lambda limit: limit * ceiling, wall=lambda: NOW + 0.25)
    replies = sequence([Reply(status, {"Retry-After": header}), Reply()])
    answer, receiver = deliver(replies, clock=time.clock)
    assert (answer.status, len(receiver.requests)) == (200, 2)
    assert time.waits == [wait]


@pytest.mark.parametrize("header", ["3600", http_date(NOW + 3600), "999999999"])
def test_retry_after_beyond_the_time_left(header: str) -> None:
    """Where the listener asks for more time than there is, 503 is answered at once."""
    time = WaitedTime(wall=lambda: NOW)
    answer, receiver = deliver(always(Reply(503, {"Retry-After": header})), clock=time.clock)
    assert (answer.status, len(receiver.requests)) == (503, 1)
    assert time.waits == []


def test_backoff_is_drawn_from_doubling_ceilings() -> None:
    """Without Retry-After each wait is drawn from zero up to a ceiling that doubles to a limit."""
    ceilings: list[float] = []

    def jitter(ceiling: float) -> float:
        ceilings.append(ceiling)
        return ceiling / 4

    time = WaitedTime(jitter)
    busy = [Reply(500, body=b"busy")] * 8
    assert deliver(sequence([*busy, Reply()]), clock=time.clock)[0].status == 200
    assert ceilings == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0]
    assert time.waits == [ceiling / 4 for ceiling in ceilings]


def test_wait_is_really_waited() -> None:
    """The wait that was drawn passes before the next attempt."""
    clock = replace(REAL_TIME, jitter=lambda _ceiling: 0.3)
    answer, receiver = deliver(sequence([Reply(500, body=b"busy"), Reply()]), clock=clock)
    assert answer.status == 200
    first, second = receiver.requests
    # The first has ended before the function can know of it, the second begins after its wait.
    assert first.ended is not None
    assert second.begun - first.ended > 0.25


def test_unavailable_until_the_budget_is_over() -> None:
    """Attempts go on while a second is left for one, then 503 is answered."""
    time = WaitedTime(jitter=lambda _ceiling: 5.0)
    budget = {"DELIVERY_BUDGET_SECONDS": "60.5"}
    answer, receiver = deliver(always(Reply(502)), settings=budget, clock=time.clock)
    assert (answer.status, len(receiver.requests)) == (503, 12)
    # At 60 s nothing would be left for a thirteenth.
    assert time.waits == [5.0] * 11


@pytest.mark.parametrize(("wait", "requests"), [(3.0, 2), (3.1, 1)])
def test_a_second_is_left_for_an_attempt(wait: float, requests: int) -> None:
    """An attempt that would have less than a second is not made; the first one always is."""
    time = WaitedTime(jitter=lambda _ceiling: wait)
    budget = {"DELIVERY_BUDGET_SECONDS": "4.5"}
    replies = sequence([Reply(503, body=b"busy now")])
    answer, receiver = deliver(replies, settings=budget, clock=time.clock)
    assert (answer.status, len(receiver.requests)) == (503, requests)
    assert answer.error == "the listener is not available: 503 busy now"


def test_wait_after_no_answer() -> None:
    """Where there was no answer, the wait is the jitter alone."""
    time = WaitedTime(jitter=lambda ceiling: ceiling / 4)
    answer, _ = deliver(sequence([Reply(reset="before_answer"), Reply()]), clock=time.clock)
    assert answer.status == 200
    assert time.waits == [0.05]


def test_last_words_of_the_listener_are_repeated() -> None:
    """Where the last attempt had no answer, the words of the one before are not lost."""
    time = WaitedTime(jitter=lambda _ceiling: 40.0)
    replies = sequence([Reply(503, body=b"disk full"), Reply(reset="before_answer")])
    answer, _ = deliver(replies, clock=time.clock)
    assert answer.status == 503
    assert "503 disk full" in answer.error
    assert "0.0 s" not in answer.error


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        (" 5 ", 5),
        (http_date(NOW + 30), 30),
        (http_date(NOW - 30), 0),
        ("Sunday, 01-Nov-26 00:00:30 GMT", 30),
        (None, 0),
        ("", 0),
        ("soon", 0),
        ("-5", 0),
        ("1.5", 0),
        ("1, 2", 0),
        ("\u0661", 0),
        ("Wed, 99 Nov 2026 00:00:30 GMT", 0),
        ("Sun, 01 Nov 99999 00:00:30 GMT", 0),
        ("Sun, 01 Nov 2026 00:00:30 +99999999", 0),
    ],
)
def test_retry_after_header(header: str | None, seconds: float) -> None:
    """Seconds and dates are read; anything else asks for nothing."""
    assert retry_after_seconds(header, NOW) == seconds


def test_date_without_a_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A date that leaves its zone open is of UTC, wherever the function runs."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        tzset()
        assert retry_after_seconds("Sun, 01 Nov 2026 00:00:30 -0000", NOW) == 30
    tzset()


DATE_LIKE = st.lists(
    st.sampled_from(["Sun,", "01", "Nov", "2026", "00:00:30", "GMT", "+0000", "-", ":", "9" * 9])
    | st.text(max_size=4),
    max_size=8,
).map(" ".join)


@examples(100)
@given(header=st.text() | DATE_LIKE)
def test_any_retry_after_header(header: str) -> None:
    """No header makes the wait negative, or an exception."""
    assert retry_after_seconds(header, NOW) >= 0
