"""One sample that a real Prometheus refuses costs none of the thousand others their place."""

import itertools
import time
from dataclasses import dataclass

import pytest
import requests
import snappy

from converters.schema.remote_write_pb2 import Label, Sample, TimeSeries, WriteRequest
from testing.events.fleet import HOUR_MS, MINUTE_MS
from testing.events.ingresses import Event
from testing.servers import Labels, Prometheus, Samples, loopback_session
from tests.support.invoking import delivery
from tests.support.otlp_building import gauge, number, one_record
from tests.support.telling import TellingFunction, Told

GOOD = 1000
LATE_MS = 26 * HOUR_MS

_environments = itertools.count()

Sampled = tuple[str, int, float]
"""A series' dimension, a time in milliseconds, a value."""


@dataclass(frozen=True, slots=True)
class Layout:
    """One way to lay out a thousand good samples and one bad one over series.

    Attributes:
        series: How many series the good samples belong to.
        good_age_ms: How old the newest good samples are.
        bad_series: The series of the bad sample.
        bad_age_ms: How old the bad sample is.
        gap_ms: The time between the samples of one series.
    """

    series: int
    good_age_ms: int
    bad_series: str
    bad_age_ms: int
    gap_ms: int = 1000

    def good(self, now_ms: int) -> list[Sampled]:
        """Make the good samples, each with a value of its own."""
        return [
            (
                f"host-{place % self.series}",
                now_ms - self.good_age_ms - place // self.series * self.gap_ms,
                place + 1 / 3,
            )
            for place in range(GOOD)
        ]

    def bad(self, now_ms: int) -> Sampled:
        """Make the bad sample."""
        return self.bad_series, now_ms - self.bad_age_ms, -1.0


ANYWHERE = {
    "alone in its series": Layout(1000, 0, "host-late", LATE_MS),
    "in a series with a good one": Layout(1000, 0, "host-700", LATE_MS),
    "in a series with many good ones": Layout(10, 0, "host-7", LATE_MS),
    "in the only series": Layout(1, 0, "host-0", LATE_MS),
}
"""What a server with and one without an out-of-order window have to agree on."""

IN_ONE_BODY = {
    "alone in its series": Layout(1000, 90 * MINUTE_MS, "host-late", LATE_MS),
    "first in a series": Layout(1000, 90 * MINUTE_MS, "host-0", LATE_MS),
    "last in a long series": Layout(4, 90 * MINUTE_MS, "host-3", LATE_MS),
}
"""Good samples so late that they share a request with the bad one."""


def event_of(sampled: list[Sampled], now_ms: int) -> Event:
    """Make a delivery of gauges, which have one sample for each data point."""
    points = [number(value, (("Host", host),), at_ms * 1_000_000) for host, at_ms, value in sampled]
    return delivery(one_record(gauge("load", *points)), sent_ms=now_ms)


def seeded(server: Prometheus, now_ms: int) -> TellingFunction:
    """Make a function for a server that has current samples already, as a real one does.

    To an empty server the first sample is never too old.
    """
    environment = f"isolation-{next(_environments)}"
    function = TellingFunction(server.write_url, {"P8S_LOGZIO_NAME": environment})
    assert function.invoke(event_of([("seed", now_ms, 1.0)], now_ms)).status == 200
    return function


def stored_values(server: Prometheus, labels: dict[str, str]) -> set[tuple[str, int, float]]:
    """Read back every sample of a delivery but the seed."""
    stored: Samples = server.stored(**labels)
    return {
        (host, at, value)
        for series, samples in stored.items()
        if (host := host_of(series)) != "seed"
        for at, value in samples
    }


def host_of(labels: Labels) -> str:
    """Give the dimension of a series."""
    return dict(labels)["host"]


def check(server: Prometheus, layout: Layout) -> Told:
    """Send one layout; require that all good samples are stored and the bad one is counted."""
    now_ms = int(time.time() * 1000)
    function = seeded(server, now_ms)
    good = layout.good(now_ms)
    told = function.invoke(event_of([*good, layout.bad(now_ms)], now_ms))
    assert told.fates() == {"sent": GOOD, "rejected": 1, "undelivered": 0}
    assert told.metric("SamplesSent") == GOOD
    assert told.metric("SamplesRejected") == 1
    assert told.status == 200
    (refusal,) = told.logged("the listener rejected samples for good")
    assert refusal["samples"] == 1
    assert f'host="{layout.bad_series}"' in refusal["example"]
    assert str(now_ms - layout.bad_age_ms) in refusal["example"]
    environment = function.environment
    assert stored_values(server, {"p8s_logzio_name": environment}) == set(good)
    return told


@pytest.mark.parametrize("layout", ANYWHERE.values(), ids=ANYWHERE)
def test_without_a_window(strict_prometheus: Prometheus, layout: Layout) -> None:
    """Without an out-of-order window the good samples are stored and the old one is counted."""
    told = check(strict_prometheus, layout)
    (refusal,) = told.logged("the listener rejected samples for good")
    assert refusal["listener_words"].startswith("400 ")


@pytest.mark.parametrize("layout", ANYWHERE.values(), ids=ANYWHERE)
def test_with_a_window(narrow_prometheus: Prometheus, layout: Layout) -> None:
    """With a window of two hours it is the same, although the refusal is a 500."""
    told = check(narrow_prometheus, layout)
    (refusal,) = told.logged("the listener rejected samples for good")
    assert refusal["listener_words"] == "500 too old sample"


@pytest.mark.parametrize("layout", IN_ONE_BODY.values(), ids=IN_ONE_BODY)
def test_in_one_body(narrow_prometheus: Prometheus, layout: Layout) -> None:
    """A bad sample among late ones that are inside the window is searched for and found."""
    assert check(narrow_prometheus, layout).delivery["requests"] > 2


@pytest.mark.parametrize("bad_value", [-1.0, 0.5], ids=["before", "duplicate"])
def test_out_of_order(strict_prometheus: Prometheus, bad_value: float) -> None:
    """A fresh sample before, or other than, what is stored is found among fresh ones."""
    now_ms = int(time.time() * 1000)
    function = seeded(strict_prometheus, now_ms)
    good = Layout(1000, 0, "", 0).good(now_ms)
    bad_ms = now_ms if bad_value > 0 else now_ms - MINUTE_MS
    told = function.invoke(event_of([*good, ("seed", bad_ms, bad_value)], now_ms))
    assert told.fates() == {"sent": GOOD, "rejected": 1, "undelivered": 0}
    assert told.status == 200
    # A body of a thousand and one is halved some ten times, each half sent once.
    assert 2 < told.delivery["requests"] <= 2 * 11 + 1
    environment = function.environment
    assert stored_values(strict_prometheus, {"p8s_logzio_name": environment}) == set(good)
    stored = strict_prometheus.stored(p8s_logzio_name=environment, host="seed")
    assert list(stored.values()) == [[(now_ms, 1.0)]]


@pytest.mark.parametrize("together", [True, False], ids=["together", "scattered"])
@pytest.mark.parametrize("bad", [2, 8, 20, 100])
def test_several(strict_prometheus: Prometheus, bad: int, together: bool) -> None:
    """Several bad samples, together or evenly scattered, are all found, and only they."""
    now_ms = int(time.time() * 1000)
    function = seeded(strict_prometheus, now_ms)
    good = Layout(GOOD, 0, "", 0).good(now_ms)
    ahead = [(f"ahead-{place}", now_ms, 1.0) for place in range(bad)]
    assert function.invoke(event_of(ahead, now_ms)).status == 200
    sampled, distance = list(good), 1 if together else GOOD // bad
    for place, (host, _, _) in enumerate(ahead):
        sampled.insert(place * distance, (host, now_ms - MINUTE_MS, -1.0))
    told = function.invoke(event_of(sampled, now_ms))
    environment = function.environment
    stored = stored_values(strict_prometheus, {"p8s_logzio_name": environment})
    assert stored == {*good, *ahead}
    assert told.fates() == {"sent": GOOD, "rejected": bad, "undelivered": 0}


@pytest.mark.parametrize(("window", "status"), [("", 400), ("2h", 500)])
def test_undivided(
    strict_prometheus: Prometheus, narrow_prometheus: Prometheus, window: str, status: int
) -> None:
    """A request with the bad sample in it is refused as a whole: this is what isolation is for."""
    server = narrow_prometheus if window else strict_prometheus
    now_ms = int(time.time() * 1000)
    seeded(server, now_ms)
    environment = f"undivided-{status}"
    layout = ANYWHERE["alone in its series"]
    answer = post(server, environment, [*layout.good(now_ms), layout.bad(now_ms)])
    assert answer.status_code == status
    assert stored_values(server, {"p8s_logzio_name": environment}) == set()
    assert post(server, environment, layout.good(now_ms)).status_code == 204
    assert stored_values(server, {"p8s_logzio_name": environment}) == set(layout.good(now_ms))


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
    """What a server without a window has stored already it refuses again, and keeps once."""
    now_ms = int(time.time() * 1000)
    function = seeded(strict_prometheus, now_ms)
    # Two samples of each series: the second time the earlier one is out of order.
    good = Layout(50, 0, "", 0).good(now_ms)[:100]
    event = event_of(good, now_ms)
    assert function.invoke(event).fates() == {"sent": 100, "rejected": 0, "undelivered": 0}
    again = function.invoke(event)
    assert again.status == 200
    fates = again.fates()
    assert fates["undelivered"] == 0
    assert fates["sent"] + fates["rejected"] == 100
    environment = function.environment
    assert stored_values(strict_prometheus, {"p8s_logzio_name": environment}) == set(good)
