"""An OTLP endpoint over HTTP, written from the specification, for tests.

It decodes each request with the stock classes, checks its headers ("OTLP/HTTP Request"), keeps it,
and replies as the caller decides. It counts what it has accepted; a partial success stores the
first points of a request.
"""

import gzip
import threading
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsPartialSuccess,
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from testing.http_server import LOOPBACK, HttpServer, Reply, Request

PROTOBUF = "application/x-protobuf"

Value = str | tuple[tuple[str, "Value"], ...]
"""An attribute's value as text; of a map its sorted members."""

Attributes = frozenset[tuple[str, Value]]


class ReceivedPoint(NamedTuple):
    """A data point as any receiver sees it.

    Attributes:
        resource: The attributes of its resource.
        metric: The metric's name and unit, and its kind of data.
        attributes: Its own attributes.
        time_ns: Its time, in ns since the epoch.
        values: Everything else in it, encoded.
    """

    resource: Attributes
    metric: tuple[str, str, str]
    attributes: Attributes
    time_ns: int
    values: bytes


class OtlpRequest(NamedTuple):
    """One request.

    Attributes:
        http: The request as it came.
        request: The decoded body; empty where it could not be decoded.
        points: How many data points it has.
    """

    http: Request
    request: ExportMetricsServiceRequest
    points: int


ReplyFunction = Callable[[OtlpRequest], Reply]
"""Decides about a request that breaks no rule."""


def success(rejected: int = 0, message: str = "") -> Reply:
    """Return a reply of 200: a partial success if points are rejected, or with a warning."""
    partial = ExportMetricsPartialSuccess(rejected_data_points=rejected, error_message=message)
    found = partial if rejected or message else None
    response = ExportMetricsServiceResponse(partial_success=found)
    return Reply(200, {"Content-Type": PROTOBUF}, response.SerializeToString())


def failure(status: int, message: str, **headers: str) -> Reply:
    """Return a failure with a google.rpc.Status, whose message is field 2."""
    # {int32 code = 1, string message = 2}: this class has the same wire format.
    body = ExportMetricsPartialSuccess(rejected_data_points=3, error_message=message)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, {"Content-Type": PROTOBUF, **named}, body.SerializeToString())


class OtlpReceiver(HttpServer):
    """The endpoint, listening from its construction until `close` or the end of `with`.

    A request that breaks a rule is answered with 400 and the rule, whatever `reply` would return.

    Args:
        reply: Decides about each other request; default: everything is accepted.

    Attributes:
        url: Where to send.
        requests: All requests that were read, in the order of arrival.
        accepted: The requests that were answered with 200, in that order.
        violations: The broken rules.
    """

    def __init__(self, reply: ReplyFunction = lambda _request: success()) -> None:
        self._reply = reply
        self._lock = threading.Lock()
        self.requests: list[OtlpRequest] = []
        self.accepted: list[OtlpRequest] = []
        self.violations: list[str] = []
        super().__init__()
        self.url = f"http://{LOOPBACK}:{self.port}/v1/metrics"

    def respond(self, request: Request) -> Reply:
        """Decode and check a request, and decide about it."""
        decoded, broken = ExportMetricsServiceRequest(), _broken_by_headers(request)
        try:
            body = request.body
            if request.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            decoded = ExportMetricsServiceRequest.FromString(body)
        except (DecodeError, OSError, EOFError, zlib.error) as error:
            broken.append(str(error))
        points = list(points_in(decoded))
        if any(len(dict(point.attributes)) < len(point.attributes) for point in points):
            broken.append("the keys of attributes must be unique")
        received = OtlpRequest(request, decoded, len(points))
        with self._lock:
            self.requests.append(received)
            self.violations += broken
        if broken:
            return failure(400, "; ".join(broken))
        reply = self._reply(received)
        if 200 <= reply.status < 300:
            with self._lock:
                self.accepted.append(received)
        return reply

    def points(self) -> Counter[ReceivedPoint]:
        """Return the data points of all requests that were accepted."""
        return Counter(point for it in self.accepted for point in points_in(it.request))


def points_in(request: ExportMetricsServiceRequest) -> Iterator[ReceivedPoint]:
    """Yield each data point of a request."""
    for resource in request.resource_metrics:
        of_resource = _pairs(resource.resource.attributes)
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                kind = metric.WhichOneof("data")
                for point in getattr(metric, kind).data_points if kind else ():
                    values = type(point)()
                    values.CopyFrom(point)
                    values.ClearField("attributes")
                    yield ReceivedPoint(
                        of_resource,
                        (metric.name, metric.unit, kind or ""),
                        _pairs(point.attributes),
                        point.time_unix_nano,
                        values.SerializeToString(),
                    )


def _pairs(attributes: Iterable[KeyValue]) -> Attributes:
    return frozenset((attribute.key, _value(attribute.value)) for attribute in attributes)


def _value(value: AnyValue) -> Value:
    if value.HasField("string_value"):
        return value.string_value
    if value.HasField("kvlist_value"):
        members = value.kvlist_value.values
        return tuple(sorted((member.key, _value(member.value)) for member in members))
    return str(value)


def _broken_by_headers(request: Request) -> list[str]:
    headers = request.headers
    broken = [] if request.method == "POST" else [f"the method must be POST, not {request.method}"]
    if headers.get("content-type") != PROTOBUF:
        broken.append(f"Content-Type must be {PROTOBUF}, not {headers.get('content-type')}")
    if headers.get("content-encoding", "gzip") != "gzip":
        broken.append(f"Content-Encoding must be gzip, not {headers['content-encoding']}")
    broken += [
        f"{name} is of remote write"
        for name in headers
        if name.startswith("x-prometheus-remote-write")
    ]
    return broken
