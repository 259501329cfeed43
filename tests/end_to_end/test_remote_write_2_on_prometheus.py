"""Remote write 2.0 on a real Prometheus: one of version 3 knows it, an older one does not."""

import time

import pytest

from handler.listener import MESSAGES
from testing.servers import Prometheus, loopback_session
from tests.support.invoking import delivery_of, point
from tests.support.recording import RecordingFunction

pytestmark = pytest.mark.real_server


def _knows_2_0(server: Prometheus) -> bool:
    with loopback_session() as session:
        build = session.get(f"{server.url}/api/v1/status/buildinfo", timeout=30).json()
    return not build["data"]["version"].startswith("2.")


def test_every_sample_is_settled(strict_prometheus: Prometheus) -> None:
    """All samples arrive; of a late one and a good one the good one does, whatever it knows."""
    now_ms = int(time.time() * 1000)
    settings = {"P8S_LOGZIO_NAME": "version-2", "REMOTE_WRITE_PROTOBUF_MESSAGE": MESSAGES[1]}
    function = RecordingFunction(strict_prometheus.write_url, settings)
    recorded = function.invoke(delivery_of([point("a", end_ms=now_ms)], sent_ms=now_ms))
    assert recorded.samples() == {"sent": 4, "rejected": 0, "undelivered": 0}
    # A server that does not know 2.0 has accepted the request, and stored nothing.
    assert recorded.delivery["requests"] == (1 if _knows_2_0(strict_prometheus) else 2)
    mixed = [point(host, end_ms=now_ms - 60_000) for host in ("a", "b")]
    recorded = function.invoke(delivery_of(mixed, sent_ms=now_ms))
    assert recorded.status == 200
    assert recorded.samples() == {"sent": 4, "rejected": 4, "undelivered": 0}
    assert recorded.delivery["samples_rejected_by_reason"] == {"superseded": 4}
    # Only 1.0 has to find out which one is late.
    assert recorded.delivery["requests"] == (1 if _knows_2_0(strict_prometheus) else 3)
    stored = strict_prometheus.stored(p8s_logzio_name="version-2")
    assert sorted({dict(labels)["host"] for labels in stored}) == ["a", "b"]
    assert sum(map(len, stored.values())) == 8
