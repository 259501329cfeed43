"""What real servers refuse costs nothing that they would store."""

import itertools
import random
import time
from collections.abc import Sequence

import pytest

from testing.events.fleet import MINUTE_MS, Point
from testing.events.ingresses import Event
from testing.rules import Samples
from testing.servers import Prometheus
from tests.support.captures import captured
from tests.support.invoking import SAMPLES_OF_A_POINT, delivery_of, point
from tests.support.recording import RecordingFunction
from tests.support.victoria_metrics import VictoriaMetrics

pytestmark = pytest.mark.real_server

BUDGET = {"DELIVERY_BUDGET_SECONDS": "600"}
"""Hundreds of requests take a busy machine minutes."""

CAPTURES = ["otlp-0.7", "otlp-1.0"]

_environments = itertools.count()


def function_for(server: Prometheus | VictoriaMetrics) -> RecordingFunction:
    """Return a function whose series are its own."""
    name = f"refusals-{next(_environments)}"
    return RecordingFunction(server.write_url, {**BUDGET, "P8S_LOGZIO_NAME": name})


def now() -> int:
    """Return the present time in milliseconds."""
    return int(time.time() * 1000)


def capture_of_now(name: str) -> Event:
    """Return a captured delivery whose environment is that of the function."""
    event = captured(name, now())
    event["headers"].pop("x-amz-firehose-common-attributes", None)
    return event


def points_at(end_ms: int, numbers: Sequence[int]) -> list[Point]:
    """Return a data point of each of some series."""
    return [point(f"h{number:04d}", end_ms=end_ms) for number in numbers]


def overtake(function: RecordingFunction, count: int, newer: Sequence[int]) -> tuple[int, Event]:
    """Deliver the present minute of some series.

    Returns:
        The minute before, and a delivery of that for all `count` series.
    """
    present_ms = now()
    older_ms = present_ms - MINUTE_MS
    first = function.invoke(delivery_of(points_at(present_ms, newer), sent_ms=present_ms))
    assert first.samples()["sent"] == SAMPLES_OF_A_POINT * len(newer)
    return older_ms, delivery_of(points_at(older_ms, range(count)), sent_ms=present_ms)


def hosts_at(stored: Samples, at_ms: int) -> list[str]:
    """Return the host of each series with a sample at a time, sorted."""
    return sorted(
        dict(labels)["host"]
        for labels, samples in stored.items()
        if any(at == at_ms for at, _ in samples)
    )


def four_of_each(numbers: Sequence[int]) -> list[str]:
    """Return the hosts of some series, once for each statistic."""
    return [f"h{number:04d}" for number in numbers for _ in range(SAMPLES_OF_A_POINT)]


@pytest.mark.parametrize("name", CAPTURES)
def test_redelivered_capture(
    strict_prometheus: Prometheus, narrow_prometheus: Prometheus, name: str
) -> None:
    """A delivery that is stored already is answered 200, whether there is a window or not."""
    event = capture_of_now(name)
    for server in (strict_prometheus, narrow_prometheus):
        function = function_for(server)
        first = function.invoke(event)
        assert first.samples()["rejected"] == 0
        stored = server.stored(p8s_logzio_name=function.environment)
        assert sum(map(len, stored.values())) == first.samples()["sent"]
        again = function.invoke(event)
        assert again.status == 200
        assert again.delivery["requests"] <= 450
        assert set(again.delivery["samples_rejected_by_reason"]) <= {"superseded"}
        assert server.stored(p8s_logzio_name=function.environment) == stored


@pytest.mark.parametrize(("count", "share", "most"), [(1000, 0.1, 1000), (400, 0.95, 450)])
def test_overtaken_without_a_window(
    strict_prometheus: Prometheus, count: int, share: float, most: int
) -> None:
    """One delivery stores all good samples, and rejects exactly those that were overtaken."""
    function = function_for(strict_prometheus)
    newer = random.Random(1).sample(range(count), round(count * share))
    older_ms, older = overtake(function, count, newer)
    recorded = function.invoke(older)
    good = sorted(set(range(count)) - set(newer))
    stored = strict_prometheus.stored(p8s_logzio_name=function.environment)
    assert hosts_at(stored, older_ms) == four_of_each(good)
    assert recorded.status == 200
    assert recorded.samples() == {
        "sent": SAMPLES_OF_A_POINT * len(good),
        "rejected": SAMPLES_OF_A_POINT * len(newer),
        "undelivered": 0,
    }
    assert recorded.delivery["samples_rejected_by_reason"].keys() == {"superseded"}
    assert recorded.delivery["requests"] <= most


def test_overtaken_within_a_window(narrow_prometheus: Prometheus) -> None:
    """Within its window a Prometheus stores what was overtaken, by one request."""
    function = function_for(narrow_prometheus)
    older_ms, older = overtake(function, 400, range(380))
    recorded = function.invoke(older)
    assert recorded.samples()["sent"] == SAMPLES_OF_A_POINT * 400
    assert recorded.delivery["requests"] == 1
    stored = narrow_prometheus.stored(p8s_logzio_name=function.environment)
    assert hosts_at(stored, older_ms) == four_of_each(range(400))


def test_victoria_metrics_stores_everything(victoria: VictoriaMetrics) -> None:
    """VictoriaMetrics refuses no sample for its time, so each body takes one request."""
    function = function_for(victoria)
    older_ms, older = overtake(function, 400, range(380))
    recorded = function.invoke(older)
    assert recorded.samples()["sent"] == SAMPLES_OF_A_POINT * 400
    assert recorded.delivery["requests"] == 1
    everything = SAMPLES_OF_A_POINT * 780
    stored = victoria.stored_at_least(everything, p8s_logzio_name=function.environment)
    assert hosts_at(stored, older_ms) == four_of_each(range(400))


@pytest.mark.parametrize("name", CAPTURES)
def test_capture_to_victoria_metrics_twice(victoria: VictoriaMetrics, name: str) -> None:
    """VictoriaMetrics takes a delivery that is stored already as it took it the first time."""
    event, function = capture_of_now(name), function_for(victoria)
    first, again = function.invoke(event), function.invoke(event)
    assert again.status == 200
    assert again.samples() == first.samples()
    assert again.samples()["rejected"] == 0
    assert again.delivery["requests"] == first.delivery["requests"]


def test_point_far_ahead(strict_prometheus: Prometheus, narrow_prometheus: Prometheus) -> None:
    """A point 100 minutes ahead is not sent, and what is current is accepted afterwards."""
    for server in (strict_prometheus, narrow_prometheus):
        function, present_ms = function_for(server), now()
        ahead = point("early", end_ms=present_ms + 100 * MINUTE_MS)
        several = [ahead, *points_at(present_ms, range(3))]
        recorded = function.invoke(delivery_of(several, sent_ms=present_ms))
        assert recorded.samples() == {"sent": 12, "rejected": 0, "undelivered": 0}
        assert recorded.delivery["points_dropped"] == {"in_the_future": 1}
        current = delivery_of(points_at(present_ms, range(3, 6)), sent_ms=present_ms)
        assert function.invoke(current).samples()["sent"] == 12
        stored = server.stored(p8s_logzio_name=function.environment)
        assert hosts_at(stored, present_ms) == four_of_each(range(6))


def test_points_a_little_ahead(strict_prometheus: Prometheus) -> None:
    """Points five minutes ahead are stored, and so are the current ones beside them."""
    function, present_ms = function_for(strict_prometheus), now()
    ahead_ms = present_ms + 5 * MINUTE_MS
    several = [*points_at(ahead_ms, range(2)), *points_at(present_ms, range(4))]
    recorded = function.invoke(delivery_of(several, sent_ms=present_ms))
    assert recorded.samples() == {"sent": 24, "rejected": 0, "undelivered": 0}
    query = f'{{p8s_logzio_name="{function.environment}"}}[1h]'
    stored = strict_prometheus.query(query, ahead_ms + 1)
    assert sum(len(series["values"]) for series in stored) == 24
