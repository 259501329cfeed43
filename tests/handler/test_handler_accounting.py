"""The counts add up, however the listener behaves: no sample is lost silently."""

import contextlib
import io
from collections import Counter
from typing import Any

import snappy
from hypothesis import given
from hypothesis import strategies as st

from converters.bodies import Body, Lane
from converters.schema.remote_write_pb2 import WriteRequest
from handler.app import Function
from handler.auth import Auth
from handler.client import Client, ListenerResponse, NoResponseError
from handler.listener import Endpoint
from handler.sender import Clock, Sender
from testing.events.fleet import END_MS
from tests.support.invoking import (
    REAL_TIME,
    delivery,
    delivery_of,
    json_lines,
    point,
    record_of,
    settings_for,
    wide_points,
)
from tests.support.properties import examples

WORDS = ["", "out of order sample", "too old sample", "tenant unknown", "busy"]
STATUSES = [200, 204, 400, 401, 404, 408, 413, 422, 429, 500, 503, 302]


class Scripted(Client):
    """Answers by a script, each request a hundredth of a second after the one before.

    Args:
        script: Status and words in turn; None is a connection that broke.
        then: What follows.
    """

    def __init__(self, script: list[tuple[int, str] | None], then: tuple[int, str]) -> None:
        super().__init__(1)
        self.now = 0.0
        self.accepted: Counter[tuple[str, int]] = Counter()
        self.refused: list[bytes] = []
        self._script = list(script)
        self._then = then

    def post(self, url: str, content: bytes, headers: Any, timeout: float) -> ListenerResponse:
        """Answer one request."""
        assert (url, bool(headers), timeout > 0) == ("https://l.example.com", True, True)
        self.now += 0.01
        said = self._script.pop(0) if self._script else self._then
        if said is None:
            raise NoResponseError("the connection broke")
        status, words = said
        if status < 300:
            self._store(content)
        if status in (400, 413, 422):
            self.refused.append(content)
        return ListenerResponse(status, words, None)

    def _store(self, content: bytes) -> None:
        for series in WriteRequest.FromString(snappy.uncompress(content)).timeseries:
            labels = str([(label.name, label.value) for label in series.labels])
            self.accepted.update((labels, sample.timestamp) for sample in series.samples)


ANSWERS = st.tuples(st.sampled_from(STATUSES), st.sampled_from(WORDS))
SCRIPTS = st.lists(st.none() | ANSWERS, max_size=30)
POINTS = st.lists(
    st.builds(
        point,
        st.sampled_from(["a" * 2_000, "A" * 2_000, "b" * 4_000, "c" * 11_000]),
        metric=st.sampled_from(["M", "N"]),
        periods_ago=st.sampled_from([0, 1, 2, 90]),
        value=st.sampled_from([1.0, 2.0]),
    ),
    max_size=12,
)


@examples(100)
@given(
    records=st.lists(POINTS.map(record_of) | st.sampled_from([b"", b"\xff"]), max_size=4),
    script=SCRIPTS,
    then=ANSWERS,
    size=st.sampled_from(["10000", "20000", "1000000"]),
)
def test_counts_add_up(
    records: list[bytes], script: list[tuple[int, str] | None], then: tuple[int, str], size: str
) -> None:
    """Samples made = sent + rejected + dropped by reason + undelivered, and 200 leaves none."""
    client = Scripted(script, then)
    clock = Clock(lambda: client.now, lambda: END_MS / 1000, lambda _ceiling: 0.0)
    written = io.StringIO()
    with contextlib.redirect_stdout(written):
        environ = settings_for(
            "https://l.example.com",
            REMOTE_WRITE_MAX_BYTES=size,
            REMOTE_WRITE_CONCURRENCY="1",
            DELIVERY_BUDGET_SECONDS="1",
        )
        response = Function(environ, clock, client)(delivery(*records), None)
    lines = json_lines(written.getvalue())
    (line,) = (line for line in lines if line.get("message") == "delivery")
    dropped = sum(line["samples_dropped"].values())
    settled = line["samples_sent"] + line["samples_rejected"]
    assert line["samples"] == settled + dropped + line["samples_undelivered"]
    assert line["samples_sent"] == client.accepted.total()
    assert max(client.accepted.values(), default=1) == 1, "no sample is stored twice"
    assert len(client.refused) == len(set(client.refused)), "no refused body again"
    status = response["statusCode"]
    assert (status in (200, 400)) == (line["samples_undelivered"] == 0)
    assert (b"\xff" in records) == (line["malformed_records"] > 0)
    assert status != 200 or line["malformed_records"] == 0
    (document,) = (one for one in lines if "_aws" in one and "Reason" not in one)
    assert document["SamplesSent"] == [line["samples_sent"]]
    assert document["SamplesRejected"] == [line["samples_rejected"]]
    by_reason = {d["Reason"]: d["PointsDropped"][0] for d in lines if "Reason" in d}
    assert by_reason == line["points_dropped"]
    assert document["PointsDropped"] == [sum(by_reason.values())]


class Raising(Client):
    """Raises an unforeseen error on one of its requests."""

    def __init__(self, at: int) -> None:
        super().__init__(1)
        self._left = at

    def post(self, url: str, content: bytes, headers: Any, timeout: float) -> ListenerResponse:
        """Answer, or raise."""
        del url, content, headers, timeout
        self._left -= 1
        if self._left < 0:
            raise ZeroDivisionError
        return ListenerResponse(204, "", None)


@examples(8)
@given(at=st.integers(0, 3))
def test_error_in_a_thread_is_never_a_success(at: int) -> None:
    """An unforeseen error in one of the sending threads is answered with 500, not with 200."""
    environ = settings_for("https://l.example.com", REMOTE_WRITE_MAX_BYTES="10000")
    function = Function(environ, REAL_TIME, Raising(at))
    event = delivery_of(wide_points(8))
    assert function(event, None)["statusCode"] == 500


def test_no_lanes_need_no_listener() -> None:
    """Without a body nothing is sent, and nothing is undelivered."""
    clock = Clock(lambda: 0.0, lambda: 0.0, lambda _ceiling: 0.0)
    sender = Sender(Raising(0), clock, concurrency=1, timeout_seconds=1)
    sent = sender.send([], Endpoint("https://l.example.com", {}, Auth(None)), deadline=-1)
    assert (sent.accepted, sent.undelivered, sent.failures) == (0, 0, ())


def test_deadline_in_the_past_sends_nothing() -> None:
    """After the deadline no request is made, and everything is undelivered."""
    clock = Clock(lambda: 10.0, lambda: 0.0, lambda _ceiling: 0.0)
    sender = Sender(Raising(0), clock, concurrency=1, timeout_seconds=1)
    lanes: list[Lane] = [[Body(b"x", 1, 3)], [Body(b"y", 1, 4)]]
    sent = sender.send(lanes, Endpoint("https://l.example.com", {}, Auth(None)), deadline=9)
    assert (sent.requests, sent.undelivered) == (0, 7)
    assert [status for status, _ in sent.failures] == [503]


def test_endpoint_does_not_show_its_headers() -> None:
    """The representation of an endpoint has no header, since one holds the token."""
    endpoint = Endpoint("https://l.example.com", {"Authorization": "secret"}, Auth(None))
    assert "secret" not in repr(endpoint)
