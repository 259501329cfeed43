"""Deliveries to servers of which each does something else with the good samples beside bad ones."""

import json
import os
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from testing.backends.backend import Backend, Limits
from testing.backends.cortex import Cortex
from testing.backends.m3 import M3
from testing.backends.managed import Managed
from testing.backends.mimir import Mimir
from testing.backends.prometheus import PrometheusStandIn
from testing.backends.thanos import Thanos
from testing.events.fleet import END_MS, HOUR_MS, MINUTE_MS
from testing.events.ingresses import SENT_MS
from testing.http_server import Reply
from testing.receiver import Received, Receiver, ReplyFunction
from testing.replies import refusing
from tests.support.clocks import WaitedTime
from tests.support.invoking import ACCESS_KEY, delivery_of, point, points
from tests.support.recording import Recorded, RecordingFunction
from tests.support.refusals import hosts

REFUSED = "the listener rejected samples for good"
BUDGET = {"DELIVERY_BUDGET_SECONDS": "600"}
"""Hundreds of requests take a busy machine minutes."""

_FOLDER = os.environ.get("CAPTURES_DIR")


def overtaken(server: ReplyFunction, count: int, share: float) -> tuple[list[int], Recorded]:
    """Deliver the newest minute of some series, then the minute before of all.

    Returns:
        The series that were not overtaken, and what the second delivery was answered.
    """
    newer = random.Random(1).sample(range(count), round(count * share))
    with Receiver(server) as receiver:
        first = RecordingFunction(receiver.url, BUDGET)
        assert first.invoke(delivery_of([point(host_of(n)) for n in newer])).status == 200
        second = RecordingFunction(receiver.url, BUDGET)
        older = [point(host_of(n), periods_ago=1) for n in range(count)]
        recorded = second.invoke(delivery_of(older))
    return sorted(set(range(count)) - set(newer)), recorded


def host_of(number: int) -> str:
    """Return the dimension of a series."""
    return f"h{number:04d}"


def hosts_stored(server: Backend, at_ms: int) -> set[str]:
    """Return the hosts of which a server has all four samples of a time."""
    hosts = [dict(labels)["host"] for labels, samples in server.stored.items() if at_ms in samples]
    return {host for host in hosts if hosts.count(host) == 4}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("count", "share", "most"),
    [(1000, 0.1, 1000), (400, 0.95, 450), (400, 0.01, 90), (400, 1, 430)],
)
def test_overtaken_at_prometheus(count: int, share: float, most: int) -> None:
    """Every good sample is stored by one delivery, and exactly the overtaken ones are rejected."""
    server = PrometheusStandIn()
    good, recorded = overtaken(server, count, share)
    assert recorded.status == 200
    assert hosts_stored(server, END_MS - MINUTE_MS) == {host_of(number) for number in good}
    assert recorded.samples() == {
        "sent": 4 * len(good),
        "rejected": 4 * (count - len(good)),
        "undelivered": 0,
    }
    assert recorded.delivery["requests"] <= most


@pytest.mark.slow
@pytest.mark.skipif(not _FOLDER, reason="CAPTURES_DIR is not set")
@pytest.mark.parametrize("name", ["otlp-0.7.json", "otlp-1.0.json"])
@pytest.mark.parametrize("warm", [True, False])
def test_redelivered_capture(name: str, warm: bool) -> None:
    """A delivery that Prometheus has stored already is answered 200 when it comes again."""
    event = json.loads(Path(_FOLDER or "", name).read_text("utf-8"))
    server = PrometheusStandIn()
    with Receiver(server) as receiver:
        function = RecordingFunction(receiver.url, BUDGET)
        assert function.invoke(event).delivery["samples_rejected"] == 0
        stored = {labels: dict(samples) for labels, samples in server.stored.items()}
        again = function if warm else RecordingFunction(receiver.url, BUDGET)
        recorded = again.invoke(event)
    assert recorded.status == 200
    assert recorded.delivery["requests"] <= 450
    assert recorded.delivery["samples_rejected_by_reason"].keys() == {"superseded"}
    assert server.stored == stored


@pytest.mark.parametrize("make", [Mimir, Cortex, Managed, M3, Thanos])
def test_servers_that_store_what_they_can(make: Callable[..., Backend]) -> None:
    """Their refusal settles the body: no second request, and the good samples are stored."""
    server = make(Limits(now_ms=lambda: END_MS, past_ms=30_000) if make is M3 else None)
    good, recorded = overtaken(server, 40, 0.25)
    assert recorded.status == 200
    assert recorded.delivery["requests"] == 1
    if make is not M3:
        assert hosts_stored(server, END_MS - MINUTE_MS) == {host_of(number) for number in good}
    line, *_ = recorded.logged(REFUSED)
    by_reason = {line["reason"]: line["samples"] for line in recorded.logged(REFUSED)}
    if make is Thanos:
        assert recorded.delivery["samples_rejected_by_reason"] == by_reason == {"superseded": 40}
        assert recorded.delivery["settled_unknown"] == 0
    elif make is M3:
        assert recorded.delivery["samples_rejected_by_reason"] == by_reason
        assert by_reason == {"too_old": 1, "other": 159}
    else:
        assert recorded.samples() == {"sent": 160, "rejected": 0, "undelivered": 0}
        assert by_reason == {"superseded": 0}
        assert recorded.delivery["settled_unknown"] == line["settled_unknown"] == 160
    assert line["listener_words"].startswith("409 " if make is Thanos else "400 ")


@pytest.mark.parametrize("make", [Mimir, Cortex, Managed])
def test_tenant_at_its_series_limit(make: Callable[..., Backend]) -> None:
    """One request stores the known series; the words are in the log, and nothing is sent again."""
    server = make(Limits(max_series=40))
    with Receiver(server) as receiver:
        function = RecordingFunction(receiver.url)
        old = [point(host_of(n), periods_ago=1) for n in range(10)]
        assert function.invoke(delivery_of(old)).status == 200
        recorded = function.invoke(delivery_of(points(20)))
    assert (recorded.status, recorded.delivery["requests"]) == (200, 1)
    assert hosts_stored(server, END_MS) == {host_of(number) for number in range(10)}
    (line,) = recorded.logged(REFUSED)
    assert "per-user series limit of 40 exceeded" in line["listener_words"]
    assert line["reason"] == "limit"
    assert recorded.delivery["settled_unknown"] == recorded.metric("SettledUnknown") == 80


def test_rate_limit_is_retried() -> None:
    """A 429 about a rate is no refusal: the same body is sent again, and stored."""
    server = Managed(throttled=2)
    with Receiver(server) as receiver:
        recorded = RecordingFunction(receiver.url).invoke(delivery_of(points(3)))
    assert recorded.samples() == {"sent": 12, "rejected": 0, "undelivered": 0}
    assert recorded.delivery["retries"] == 2


def test_point_far_ahead_poisons_nothing() -> None:
    """A point 100 minutes ahead is not sent, so a Prometheus before 2.54 takes what is current."""
    server = PrometheusStandIn(version=(2, 42))
    ahead = point("early", metric="Clock", end_ms=END_MS + 100 * MINUTE_MS)
    with Receiver(server) as receiver:
        function = RecordingFunction(receiver.url)
        recorded = function.invoke(delivery_of([*points(3), ahead]))
        assert recorded.delivery["points_dropped"] == {"in_the_future": 1}
        assert any(line.get("metric") == "shop_clock" for line in recorded.lines)
        later = function.invoke(delivery_of(points(3), sent_ms=SENT_MS + 1))
    assert later.samples() == {"sent": 12, "rejected": 0, "undelivered": 0}


def test_points_a_little_ahead_go_last() -> None:
    """Points up to ten minutes ahead go when all others are settled, in bodies of their own."""
    ahead = [point(host_of(n), end_ms=SENT_MS + 5 * MINUTE_MS) for n in range(5)]
    late = [point(host_of(n), end_ms=END_MS - 2 * HOUR_MS) for n in range(100, 105)]
    with Receiver() as receiver:
        function = RecordingFunction(receiver.url, {"REMOTE_WRITE_MAX_BYTES": "10000"})
        event = delivery_of([*ahead, *points(200), *late])
        assert function.invoke(event).samples()["sent"] == 4 * 210
        *others, last = receiver.requests
    assert {at for _, at, _ in last.samples()} == {SENT_MS + 5 * MINUTE_MS}
    assert all(at <= SENT_MS for received in others for _, at, _ in received.samples())
    assert all(other.ended is not None and other.ended <= last.begun for other in others)


@pytest.mark.slow
@pytest.mark.parametrize("warm", [True, False])
def test_isolation_goes_on_in_the_next_delivery(warm: bool) -> None:
    """What a delivery had no time for is settled by the next one to the same instance."""
    passing = WaitedTime()
    server = PrometheusStandIn()
    newer = range(0, 600, 2)
    older = delivery_of([point(host_of(n), periods_ago=1) for n in range(600)])

    def answer(received: Received) -> Reply:
        passing.now += 0.05
        return server(received)

    with Receiver(answer) as receiver:
        function = RecordingFunction(receiver.url, clock=passing.clock)
        assert function.invoke(delivery_of([point(host_of(n)) for n in newer])).status == 200
        statuses: list[int] = []
        for _ in range(2):
            settings = {"DELIVERY_BUDGET_SECONDS": "25", "REMOTE_WRITE_CONCURRENCY": "1"}
            if not (warm and statuses):
                function = RecordingFunction(receiver.url, settings, clock=passing.clock)
            recorded = function.invoke(older)
            statuses.append(recorded.status)
    assert statuses == [503, 200 if warm else 503]
    if warm:
        assert len(hosts_stored(server, END_MS - MINUTE_MS)) == 300
        assert recorded.samples() == {"sent": 1200, "rejected": 1200, "undelivered": 0}


@pytest.mark.parametrize("other", ["credential", "listener", "neither"])
def test_what_is_remembered_is_of_one_listener_and_credential(other: str) -> None:
    """A delivery to another URL, or with another token, is isolated anew."""
    event = delivery_of(points(40))
    with Receiver(refusing(hosts(7), words="out of order sample")) as receiver:
        function = RecordingFunction(receiver.url, {"LISTENER_ALLOWED_HOSTS": "127.0.0.1"})
        assert function.invoke(event).samples()["rejected"] == 4
        again = delivery_of(
            points(40),
            access_key="another" if other == "credential" else ACCESS_KEY,
            attributes={"CUSTOM_LISTENER": f"{receiver.url}{'2' * (other == 'listener')}"},
        )
        (line,) = function.invoke(again).logged(REFUSED)
    known = line["listener_words"] == "refused in an earlier delivery"
    assert (known, line["reason"]) == (other == "neither", "superseded")


def test_limits_are_not_remembered() -> None:
    """What a limit refused is stored by the next delivery, once the limit is raised."""
    raised = False

    def answer(received: Received) -> Reply:
        known = all(dict(labels)["host"] == "h0000" for labels, _, _ in received.samples())
        return Reply() if raised or known else Reply(400, body=b"series limit exceeded")

    with Receiver(answer) as receiver:
        function = RecordingFunction(receiver.url)
        recorded = function.invoke(delivery_of(points(3)))
        assert recorded.delivery["samples_rejected_by_reason"] == {"limit": 8}
        raised = True
        assert function.invoke(delivery_of(points(3))).samples()["sent"] == 12


def test_older_points_are_settled_before_newer_ones() -> None:
    """However many of the older points are refused, none that is good comes too late."""
    server = PrometheusStandIn()
    ages = range(6)
    hosts = [host_of(number) for number in range(8)]
    known = {host: random.Random(host).choice(ages) for host in hosts}
    with Receiver(server) as receiver:
        function = RecordingFunction(receiver.url)
        first = [point(host, periods_ago=age) for host, age in known.items()]
        assert function.invoke(delivery_of(first)).status == 200
        every = [point(host, periods_ago=age) for host in hosts for age in ages]
        recorded = function.invoke(delivery_of(every))
    expected = {
        (host, END_MS - age * MINUTE_MS) for host in hosts for age in range(known[host] + 1)
    }
    stored = {
        (dict(labels)["host"], at) for labels, samples in server.stored.items() for at in samples
    }
    assert stored == expected
    assert recorded.delivery["samples_undelivered"] == 0


def test_all_requests_wait_while_an_isolation_cannot_go_on() -> None:
    """A 503 to one part makes the others wait too, as long as the listener asks."""
    busy: list[float] = []
    refuse = refusing(hosts(*range(0, 250, 5)), words="out of order sample")

    def answer(received: Received) -> Reply:
        if len(received.request.timeseries) < 100 and not busy:
            busy.append(time.monotonic())
            return Reply(503, {"Retry-After": "2"})
        return refuse(received)

    settings = {"REMOTE_WRITE_CONCURRENCY": "4"}
    with Receiver(answer) as receiver:
        recorded = RecordingFunction(receiver.url, settings).invoke(delivery_of(points(250)))
        begun = [received.begun - busy[0] for received in receiver.requests]
    assert recorded.samples() == {"sent": 800, "rejected": 200, "undelivered": 0}
    assert len(begun) > 100
    # Each other connection had a request under way, or about to be.
    assert sum(0 < seconds < 1.9 for seconds in begun) <= 2 * 3
