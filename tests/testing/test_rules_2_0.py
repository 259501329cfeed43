"""The checks of remote write 2.0 find each broken rule."""

from collections.abc import Callable

import pytest
import snappy

from converters.schema.remote_write_v2_pb2 import Histogram, Request, Sample, TimeSeries
from testing.http_server import Reply
from testing.receiver import Receiver
from testing.rules import UnreadableBodyError
from testing.rules_2_0 import as_1_0, broken_by_headers, broken_by_request, decode, metadata_of
from testing.servers import loopback_session

_HEADERS = {
    "content-type": "application/x-protobuf;proto=io.prometheus.write.v2.Request",
    "content-encoding": "snappy",
    "x-prometheus-remote-write-version": "2.0.0",
    "user-agent": "test",
    "content-length": "9",
}


def _sound() -> Request:
    return Request(
        symbols=["", "__name__", "cpu", "host", "a", "Help.", "s"],
        timeseries=[
            TimeSeries(
                labels_refs=[1, 2, 3, 4],
                samples=[Sample(value=1.0, timestamp=5)],
                metadata={"type": 2, "help_ref": 5, "unit_ref": 6},
            )
        ],
    )


def test_sound_request() -> None:
    """A request that breaks no rule is read with its labels, sample and metadata."""
    request = _sound()
    assert broken_by_headers("POST", _HEADERS) == []
    assert broken_by_request(request, request.ByteSize()) == []
    assert metadata_of(request) == {"cpu": (2, "Help.", "s")}
    (series,) = as_1_0(request).timeseries
    assert [(label.name, label.value) for label in series.labels] == [
        ("__name__", "cpu"),
        ("host", "a"),
    ]
    assert decode(snappy.compress(request.SerializeToString())) == request


def _series(request: Request) -> TimeSeries:
    return request.timeseries[0]


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (lambda r: r.symbols.__setitem__(0, "x"), "the first symbol must be empty"),
        (lambda r: r.symbols.append("cpu"), "symbols must not be repeated"),
        (lambda r: _series(r).labels_refs.append(1), "must be even"),
        (lambda r: _series(r).labels_refs.extend([3, 7]), "must point to a symbol"),
        (lambda r: setattr(_series(r).metadata, "help_ref", 7), "must point to a symbol"),
        (lambda r: setattr(_series(r).metadata, "unit_ref", 7), "must point to a symbol"),
        (lambda r: setattr(_series(r).metadata, "type", 0), "the type of a series must be there"),
        (lambda r: _series(r).histograms.append(Histogram(timestamp=9)), "must not hold both"),
        (lambda r: _series(r).ClearField("samples"), "must hold a sample or a histogram"),
        (lambda r: _series(r).labels_refs.__setitem__(slice(4), [3, 4, 1, 2]), "must be sorted"),
        (lambda r: _series(r).labels_refs.extend([3, 4]), "must not be repeated"),
        (lambda r: _series(r).labels_refs.__setitem__(3, 0), "must not be empty"),
        (lambda r: _series(r).samples.append(Sample(timestamp=4)), "ascending"),
    ],
)
def test_broken_rule(change: Callable[[Request], object], rule: str) -> None:
    """Each rule is named by the check of a request that breaks it."""
    request = _sound()
    change(request)
    assert any(rule in broken for broken in broken_by_request(request))


def test_size() -> None:
    """A request above the limit is named."""
    assert "may have 10 bytes" in broken_by_request(_sound(), 10)[0]


@pytest.mark.parametrize("name", ["x-prometheus-remote-write-version", "content-encoding"])
def test_broken_header(name: str) -> None:
    """Each header that is wrong is named."""
    (broken,) = broken_by_headers("POST", {**_HEADERS, name: "0.1.0"})
    assert name in broken


@pytest.mark.parametrize("body", [b"\xff", snappy.compress(b"\xff")])
def test_unreadable_body(body: bytes) -> None:
    """A body that is no snappy block, or no Request, cannot be read."""
    with pytest.raises(UnreadableBodyError):
        decode(body)


@pytest.mark.parametrize("to_2_0", [None, Reply(415), Reply(204)])
def test_receiver(to_2_0: Reply | None) -> None:
    """A receiver of 2.0 says what it has written; one of 1.0 replies as it is asked to."""
    body = snappy.compress(_sound().SerializeToString())
    with Receiver(to_2_0=to_2_0) as receiver, loopback_session() as session:
        response = session.post(
            receiver.url, data=body, headers={**_HEADERS, "content-length": str(len(body))}
        )
        written = response.headers.get("X-Prometheus-Remote-Write-Samples-Written")
        assert receiver.violations == []
        (received,) = receiver.requests
    assert response.status_code == (204 if to_2_0 is None else to_2_0.status)
    assert written == ("1" if to_2_0 is None else None)
    assert len(received.request.timeseries) == (to_2_0 is None)
