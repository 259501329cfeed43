"""Native histograms on a real Prometheus: with the feature on, and with it off."""

import time
from collections.abc import Iterator

import pytest
from opentelemetry.proto.metrics.v1 import metrics_pb2 as otlp

from testing.events.ingresses import Event
from testing.servers import Prometheus
from tests.support.clocks import WaitedTime
from tests.support.invoking import delivery
from tests.support.otlp_building import attributes, gauge, number, one_record
from tests.support.recording import RecordingFunction

pytestmark = pytest.mark.real_server

BASE = 2**0.5
BUCKETS = [
    (-(BASE**0), -(BASE**-1), 1.0),
    (-(BASE**-1), -(BASE**-2), 4.0),
    (BASE**2, BASE**3, 3.0),
    (BASE**5, BASE**6, 5.0),
    (BASE**6, BASE**7, 1.0),
]
"""Bounds and counts by OTLP's rule: bucket i is (base^i, base^(i+1)]."""


@pytest.fixture(scope="module")
def native_prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Run a Prometheus that accepts native histograms."""
    folder = tmp_path_factory.mktemp("native")
    with Prometheus(folder, native_histograms=True) as server:
        yield server


def histogram(now_ms: int) -> otlp.Metric:
    """Return a histogram of scale 1, whose bounds are powers of the square root of two."""
    buckets = otlp.ExponentialHistogramDataPoint.Buckets
    point = otlp.ExponentialHistogramDataPoint(
        attributes=attributes((("Host", "a"),)),
        time_unix_nano=now_ms * 1_000_000,
        start_time_unix_nano=(now_ms - 60_000) * 1_000_000,
        count=16,
        sum=42.625,
        scale=1,
        zero_count=2,
        positive=buckets(offset=2, bucket_counts=[3, 0, 0, 5, 1]),
        negative=buckets(offset=-2, bucket_counts=[4, 1]),
    )
    exponential = otlp.ExponentialHistogram(
        data_points=[point],
        aggregation_temporality=otlp.AGGREGATION_TEMPORALITY_CUMULATIVE,
    )
    return otlp.Metric(name="latency", exponential_histogram=exponential)


def event_of(now_ms: int) -> Event:
    """Return a delivery of a hundred gauges and one histogram."""
    points = [number(n / 3, (("Host", f"h{n}"),), now_ms * 1_000_000) for n in range(100)]
    histograms = histogram(now_ms).SerializeToString()
    return delivery(one_record(gauge("load", *points), histograms), sent_ms=now_ms)


def count_gauges(server: Prometheus, environment: str) -> int:
    """Count the stored samples of the gauges of one test."""
    return sum(map(len, server.stored(__name__="load", p8s_logzio_name=environment).values()))


def test_feature_on(native_prometheus: Prometheus) -> None:
    """Count, sum and every bucket of a histogram can be read back, and so can the gauges."""
    now_ms = int(time.time() * 1000)
    settings = {"NATIVE_HISTOGRAMS": "true", "P8S_LOGZIO_NAME": "native-on"}
    function = RecordingFunction(native_prometheus.write_url, settings)
    recorded = function.invoke(event_of(now_ms))
    assert recorded.status == 200
    assert recorded.samples() == {"sent": 101, "rejected": 0, "undelivered": 0}
    assert count_gauges(native_prometheus, "native-on") == 100
    for query, expected in (("histogram_count", 16.0), ("histogram_sum", 42.625)):
        (series,) = native_prometheus.query(f"{query}(latency)", now_ms)
        assert float(series["value"][1]) == expected
    (series,) = native_prometheus.query("latency[1h]", now_ms)
    assert series["metric"]["host"] == "a"
    ((seconds, found),) = series["histograms"]
    assert round(seconds * 1000) == now_ms
    buckets = [(float(low), float(high), float(n)) for _, low, high, n in found["buckets"]]
    zero = [bucket for bucket in buckets if bucket[0] < 0 < bucket[1]]
    assert [n for *_, n in zero] == [2.0]
    others = [bucket for bucket in buckets if bucket not in zero]
    assert others == [pytest.approx(bucket, rel=1e-12) for bucket in BUCKETS]


def test_feature_off(strict_prometheus: Prometheus) -> None:
    """A server without the feature refuses only the histogram: the gauges are stored."""
    now_ms = int(time.time() * 1000)
    settings = {"NATIVE_HISTOGRAMS": "true", "P8S_LOGZIO_NAME": "native-off"}
    # The refusal is a 500, which is retried three times.
    clock = WaitedTime(jitter=lambda _ceiling: 20.0).clock
    function = RecordingFunction(strict_prometheus.write_url, settings, clock)
    recorded = function.invoke(event_of(now_ms))
    assert recorded.samples() == {"sent": 100, "rejected": 0, "undelivered": 1}
    assert recorded.status == 503
    assert "native histograms are disabled" in recorded.response["body"]
    assert count_gauges(strict_prometheus, "native-off") == 100


def test_setting_off(strict_prometheus: Prometheus) -> None:
    """Without the setting no histogram is sent, and it is counted as dropped."""
    now_ms = int(time.time() * 1000)
    recorded = RecordingFunction(strict_prometheus.write_url).invoke(event_of(now_ms))
    assert recorded.status == 200
    assert recorded.samples() == {"sent": 100, "rejected": 0, "undelivered": 0}
    assert recorded.delivery["points_dropped"] == {"unsupported": 1}
