"""Functions that send to an OTLP endpoint, and what has to arrive at one."""

from collections import Counter
from collections.abc import Iterable

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from testing.events.fleet import Point
from testing.events.otlp import Format, messages
from testing.otlp_receiver import OtlpReceiver, ReceivedPoint, points_in
from tests.support.recording import RecordingFunction


def otlp_settings(url: str, **changed: str) -> dict[str, str]:
    """Return the variables of a function that sends to an OTLP endpoint."""
    return {
        "LISTENER_TIMEOUT_SECONDS": "",
        "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": url,
        "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT": "30000",
        **changed,
    }


def otlp_function(receiver: OtlpReceiver, **changed: str) -> RecordingFunction:
    """Return a function that sends to an OTLP endpoint; `changed` are further variables."""
    return RecordingFunction("", otlp_settings(receiver.url, **changed))


def in_1_0(points: Iterable[Point]) -> Counter[ReceivedPoint]:
    """Return points as CloudWatch's format 1.0 has them."""
    return received(messages(points, Format.V1_0))


def received(several: Iterable[bytes]) -> Counter[ReceivedPoint]:
    """Return the points of messages as a receiver sees them."""
    requests = map(ExportMetricsServiceRequest.FromString, several)
    return Counter(point for request in requests for point in points_in(request))


def flattened(points: Counter[ReceivedPoint]) -> Counter[ReceivedPoint]:
    """Return points with the members of their maps as attributes, by another way than converters'.

    A dimension with the name of another attribute has a prefix.
    """
    found: Counter[ReceivedPoint] = Counter()
    for point, number in points.items():
        own = dict(point.attributes)
        members = own.get("Dimensions")
        if isinstance(members, tuple):
            del own["Dimensions"]
            for key, value in members:
                name = key
                while name in own:
                    name = f"dimension_{name}"
                own[name] = value
        found[point._replace(attributes=frozenset(own.items()))] += number
    return found
