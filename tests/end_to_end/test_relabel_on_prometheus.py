"""A real Prometheus makes of labels what the cases of `converters.relabel` expect.

One Prometheus has a `remote_write` for each case. A rule before those of the case keeps its series
only; a rule behind them says whose result a series is.
"""

import re
import textwrap
import time
from pathlib import Path

import pytest
import snappy

from converters.schema.remote_write_pb2 import Label, Sample, TimeSeries, WriteRequest
from testing.receiver import Receiver
from testing.servers import Prometheus, loopback_session
from tests.support.relabel_cases import CASES, Labels, labels_in

pytestmark = pytest.mark.real_server

# A list in brackets cannot go between other rules.
KNOWN = [case for case in CASES if case.old and case.rules.startswith("-")]

REMOTE_WRITE = """
- url: {url}
  name: case-{number}
  queue_config: {{max_shards: 1, batch_send_deadline: 50ms}}
  metadata_config: {{send: false}}
  write_relabel_configs:
  - {{source_labels: [case], regex: {number}, action: keep}}
  - {{regex: case, action: labeldrop}}
{rules}
  - {{target_label: result_of, replacement: {number}}}
"""

HEADERS = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}


def configuration(url: str) -> str:
    """Return the part of Prometheus' configuration that has the cases."""
    parts = [
        REMOTE_WRITE.format(url=url, number=number, rules=textwrap.indent(case.rules.strip(), "  "))
        for number, case in enumerate(KNOWN)
    ]
    return "remote_write:" + "".join(parts)


def body() -> bytes:
    """Return a remote-write body with a series for each case."""
    request = WriteRequest()
    # A queue sends only what is newer than itself, and the server is ready before its queues.
    timestamp = int(time.time() * 1000) + 60_000
    for number, case in enumerate(KNOWN):
        labels = sorted({**labels_in(case.labels), "case": str(number)}.items())
        series = TimeSeries(labels=[Label(name=name, value=value) for name, value in labels])
        series.samples.append(Sample(value=1, timestamp=timestamp))
        request.timeseries.append(series)
    return bytes(snappy.compress(request.SerializeToString()))


def test_cases_on_prometheus(tmp_path: Path) -> None:
    """Every case is what Prometheus does, but for those that say that 2.42 differs."""
    with (
        Receiver() as receiver,
        Prometheus(tmp_path, more=configuration(receiver.url)) as server,
        loopback_session() as session,
    ):
        assert session.post(server.write_url, data=body(), headers=HEADERS, timeout=60).ok
        # Each queue sends or drops each series.
        until = time.monotonic() + 120
        while handled(session.get(f"{server.url}/metrics", timeout=60).text) < len(KNOWN) ** 2:
            assert time.monotonic() < until
            time.sleep(0.1)
        results: dict[int, Labels] = {}
        for received in receiver.requests:
            for encoded in received.request.timeseries:
                labels = {label.name: label.value for label in encoded.labels}
                results[int(labels.pop("result_of"))] = labels
    expected = {
        number: labels_in(case.result)
        for number, case in enumerate(KNOWN)
        if case.result is not None
    }
    assert {KNOWN[it].what: labels for it, labels in results.items()} == {
        KNOWN[it].what: labels for it, labels in expected.items()
    }


def handled(metrics: str) -> int:
    """Return how many samples all queues together have dropped, or sent with an answer."""
    pattern = r"^prometheus_remote_storage_samples_(total|dropped_total|pending)\{.*\} (\S+)$"
    found = re.findall(pattern, metrics, re.MULTILINE)
    return sum(int(float(it)) * (-1 if name == "pending" else 1) for name, it in found)
