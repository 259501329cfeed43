"""Everything that the function sends can be read back from real servers, series by series."""

import itertools
import math
import time
from typing import Any

import pytest

from testing.events.fleet import END_MS
from testing.events.samples import good_events
from testing.receiver import Receiver
from testing.rules import Samples
from testing.servers import Prometheus, in_order
from tests.support.captures import captured
from tests.support.recording import Recorded, RecordingFunction
from tests.support.victoria_metrics import VictoriaMetrics

pytestmark = pytest.mark.real_server

CAPTURES = {"otlp-0.7": (953, 3941, 2727), "otlp-1.0": (710, 2840, None)}
"""Data points, samples and series of each captured delivery."""
SAMPLE_COUNTS = (333, 301)
"""Samples and series of each sample event."""
NAMES = [name for name in good_events(END_MS) if name != "demo-data"]

_environments = itertools.count()


@pytest.fixture(scope="session")
def now_ms() -> int:
    """Return the end of the newest period: a moment that has just passed."""
    return int(time.time() * 1000)


@pytest.fixture(scope="session")
def fresh_events(now_ms: int) -> dict[str, Any]:
    """Return the good sample events of today; S3's daily metrics are 26 hours old."""
    return good_events(now_ms)


def send_to_both(
    server: Prometheus | VictoriaMetrics, event: dict[str, Any]
) -> tuple[Recorded, Samples]:
    """Send an event to a real server, and to the receiver that decodes and checks every body.

    Returns:
        The invocation with the real server, and what the receiver got.
    """
    settings = {"P8S_LOGZIO_NAME": f"real-{next(_environments)}"}
    if "records" in event:
        # A transformation has no access key to use as the token.
        settings["LOGZIO_METRICS_TOKEN"] = "token"
    with Receiver() as receiver:
        RecordingFunction(receiver.url, settings).invoke(event)
        assert receiver.violations == []
        expected = in_order(receiver.accepted_samples())
    return RecordingFunction(server.write_url, settings).invoke(event), expected


def count(samples: Samples) -> tuple[int, int]:
    """Count samples and series."""
    return sum(map(len, samples.values())), len(samples)


def assert_all_accepted(recorded: Recorded, samples: int) -> None:
    """Require success, and that no sample is reported as rejected or undelivered."""
    assert recorded.samples() == {"sent": samples, "rejected": 0, "undelivered": 0}
    assert recorded.metric("SamplesSent") == samples
    if "records" in recorded.response:
        assert {record["result"] for record in recorded.response["records"]} == {"Dropped"}
    else:
        assert recorded.status == 200


def assert_in_prometheus(server: Prometheus, expected: Samples) -> None:
    """Require every series and every value of a delivery, exactly."""
    assert server.stored(p8s_logzio_name=environment_of(expected)) == expected


def assert_in_victoria_metrics(server: VictoriaMetrics, expected: Samples) -> None:
    """Require every series and every value of a delivery, to VictoriaMetrics' 12 digits."""
    environment = environment_of(expected)
    stored = server.stored_at_least(count(expected)[0], p8s_logzio_name=environment)
    assert stored.keys() == expected.keys()
    for labels, samples in expected.items():
        assert [at for at, _ in stored[labels]] == [at for at, _ in samples]
        for (_, found), (_, sent) in zip(stored[labels], samples, strict=True):
            assert math.isclose(found, sent, rel_tol=1e-11), labels


def environment_of(samples: Samples) -> str:
    """Return the label value that all series of one delivery have, and no others."""
    (environment,) = {dict(labels)["p8s_logzio_name"] for labels in samples}
    return environment


@pytest.mark.parametrize("name", NAMES)
def test_sample(
    wide_prometheus: Prometheus, victoria: VictoriaMetrics, fresh_events: dict[str, Any], name: str
) -> None:
    """Both servers have every sample of a sample event."""
    for server in (wide_prometheus, victoria):
        recorded, expected = send_to_both(server, fresh_events[name])
        assert_all_accepted(recorded, SAMPLE_COUNTS[0])
        assert count(expected) == SAMPLE_COUNTS
        if isinstance(server, Prometheus):
            assert_in_prometheus(server, expected)
        else:
            assert_in_victoria_metrics(server, expected)


@pytest.mark.parametrize("name", CAPTURES)
def test_capture(
    wide_prometheus: Prometheus, victoria: VictoriaMetrics, now_ms: int, name: str
) -> None:
    """Both servers have every sample of a captured delivery, whose totals are known."""
    points, samples, series = CAPTURES[name]
    for server in (wide_prometheus, victoria):
        recorded, expected = send_to_both(server, captured(name, now_ms))
        assert recorded.delivery["points"] == recorded.metric("DataPoints") == points
        assert_all_accepted(recorded, samples)
        assert count(expected) == (samples, series or len(expected))
        assert recorded.delivery["series"] == len(expected)
        if isinstance(server, Prometheus):
            assert_in_prometheus(server, expected)
        else:
            assert_in_victoria_metrics(server, expected)


def test_demo_data(wide_prometheus: Prometheus, fresh_events: dict[str, Any]) -> None:
    """Demo data is answered with 200, and nothing of it reaches a server."""
    recorded, expected = send_to_both(wide_prometheus, fresh_events["demo-data"])
    assert_all_accepted(recorded, 0)
    assert expected == {}
    assert recorded.delivery["requests"] == 0


def test_redelivery(wide_prometheus: Prometheus, fresh_events: dict[str, Any]) -> None:
    """A delivery that Firehose sends twice is accepted twice and stored once."""
    function = RecordingFunction(wide_prometheus.write_url, {"P8S_LOGZIO_NAME": "twice"})
    for _ in range(2):
        recorded = function.invoke(fresh_events["function-url-otlp-1.0"])
        assert_all_accepted(recorded, SAMPLE_COUNTS[0])
        assert count(wide_prometheus.stored(p8s_logzio_name="twice")) == SAMPLE_COUNTS
