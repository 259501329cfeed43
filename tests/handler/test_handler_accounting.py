"""The counts add up, however the listener behaves: no sample is lost silently."""

import contextlib
import io
from collections import Counter

import pytest
import snappy
from hypothesis import given
from hypothesis import strategies as st

from converters.schema.remote_write_pb2 import WriteRequest
from handler.app import Function
from handler.clock import Clock
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
from tests.support.stand_in_client import URL, Posted, StandInClient

WORDS = ["", "out of order sample", "too old sample", "tenant unknown", "busy"]
STATUSES = [200, 204, 400, 401, 404, 408, 413, 422, 429, 500, 503, 302]


class Scripted:
    """Responds by a script, to each request a hundredth of a second after the one before.

    Args:
        script: Status and words in turn; None is a connection that broke.
        then: What follows.
    """

    def __init__(self, script: list[tuple[int, str] | None], then: tuple[int, str]) -> None:
        self.now = 0.0
        self.accepted: Counter[tuple[str, int]] = Counter()
        self.refused: list[bytes] = []
        self._script = list(script)
        self._then = then

    def __call__(self, request: Posted, _number: int) -> tuple[int, str] | None:
        """Respond to one request."""
        assert (request.url, bool(request.headers), request.timeout > 0) == (URL, True, True)
        self.now += 0.01
        said = self._script.pop(0) if self._script else self._then
        if said and said[0] < 300:
            self._store(request.content)
        if said and said[0] in (400, 413, 422):
            self.refused.append(request.content)
        return said

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
    listener = Scripted(script, then)
    clock = Clock(lambda: listener.now, lambda: END_MS / 1000, lambda _ceiling: 0.0)
    written = io.StringIO()
    with contextlib.redirect_stdout(written):
        environ = settings_for(
            URL,
            REMOTE_WRITE_MAX_BYTES=size,
            REMOTE_WRITE_CONCURRENCY="1",
            DELIVERY_BUDGET_SECONDS="2",
        )
        response = Function(environ, clock, StandInClient(listener))(delivery(*records), None)
    lines = json_lines(written.getvalue())
    (line,) = (line for line in lines if line.get("message") == "delivery")
    dropped = sum(line["samples_dropped"].values())
    settled = line["samples_sent"] + line["samples_rejected"]
    assert line["samples"] == settled + dropped + line["samples_undelivered"]
    assert line["samples_sent"] == listener.accepted.total()
    assert max(listener.accepted.values(), default=1) == 1, "no sample is stored twice"
    assert len(listener.refused) == len(set(listener.refused)), "no refused body again"
    status = response["statusCode"]
    assert (status in (200, 400)) == (line["samples_undelivered"] == 0)
    assert (b"\xff" in records) == (line["malformed_records"] > 0)
    assert status != 200 or line["malformed_records"] == 0
    (document,) = (one for one in lines if "_aws" in one and "Reason" not in one)
    assert document["SamplesSent"] == [line["samples_sent"]]
    assert document["SamplesRejected"] == [line["samples_rejected"]]
    for metric, field in (
        ("PointsDropped", "points_dropped"),
        ("SamplesRejected", "samples_rejected_by_reason"),
    ):
        by_reason = {d["Reason"]: d[metric][0] for d in lines if "Reason" in d and metric in d}
        assert by_reason == line[field]
        assert document[metric] == [sum(by_reason.values())]
    assert line["settled_unknown"] <= line["samples_sent"]


@pytest.mark.parametrize("at", range(4))
def test_error_in_a_thread_is_never_a_success(at: int) -> None:
    """An unforeseen error in one of the sending threads is answered with 500, not with 200."""

    def fail_from(_request: Posted, number: int) -> tuple[int, str]:
        if number >= at:
            raise ZeroDivisionError
        return 204, ""

    environ = settings_for(URL, REMOTE_WRITE_MAX_BYTES="10000")
    function = Function(environ, REAL_TIME, StandInClient(fail_from))
    assert function(delivery_of(wide_points(8)), None)["statusCode"] == 500
