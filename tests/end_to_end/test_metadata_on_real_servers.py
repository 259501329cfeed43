"""Metadata sent to real servers of remote write 1.0, which must not take it amiss."""

import time

import pytest

from testing.servers import Prometheus
from tests.support.invoking import delivery_of, point
from tests.support.recording import RecordingFunction
from tests.support.victoria_metrics import VictoriaMetrics

pytestmark = pytest.mark.real_server


def test_metadata_is_accepted(strict_prometheus: Prometheus, victoria: VictoriaMetrics) -> None:
    """Prometheus and VictoriaMetrics accept a request with metadata alone, and all samples."""
    now_ms = int(time.time() * 1000)
    for server in (strict_prometheus, victoria):
        settings = {"NAMING_PROFILE": "yace", "P8S_LOGZIO_NAME": "metadata"}
        function = RecordingFunction(server.write_url, settings)
        recorded = function.invoke(delivery_of([point(end_ms=now_ms)], sent_ms=now_ms))
        assert recorded.samples() == {"sent": 5, "rejected": 0, "undelivered": 0}
        assert recorded.logged("the listener did not accept metadata") == []
