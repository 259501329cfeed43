"""A sample that a real Prometheus refuses does not keep a thousand others from being stored."""

import itertools
import time
from dataclasses import dataclass

import pytest
import requests
import snappy

from converters.schema.remote_write_pb2 import Label, Sample, TimeSeries, WriteRequest
from testing.events.fleet import HOUR_MS, MINUTE_MS
from testing.events.ingresses import Event
from testing.servers import Prometheus, loopback_session
from tests.support.invoking import delivery
from tests.support.otlp_building import gauge, number, one_record
from tests.support.recording import Recorded, RecordingFunction

pytestmark = pytest.mark.real_server

GOOD = 1000
LATE_MS = 26 * HOUR_MS
REFUSED = "the listener rejected samples for good"

_environments = itertools.count()

Sampled = tuple[str, int, float]
"""A series' dimension, a time in milliseconds, a value."""


@dataclass(frozen=True, slots=True)
class Layout:
    """A distribution of a thousand good samples and a bad one over series.

    Attributes:
        series: The number of series of the good samples.
        good_age_ms: The age of the newest good samples.
        bad_series: The series of the bad sample.
    """

    series: int
    good_age_ms: int
    bad_series: str

    def good(self, now_ms: int) -> list[Sampled]:
        """Return the good samples, a second apart, each with a value of its own."""
        newest_ms = now_ms - self.good_age_ms
        return [
            (f"host-{n % self.series}", newest_ms - n // self.series * 1000, n + 1 / 3)
            for n in range(GOOD)
        ]

    def bad(self, now_ms: int) -> Sampled:
        """Return the bad sample, which is too old."""
        return self.bad_series, now_ms - LATE_MS, -1.0


FRESH = Layout(GOOD, 0, "host-late")

ANYWHERE = {
    "alone in its series": FRESH,
    "in a series with a good one": Layout(1000, 0, "host-700"),
    "in a series with many good ones": Layout(10, 0, "host-7"),
    "in the only series": Layout(1, 0, "host-0"),
}
"""The result is the same with and without an out-of-order window."""

IN_ONE_BODY = {
    "alone in its series": Layout(1000, 90 * MINUTE_MS, "host-late"),
    "first in a series": Layout(1000, 90 * MINUTE_MS, "host-0"),
    "last in a long series": Layout(4, 90 * MINUTE_MS, "host-3"),
}
"""Good samples that are so late that they share a request with the bad one."""


def event_of(sampled: list[Sampled], now_ms: int) -> Event:
    """Make a delivery of gauges, which have one sample for each data point."""
    points = [number(value, (("Host", host),), at_ms * 1_000_000) for host, at_ms, value in sampled]
    return delivery(one_record(gauge("load", *points)), sent_ms=now_ms)


def seeded(server: Prometheus, now_ms: int) -> RecordingFunction:
    """Make a function for a server with current samples: in an empty one nothing is too old."""
    environment = f"isolation-{next(_environments)}"
    function = RecordingFunction(server.write_url, {"P8S_LOGZIO_NAME": environment})
    assert function.invoke(event_of([("seed", now_ms, 1.0)], now_ms)).status == 200
    return function


def stored(server: Prometheus, environment: str) -> set[Sampled]:
    """Read back every sample of an environment but the seed."""
    return {
        (host, at, value)
        for series, samples in server.stored(p8s_logzio_name=environment).items()
        if (host := dict(series)["host"]) != "seed"
        for at, value in samples
    }


def check(server: Prometheus, layout: Layout) -> Recorded:
    """Send a layout; require that all good samples are stored and the bad one is counted."""
    now_ms = int(time.time() * 1000)
    function = seeded(server, now_ms)
    good = layout.good(now_ms)
    recorded = function.invoke(event_of([*good, layout.bad(now_ms)], now_ms))
    assert recorded.samples() == {"sent": GOOD, "rejected": 1, "undelivered": 0}
    assert recorded.metric("SamplesSent") == GOOD
    assert recorded.metric("SamplesRejected") == 1
    assert recorded.status == 200
    (refusal,) = recorded.logged(REFUSED)
    assert refusal["samples"] == 1
    assert f'host="{layout.bad_series}"' in refusal["example"]
    assert str(now_ms - LATE_MS) in refusal["example"]
    assert stored(server, function.environment) == set(good)
    return recorded


@pytest.mark.parametrize("layout", ANYWHERE.values(), ids=ANYWHERE)
def test_bad_sample(
    strict_prometheus: Prometheus, narrow_prometheus: Prometheus, layout: Layout
) -> None:
    """The old sample is refused with 400, or with 500 where there is a window of two hours."""
    (refusal,) = check(strict_prometheus, layout).logged(REFUSED)
    assert refusal["listener_words"].startswith("400 ")
    (refusal,) = check(narrow_prometheus, layout).logged(REFUSED)
    assert refusal["listener_words"] == "500 too old sample"


@pytest.mark.parametrize("layout", IN_ONE_BODY.values(), ids=IN_ONE_BODY)
def test_in_one_body(narrow_prometheus: Prometheus, layout: Layout) -> None:
    """A bad sample among late ones within the window is searched for and found."""
    assert check(narrow_prometheus, layout).delivery["requests"] > 2


@pytest.mark.parametrize("bad_value", [-1.0, 0.5], ids=["before", "duplicate"])
def test_out_of_order(strict_prometheus: Prometheus, bad_value: float) -> None:
    """A fresh sample before a stored one, or with another value, is found among fresh ones."""
    now_ms = int(time.time() * 1000)
    function = seeded(strict_prometheus, now_ms)
    good = FRESH.good(now_ms)
    bad_ms = now_ms if bad_value > 0 else now_ms - MINUTE_MS
    recorded = function.invoke(event_of([*good, ("seed", bad_ms, bad_value)], now_ms))
    assert recorded.samples() == {"sent": GOOD, "rejected": 1, "undelivered": 0}
    assert recorded.status == 200
    # A body of a thousand and one is halved some ten times, and each half is sent once.
    assert 2 < recorded.delivery["requests"] <= 2 * 11 + 1
    assert stored(strict_prometheus, function.environment) == set(good)
    seed = strict_prometheus.stored(p8s_logzio_name=function.environment, host="seed")
    assert list(seed.values()) == [[(now_ms, 1.0)]]


@pytest.mark.parametrize("together", [True, False], ids=["together", "scattered"])
@pytest.mark.parametrize("bad", [2, 8, 20, 100])
def test_several(strict_prometheus: Prometheus, bad: int, together: bool) -> None:
    """Several bad samples, together or evenly scattered, are all found, and only they."""
    now_ms = int(time.time() * 1000)
    function = seeded(strict_prometheus, now_ms)
    good = FRESH.good(now_ms)
    ahead = [(f"ahead-{place}", now_ms, 1.0) for place in range(bad)]
    assert function.invoke(event_of(ahead, now_ms)).status == 200
    sampled, distance = list(good), 1 if together else GOOD // bad
    for place, (host, _, _) in enumerate(ahead):
        sampled.insert(place * distance, (host, now_ms - MINUTE_MS, -1.0))
    recorded = function.invoke(event_of(sampled, now_ms))
    assert stored(strict_prometheus, function.environment) == {*good, *ahead}
    assert recorded.samples() == {"sent": GOOD, "rejected": bad, "undelivered": 0}


@pytest.mark.parametrize(("window", "status"), [("", 400), ("2h", 500)])
def test_undivided(
    strict_prometheus: Prometheus, narrow_prometheus: Prometheus, window: str, status: int
) -> None:
    """Without isolation a request with the bad sample is refused as a whole."""
    server = narrow_prometheus if window else strict_prometheus
    now_ms = int(time.time() * 1000)
    seeded(server, now_ms)
    environment, good = f"undivided-{status}", FRESH.good(now_ms)
    refused = post(server, environment, [*good, FRESH.bad(now_ms)])
    assert refused.status_code == status
    assert stored(server, environment) == set()
    assert post(server, environment, good).status_code == 204
    assert stored(server, environment) == set(good)


def post(server: Prometheus, environment: str, sampled: list[Sampled]) -> requests.Response:
    """Send samples in a single request, without the function."""
    request = WriteRequest(
        timeseries=[
            TimeSeries(
                labels=[
                    Label(name="__name__", value="load"),
                    Label(name="host", value=host),
                    Label(name="p8s_logzio_name", value=environment),
                ],
                samples=[Sample(timestamp=at_ms, value=value)],
            )
            for host, at_ms, value in sampled
        ]
    )
    headers = {
        "Content-Type": "application/x-protobuf",
        "Content-Encoding": "snappy",
        "X-Prometheus-Remote-Write-Version": "0.1.0",
    }
    with loopback_session() as session:
        body = snappy.compress(request.SerializeToString())
        return session.post(server.write_url, data=body, headers=headers, timeout=120)


def test_redelivery_without_a_window(strict_prometheus: Prometheus) -> None:
    """A server without a window refuses what it has stored already, and stores it once."""
    now_ms = int(time.time() * 1000)
    function = seeded(strict_prometheus, now_ms)
    # Two samples of each series: the second time the earlier one is out of order.
    good = Layout(50, 0, "").good(now_ms)[:100]
    event = event_of(good, now_ms)
    assert function.invoke(event).samples() == {"sent": 100, "rejected": 0, "undelivered": 0}
    again = function.invoke(event)
    assert again.status == 200
    samples = again.samples()
    assert samples["undelivered"] == 0
    assert samples["sent"] + samples["rejected"] == 100
    assert stored(strict_prometheus, function.environment) == set(good)
