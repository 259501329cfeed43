"""Remote write 1.0: what the specification, and its conformance suite, require of a sender.

docs/reliability.md lists the cases of that suite. The receiver holds each request to
`testing.rules`: method, headers, a snappy block, labels that are sorted, unique and not empty, a
name of the metric, and ascending timestamps. The rules themselves are tested in
tests/testing/test_remote_write_rules.py.
"""

import threading
from collections.abc import Iterator
from itertools import pairwise

import pytest

from converters.schema.remote_write_pb2 import WriteRequest
from handler import __version__
from testing.events.fleet import END_MS, MINUTE_MS, Point, fleet
from testing.http_server import Reply
from testing.receiver import Received, Receiver
from testing.replies import always, sequence
from testing.rules import Labels
from tests.support.clocks import SOON
from tests.support.invoking import (
    deliver,
    delivery,
    delivery_of,
    function_for,
    invoke,
    point,
    points,
    record_of,
    wide_points,
)


@pytest.fixture(scope="module")
def received() -> Iterator[list[Received]]:
    """Give the requests that the sample points and some odd ones make, which break no rule."""
    odd = [
        Point("Odd", "M", dimensions, "Count", END_MS, MINUTE_MS, 1, 1.0, 1.0, 1.0)
        for dimensions in (
            (("Zeta", "z"), ("Alpha", "a")),
            (("a.b", "1"), ("a_b", "2"), ("A_B", "3")),
            (("Empty", ""), ("Full", "x")),
            (("__name__", "n"), ("le", "1"), ("quantile", "q"), ("Namespace", "N")),
            (("9", "nine"), ("_", "low"), ("\u00fc", "\U0001f600")),
        )
    ]
    with Receiver() as receiver:
        function = function_for(receiver.url, REMOTE_WRITE_MAX_BYTES="20000")
        records = [record_of(part) for part in (fleet(END_MS), odd)]
        assert invoke(function, delivery(*records)).status == 200
        assert receiver.violations == []
        yield receiver.requests


def test_head(received: list[Received]) -> None:
    """Every request goes to the listener's own path, with no header that nothing asks for."""
    assert {r.path for r in received} == {"/api/v1/write"}
    assert {r.headers["user-agent"] for r in received} == {f"metric-stream-lambda/{__version__}"}
    own = {"content-type", "content-encoding", "x-prometheus-remote-write-version"}
    http = {"host", "content-length", "accept-encoding", "user-agent", "authorization"}
    assert {name for r in received for name in r.headers} <= own | http


def test_only_what_1_0_has(received: list[Received]) -> None:
    """No request has a field that remote write 1.0 does not have."""
    for request in received:
        known = WriteRequest()
        known.CopyFrom(request.request)
        known.DiscardUnknownFields()
        assert known.ByteSize() == request.request.ByteSize()


@pytest.mark.parametrize(
    ("metric", "dimensions"),
    [
        ("very_long_name" * 50, {}),
        ("Requests", {"very_long_name_" * 5: "x"}),
        ("Requests", {"large": "x" * 10_000}),
        ("Requests", {f"l{number}": f"v{number}" for number in range(50)}),
        (
            "Requests",
            {"Emoji": "\U0001f680", "b": "\u6d4b\u8bd5", "c": "\u0645\u0631", "d": "t\u00f4i"},
        ),
        ("Requests", {"Path": "/api/v1/users", "query": 'foo=bar&baz="q\\ux"\n{}'}),
        ("http:request:duration", {}),
    ],
    ids=["name", "label name", "label value", "labels", "scripts", "signs", "colons"],
)
def test_long_and_odd_labels(metric: str, dimensions: dict[str, str]) -> None:
    """Names and values of any length arrive whole, and values with any character."""
    pairs = tuple(dimensions.items())
    sample = Point("Shop", metric, pairs, "Count", END_MS, MINUTE_MS, 1, 1.0, 1.0, 1.0)
    settings = {"LABEL_VALUE_CASE": "keep"}
    _, receiver = deliver(event=delivery_of([sample]), settings=settings)
    assert receiver.violations == []
    found = [dict(labels) for labels in receiver.accepted_samples()]
    expected = {name.lower(): value for name, value in dimensions.items()}
    assert all(expected.items() <= labels.items() for labels in found)
    base = f"shop_{metric.lower()}"
    assert {labels["__name__"] for labels in found} >= {f"{base}_sum", f"{base}_count"}


@pytest.mark.slow
def test_thousands_of_series() -> None:
    """Thousands of series share a request, but never more than ten thousand."""
    answer, receiver = deliver(event=delivery_of(points(3_000)))
    assert answer.status == 200
    numbers = [len(received.request.timeseries) for received in receiver.requests]
    assert sum(numbers) == 12_000
    assert min(numbers) >= 1_000
    assert max(numbers) <= 10_000


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, {"a": "x", "b": "y", "c": "z"}),
        ({"LABEL_VALUE_CASE": "keep"}, {"a": "X", "b": "Y", "c": "Z"}),
        ({"UNIT_LABEL": "true"}, {"a": "x", "b": "y", "c": "z", "unit": "By/s"}),
        ({"MAX_LABELS": "10"}, {"a": "x", "b": "y"}),
        ({"MAX_LABELS": "10", "UNIT_LABEL": "true"}, {"a": "x", "unit": "By/s"}),
    ],
)
def test_settings_decide_the_labels(settings: dict[str, str], expected: dict[str, str]) -> None:
    """Each setting about labels reaches every series."""
    dimensions = (("a", "X"), ("b", "Y"), ("c", "Z"))
    sample = Point("Shop", "M", dimensions, "Bytes/Second", END_MS, MINUTE_MS, 1, 1.0, 1.0, 1.0)
    _, receiver = deliver(event=delivery_of([sample]), settings=settings)
    found = [dict(labels) for labels in receiver.accepted_samples()]
    assert len(found) == 4
    own = ("a", "b", "c", "unit")
    assert [{name: labels[name] for name in own if name in labels} for labels in found] == (
        [expected] * 4
    )


def test_own_headers_travel_with_every_request() -> None:
    """REMOTE_WRITE_HEADERS are in every request, beside the fixed ones."""
    headers = '{"X-Scope-OrgID": "tenant-1", "X-Umlaut": "\u00fc"}'
    settings = {"REMOTE_WRITE_HEADERS": headers, "REMOTE_WRITE_MAX_BYTES": "10000"}
    answer, receiver = deliver(event=delivery_of(wide_points(3)), settings=settings)
    assert answer.status == 200
    assert len(receiver.requests) > 1
    assert {r.headers["x-scope-orgid"] for r in receiver.requests} == {"tenant-1"}
    assert {r.headers["x-umlaut"] for r in receiver.requests} == {"\u00fc"}


def test_timestamps_are_milliseconds(received: list[Received]) -> None:
    """Timestamps are milliseconds since the epoch, within the days that the points are of."""
    times = [at for request in received for _, at, _ in request.samples()]
    assert times
    assert all(END_MS - 2 * 86_400_000 < at <= END_MS for at in times)


def test_samples_of_a_series_are_in_order(received: list[Received]) -> None:
    """Within a request and over all of them the samples of a series go forward in time."""
    seen: dict[Labels, int] = {}
    for request in received:
        for labels, at, _ in request.samples():
            assert at > seen.get(labels, 0)
            seen[labels] = at


def test_requests_of_one_series_are_in_order() -> None:
    """Requests that hold one series are made one after the other, the earlier samples first."""
    several = [point("a", periods_ago=ago) for ago in range(900)]
    small = {"REMOTE_WRITE_MAX_BYTES": "10000"}
    answer, receiver = deliver(always(Reply(delay_seconds=0.02)), delivery_of(several), small)
    requests = receiver.requests
    assert answer.status == 200
    assert len(requests) > 3
    by_series: dict[Labels, list[tuple[float, float, int, int]]] = {}
    for request in requests:
        times: dict[Labels, list[int]] = {}
        for labels, at, _ in request.samples():
            times.setdefault(labels, []).append(at)
        for labels, own in times.items():
            assert request.ended is not None
            place = (request.begun, request.ended, own[0], own[-1])
            by_series.setdefault(labels, []).append(place)
    for places in by_series.values():
        for (_, ended, _, newest), (begun, _, oldest, _) in pairwise(places):
            assert ended <= begun
            assert newest < oldest


def test_small_bodies() -> None:
    """No body is larger than REMOTE_WRITE_MAX_BYTES, and bodies sent at once share no series."""
    with Receiver(max_bytes=10_000) as receiver:
        function = function_for(receiver.url, REMOTE_WRITE_MAX_BYTES="10000")
        assert invoke(function, delivery_of(points(100))).status == 200
    assert receiver.violations == []
    assert len(receiver.requests) > 1
    series = [labels for r in receiver.requests for labels in {it[0] for it in r.samples()}]
    assert len(series) == len(set(series)) == 400


@pytest.mark.parametrize("status", [500, 502, 503, 504, 429, 408])
def test_retry_after(status: int) -> None:
    """A 5xx, 429 or 408 is followed by the identical body, and by no other request."""
    answer, receiver = deliver(sequence([Reply(status, body=b"busy"), Reply()]))
    assert answer.status == 200
    first, second = receiver.requests
    assert first.body == second.body
    assert first.headers == second.headers


def test_bodies_go_out_concurrently() -> None:
    """As many bodies as REMOTE_WRITE_CONCURRENCY says are under way at once, and never more."""
    at_once, fourth = threading.Barrier(3), threading.Event()

    def reply(received: Received) -> Reply:
        # The first three are answered only when all three have been sent, and a fourth could be.
        if received.number <= 3:
            at_once.wait(SOON)
            fourth.wait(0.3)
        else:
            fourth.set()
        return Reply()

    settings = {"REMOTE_WRITE_CONCURRENCY": "3", "REMOTE_WRITE_MAX_BYTES": "10000"}
    answer, receiver = deliver(reply, delivery_of(wide_points(12)), settings)
    requests = receiver.requests
    assert answer.status == 200
    assert len(requests) > 6
    overlaps = [
        sum(1 for other in requests if other.begun <= r.begun < (other.ended or 0))
        for r in requests
    ]
    assert max(overlaps) == 3
