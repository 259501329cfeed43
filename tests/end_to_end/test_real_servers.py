"""Everything that the function sends can be read back from real servers, series by series."""

import itertools
import json
import math
import os
import time
from pathlib import Path
from typing import Any

import pytest

from testing.events.fleet import END_MS
from testing.events.samples import good_events
from testing.receiver import Receiver
from testing.servers import Prometheus, Samples, Server, in_order
from tests.support.restamping import restamped
from tests.support.telling import TellingFunction, Told
from tests.support.victoria_metrics import VictoriaMetrics

GOOD = tuple(good_events(END_MS))
CAPTURES = {"otlp-0.7": (953, 3941, 2727), "otlp-1.0": (710, 2840, None)}
"""Data points, samples and series of each captured delivery."""

_environments = itertools.count()


@pytest.fixture(scope="session")
def now_ms() -> int:
    """Give the end of the newest period: a moment that has just passed."""
    return int(time.time() * 1000)


@pytest.fixture(scope="session")
def fresh_events(now_ms: int) -> dict[str, Any]:
    """Make the good sample events with the time of today; S3's daily metrics are 26 hours old."""
    return good_events(now_ms)


def captured(name: str, now_ms: int) -> dict[str, Any]:
    """Read a captured delivery and bring it up to date."""
    if not os.environ.get("CAPTURES_DIR"):
        pytest.skip("CAPTURES_DIR does not say where captured deliveries are")
    text = (Path(os.environ["CAPTURES_DIR"]) / f"{name}.json").read_text(encoding="utf-8")
    return restamped(json.loads(text), now_ms)


def send_to_both(server: Server, event: dict[str, Any]) -> tuple[Told, Samples]:
    """Send an event to a real server, and to the receiver that decodes and checks every body.

    Returns:
        What the function told about the real server, and what the other received.
    """
    settings = {"P8S_LOGZIO_NAME": f"real-{next(_environments)}"}
    if "records" in event:
        # A transformation has no access key to ship with.
        settings["LOGZIO_METRICS_TOKEN"] = "token"
    with Receiver() as receiver:
        TellingFunction(receiver.url, settings).invoke(event)
        assert receiver.violations == []
        expected = in_order(receiver.accepted_samples())
    return TellingFunction(server.write_url, settings).invoke(event), expected


def environment_of(samples: Samples) -> str:
    """Give the label that all series of one delivery carry, and those of no other."""
    (environment,) = {dict(labels)["p8s_logzio_name"] for labels in samples}
    return environment


def count(samples: Samples) -> tuple[int, int]:
    """Count samples and series."""
    return sum(map(len, samples.values())), len(samples)


def read_back(server: VictoriaMetrics, expected: Samples) -> Samples:
    """Give what is stored of a delivery, once as much is visible as is expected."""
    samples, _ = count(expected)
    return server.stored_at_least(samples, p8s_logzio_name=environment_of(expected))


def assert_close(stored: Samples, expected: Samples) -> None:
    """Require the same series with the same times, and values to about 12 digits."""
    assert stored.keys() == expected.keys()
    for labels, samples in expected.items():
        assert [at for at, _ in stored[labels]] == [at for at, _ in samples]
        for (_, found), (_, sent) in zip(stored[labels], samples, strict=True):
            assert math.isclose(found, sent, rel_tol=1e-11), labels


def assert_all_accepted(told: Told, samples: int) -> None:
    """Require that the answer is a success, and that nothing is said to be rejected or left."""
    assert told.fates() == {"sent": samples, "rejected": 0, "undelivered": 0}
    assert told.metric("SamplesSent") == samples
    if "records" in told.response:
        assert {record["result"] for record in told.response["records"]} == {"Dropped"}
    else:
        assert told.status == 200


@pytest.mark.parametrize("name", [name for name in GOOD if name != "demo-data"])
def test_sample_in_prometheus(
    wide_prometheus: Prometheus, fresh_events: dict[str, Any], name: str
) -> None:
    """Prometheus has every series and every value of a sample event, exactly."""
    told, expected = send_to_both(wide_prometheus, fresh_events[name])
    assert_all_accepted(told, 333)
    assert count(expected) == (333, 301)
    assert wide_prometheus.stored(p8s_logzio_name=environment_of(expected)) == expected


@pytest.mark.parametrize("name", [name for name in GOOD if name != "demo-data"])
def test_sample_in_victoria_metrics(
    victoria: VictoriaMetrics, fresh_events: dict[str, Any], name: str
) -> None:
    """VictoriaMetrics has every series and every value of a sample event, to its 12 digits."""
    told, expected = send_to_both(victoria, fresh_events[name])
    assert_all_accepted(told, 333)
    assert count(expected) == (333, 301)
    assert_close(read_back(victoria, expected), expected)


def test_demo_data(wide_prometheus: Prometheus, fresh_events: dict[str, Any]) -> None:
    """Demo data is answered with 200, and nothing of it reaches a server."""
    told, expected = send_to_both(wide_prometheus, fresh_events["demo-data"])
    assert_all_accepted(told, 0)
    assert expected == {}
    assert told.delivery["requests"] == 0


@pytest.mark.parametrize("name", CAPTURES)
def test_capture_in_prometheus(wide_prometheus: Prometheus, now_ms: int, name: str) -> None:
    """Prometheus has every series and every value of a captured delivery, exactly."""
    told, expected = send_to_both(wide_prometheus, captured(name, now_ms))
    assert_counts(name, told, expected)
    assert wide_prometheus.stored(p8s_logzio_name=environment_of(expected)) == expected


@pytest.mark.parametrize("name", CAPTURES)
def test_capture_in_victoria_metrics(victoria: VictoriaMetrics, now_ms: int, name: str) -> None:
    """VictoriaMetrics has every series and every value of a captured delivery, to its 12 digits."""
    told, expected = send_to_both(victoria, captured(name, now_ms))
    assert_counts(name, told, expected)
    assert_close(read_back(victoria, expected), expected)


def assert_counts(name: str, told: Told, expected: Samples) -> None:
    """Require the known totals of a captured delivery."""
    points, samples, series = CAPTURES[name]
    assert told.delivery["points"] == points
    assert told.metric("DataPoints") == points
    assert_all_accepted(told, samples)
    assert count(expected) == (samples, series or len(expected))
    assert told.delivery["series"] == len(expected)


def test_redelivery(wide_prometheus: Prometheus, fresh_events: dict[str, Any]) -> None:
    """A delivery that Firehose sends twice is accepted twice and stored once."""
    event = fresh_events["function-url-otlp-1.0"]
    environment = "twice"
    function = TellingFunction(wide_prometheus.write_url, {"P8S_LOGZIO_NAME": environment})
    assert_all_accepted(function.invoke(event), 333)
    first = wide_prometheus.stored(p8s_logzio_name=environment)
    assert_all_accepted(function.invoke(event), 333)
    assert count(first) == (333, 301)
    assert wide_prometheus.stored(p8s_logzio_name=environment) == first
