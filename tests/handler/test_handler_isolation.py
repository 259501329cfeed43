"""Refusals are isolated: every good sample stored, exactly the bad ones rejected.

The search itself is tested in test_isolation.py; here a whole delivery meets a listener.
"""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from handler.clock import Clock
from testing.backends.prometheus import PrometheusStandIn
from testing.events.fleet import END_MS, MINUTE_MS, Point
from testing.http_server import Reply
from testing.receiver import Received, ReplyFunction
from testing.replies import always, refusing, refusing_histograms, sequence
from tests.support.clocks import WaitedTime
from tests.support.invoking import (
    REAL_TIME,
    Answered,
    deliver,
    delivery_of,
    json_lines,
    point,
    points,
)
from tests.support.refusals import hosts


class Isolated:
    """The result of an isolation: the answer, the delivery line, and all lines."""

    def __init__(self, answer: Answered, lines: list[dict[str, Any]]) -> None:
        self.answer = answer
        self.lines = lines
        self.delivery = next(line for line in lines if line.get("message") == "delivery")

    @property
    def counts(self) -> tuple[int, int, int]:
        """Samples sent, rejected, undelivered."""
        line = self.delivery
        return line["samples_sent"], line["samples_rejected"], line["samples_undelivered"]


Isolate = Callable[..., Isolated]


@pytest.fixture
def isolate(capsys: pytest.CaptureFixture[str]) -> Isolate:
    """Return a function that delivers points to a listener and reads the log lines."""

    def run(
        several: Sequence[Point], reply: ReplyFunction, clock: Clock = REAL_TIME, **changed: str
    ) -> Isolated:
        # Hundreds of requests take a busy machine minutes.
        settings = {"DELIVERY_BUDGET_SECONDS": "600", **changed}
        answer, receiver = deliver(reply, delivery_of(several), settings, clock=clock)
        isolated = Isolated(answer, json_lines(capsys.readouterr().out))
        stored = sum(len(samples) for samples in receiver.accepted_samples().values())
        assert stored == isolated.counts[0], "every sample is stored once"
        assert len(receiver.requests) == isolated.delivery["requests"]
        refused = [r.body for r in receiver.requests if r.status in (400, 413, 422, 500)]
        assert len(refused) == len(set(refused)), "no refused body is sent again"
        return isolated

    return run


@pytest.mark.slow
@pytest.mark.parametrize("bad", [0, 1, 124, 125, 137, 249])
@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, "out of order sample"),
        (400, "no word about it"),
        (422, "unprocessable"),
        (413, "too large"),
        (500, "too old sample"),
        (500, "out of order sample"),
        (500, "duplicate sample for timestamp"),
    ],
)
def test_one_bad_among_a_thousand(status: int, words: str, bad: int, isolate: Isolate) -> None:
    """Of 250 data points of which one is refused, 249 are stored and exactly that one counted."""
    isolated = isolate(points(250), refusing(hosts(bad), status, words))
    assert isolated.answer.status == 200
    assert isolated.counts == (996, 4, 0)
    rejected = [line for line in isolated.lines if "listener_words" in line]
    assert [line["samples"] for line in rejected] == [4]
    # Which parts are in flight when the point is found depends on the machine.
    assert isolated.delivery["requests"] < 50
    assert rejected[0]["listener_words"] == f"{status} {words}"
    assert f'host="h{bad:04d}"' in rejected[0]["example"]


ELSEWHERE = (
    'unsupported path requested: "/"',
    "Client sent an HTTP request to an HTTPS server.",
    "<html><form><label>Name</label></form></html>",
)


@pytest.mark.parametrize("words", ELSEWHERE)
@pytest.mark.parametrize(("count", "requests"), [(1, 1), (3, 4), (250, 16)])
def test_refusals_that_are_not_about_samples(
    count: int, requests: int, words: str, isolate: Isolate
) -> None:
    """Where nothing is stored and the words are about the request, nothing counts as rejected."""
    isolated = isolate(points(count), always(Reply(400, body=words.encode())))
    assert isolated.answer.status == 500
    assert isolated.counts == (0, 0, 4 * count)
    # Answers to requests that were under way may come after the sixteenth.
    assert requests <= isolated.delivery["requests"] <= requests + 3
    assert isolated.answer.error == (
        "the listener refused all requests, without a word about samples: check its URL and "
        f"settings: 400 {words}"
    )


@pytest.mark.parametrize(("count", "good"), [(3, 2), (40, 2)])
def test_refusals_without_words_beside_an_acceptance(
    count: int, good: int, isolate: Isolate
) -> None:
    """Where something is stored, the request is right: what is refused alone is rejected."""
    refuse = refusing(hosts(*(n for n in range(count) if n != good)), words="no word about it")
    isolated = isolate(points(count), refuse, REMOTE_WRITE_CONCURRENCY="1")
    assert isolated.answer.status == 200
    assert isolated.counts == (4, 4 * (count - 1), 0)
    assert isolated.delivery["samples_rejected_by_reason"] == {"other": 4 * (count - 1)}
    (line,) = [line for line in isolated.lines if "listener_words" in line]
    assert (line["listener_words"], line["samples"]) == ("400 no word about it", 4 * (count - 1))
    assert 'host="h' in line["example"]


@pytest.mark.parametrize(
    "words",
    [
        *("out of order", "Too Old sample", "too far in the past"),
        *("too far in the future", "the sample is too new"),
    ],
)
def test_everything_is_refused(words: str, isolate: Isolate) -> None:
    """Where each point is refused alone by words about samples, all are rejected."""
    isolated = isolate(points(100), always(Reply(400, body=words.encode())))
    assert isolated.answer.status == 200
    assert isolated.counts == (0, 400, 0)
    assert isolated.delivery["requests"] < 120


def test_413_is_split_down_to_what_fits(isolate: Isolate) -> None:
    """A listener with a limit far below ours gets everything in pieces."""

    def small(received: Received) -> Reply:
        return Reply(413, body=b"too large") if received.request.ByteSize() > 2_000 else Reply()

    assert isolate(points(40), small).counts == (160, 0, 0)


def test_old_start_of_every_series(isolate: Isolate) -> None:
    """Where the listener refuses what is older than it has, the newer samples are stored."""
    prometheus = PrometheusStandIn()
    for host in ("a", "b", "c"):
        with_newest = [point(host, periods_ago=3)]
        assert isolate(with_newest, prometheus).counts == (4, 0, 0)
    several = [point(host, periods_ago=ago) for host in ("a", "b", "c") for ago in range(6)]
    isolated = isolate(several, prometheus)
    assert isolated.answer.status == 200
    # An exact repetition of the newest sample is accepted.
    assert isolated.counts == (48, 24, 0)


def test_budget_runs_out_in_the_middle(isolate: Isolate) -> None:
    """Where the time ends before all is settled, 503 is answered for what is left."""
    time = WaitedTime()

    def slow(received: Received) -> Reply:
        sums = (dict(labels) for labels, _, _ in received.samples())
        bad = any((s["host"], s["__name__"]) == ("h0240", "shop_requests_sum") for s in sums)
        words = b"out of order" if bad else b""
        time.now += 10.0
        return Reply(400 if bad else 204, body=words)

    isolated = isolate(
        points(250), slow, time.clock, DELIVERY_BUDGET_SECONDS="90.5", REMOTE_WRITE_CONCURRENCY="1"
    )
    sent, rejected, undelivered = isolated.counts
    assert isolated.answer.status == 503
    assert "400 out of order" in isolated.answer.error
    assert isolated.delivery["requests"] == 9
    assert sent > 0
    assert undelivered > 0
    assert sent + rejected + undelivered == 1000


@pytest.mark.parametrize(("status", "expected"), [(401, 401), (404, 500), (503, 503)])
def test_failure_in_the_middle(status: int, expected: int, isolate: Isolate) -> None:
    """Another failure during an isolation ends it with its own answer; what is left is kept."""
    refused = Reply(400, body=b"out of order")
    failed = Reply(status, {"Retry-After": "600"}, b"changed its mind")
    changing = sequence([refused, refused, failed])
    isolated = isolate(points(250), changing, REMOTE_WRITE_CONCURRENCY="1")
    assert isolated.answer.status == expected
    assert isolated.counts == (0, 0, 1000)
    assert isolated.delivery["requests"] == 3


def test_retry_within_an_isolation(isolate: Isolate) -> None:
    """A half that the listener could not take just then is sent again, and counts once."""
    seen: set[bytes] = set()
    refuse = refusing(hosts(3))

    def busy_at_first(received: Received) -> Reply:
        if received.body not in seen and len(received.request.timeseries) < 1000:
            seen.add(received.body)
            return Reply(503)
        return refuse(received)

    isolated = isolate(points(250), busy_at_first)
    assert isolated.counts == (996, 4, 0)
    assert isolated.delivery["retries"] > 5


def test_isolation_in_one_body_leaves_the_others(isolate: Isolate) -> None:
    """One misfit costs requests in its own body only."""
    isolated = isolate(points(250), refusing(hosts(9)), REMOTE_WRITE_MAX_BYTES="20000")
    assert isolated.counts == (996, 4, 0)
    assert isolated.delivery["requests"] < 40


def test_late_samples_take_no_fresh_ones_with_them(isolate: Isolate) -> None:
    """Samples of 26 h ago travel apart: their refusal costs no request of a fresh one."""
    old = END_MS - 26 * 60 * MINUTE_MS
    late = [point(f"l{number}", end_ms=old) for number in range(3)]
    refuse = refusing(lambda _labels, sample: sample.timestamp == old, words="out of bounds")
    isolated = isolate([*points(250), *late], refuse)
    assert isolated.answer.status == 200
    assert isolated.counts == (1000, 12, 0)


def test_thousands_of_different_words_make_a_short_log(isolate: Isolate) -> None:
    """Refusals with thousands of different texts are summed up in the log."""

    def wordy(received: Received) -> Reply:
        labels = next(labels for labels, _, _ in received.samples())
        return Reply(400, body=f"out of order: {labels}".encode())

    isolated = isolate(points(40), wordy)
    assert isolated.counts == (0, 160, 0)
    rejected = [line for line in isolated.lines if "listener_words" in line]
    assert len(rejected) <= 11
    assert sum(line["samples"] for line in rejected) == 160


def test_listener_without_native_histograms_keeps_the_rest(isolate: Isolate) -> None:
    """Nothing but native histograms is ever shown to a listener that refuses them."""
    assert isolate(points(5), refusing_histograms(), NATIVE_HISTOGRAMS="true").counts == (20, 0, 0)
