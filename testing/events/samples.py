"""The sample events, good and bad, by the stem of their file's name."""

import gzip
import json
from collections.abc import Callable, Sequence
from zlib import crc32

from testing.events import ingresses
from testing.events.dashboards import dashboard_points
from testing.events.firehose import ACCESS_KEY, delivery_body, headers
from testing.events.fleet import MINUTE_MS, Point, fleet
from testing.events.ingresses import Event
from testing.events.otlp import Format, messages, record

_INGRESSES: dict[str, Callable[..., Event]] = {
    "rest-v1": ingresses.rest_v1,
    "http-api-v2": ingresses.http_api_v2,
    "function-url": ingresses.function_url,
    "alb": ingresses.alb,
}


def good_events(end_ms: int) -> dict[str, Event]:
    """Return the events that are answered with 200.

    All but `demo-data` contain the data points of `fleet(end_ms)`.

    Args:
        end_ms: End of the newest period, in milliseconds since the epoch.

    Returns:
        The events by the stem of their file's name.
    """
    points = fleet(end_ms)
    first, second = _halves(points)
    made: dict[str, Event] = {}
    for format_ in Format:
        suffix = f"-otlp-{format_.value}"
        records = sample_records(points, format_)
        for ingress in _INGRESSES:
            made[ingress + suffix] = _event(ingress + suffix, records, end_ms, ingress=ingress)
        made["transformation" + suffix] = ingresses.transformation(records, _sent(end_ms))
        made["gzip" + suffix] = _event("gzip" + suffix, records, end_ms, gzipped=True)
        several = [*messages(first, format_), b"", *messages(second, format_)]
        made["multi-message" + suffix] = _event("multi-message" + suffix, [record(several)], end_ms)
    mixed = record([*messages(first, Format.V0_7), *messages(second, Format.V1_0)])
    made["mixed-formats"] = _event("mixed-formats", [mixed], end_ms)
    made["demo-data"] = _event("demo-data", _demo_records(), end_ms)
    return made


def bad_events(end_ms: int) -> dict[str, Event]:
    """Return the events that are answered with 400; see `good_events`."""
    points = fleet(end_ms)
    records = sample_records(points, Format.V1_0)
    truncated = [records[0], records[1][:-7]]
    # A REST API without binary media types treats a gzip body as text.
    destroyed = _event("destroyed-gzip", records, end_ms, ingress="rest-v1", gzipped=True)
    return {
        "missing-key": _event("missing-key", records, end_ms, access_key=None),
        "malformed-record": _event("malformed-record", truncated, end_ms),
        "json-format": _event("json-format", [_json_record(points[:10])], end_ms),
        "destroyed-gzip": destroyed,
    }


def dashboard_event(end_ms: int) -> Event:
    """Return an event with a data point of every series that `dashboards/` shows; good, too."""
    name = "dashboards-otlp-1.0"
    return _event(name, sample_records(dashboard_points(end_ms), Format.V1_0), end_ms)


def sample_records(points: Sequence[Point], format: Format) -> list[bytes]:  # noqa: A002
    """Split data points over records as a delivery does, one message in each record.

    Args:
        points: Data points of any accounts.
        format: The OpenTelemetry version to write.

    Returns:
        Raw records: for each half of the data points one record for each account in it.
    """
    return [record([message]) for half in _halves(points) for message in messages(half, format)]


def request_id(name: str) -> str:
    """Return Firehose's request id for a sample."""
    return f"00000000-0000-4000-8000-{crc32(name.encode()):012x}"


def _halves(points: Sequence[Point]) -> tuple[Sequence[Point], Sequence[Point]]:
    middle = len(points) // 2
    return points[:middle], points[middle:]


def _sent(end_ms: int) -> int:
    """Return when Firehose sends the delivery, in milliseconds since the epoch."""
    return end_ms + 2 * MINUTE_MS


def _event(
    name: str,
    records: Sequence[bytes],
    end_ms: int,
    *,
    ingress: str = "function-url",
    access_key: str | None = ACCESS_KEY,
    gzipped: bool = False,
) -> Event:
    """Send records through an ingress, possibly with Firehose's content encoding turned on."""
    body: str | bytes = delivery_body(records, request_id(name), _sent(end_ms))
    sent_headers = headers(request_id(name), access_key)
    if gzipped:
        body = gzip.compress(str(body).encode(), mtime=0)
        sent_headers["Content-Encoding"] = "gzip"
    base64 = gzipped and ingress != "rest-v1"
    return _INGRESSES[ingress](sent_headers, body, base64=base64, timestamp_ms=_sent(end_ms))


def _demo_records() -> list[bytes]:
    """Return the records of the Firehose console's button for demo data."""
    demo = (
        {"TICKER_SYMBOL": "AAA", "SECTOR": "ENERGY", "CHANGE": -0.75, "PRICE": 40.25},
        {"TICKER_SYMBOL": "BBB", "SECTOR": "RETAIL", "CHANGE": 1.5, "PRICE": 61.75},
        {"TICKER_SYMBOL": "CCC", "SECTOR": "HEALTHCARE", "CHANGE": 0.25, "PRICE": 12.5},
    )
    return [json.dumps(row).encode() for row in demo]


def _json_record(points: Sequence[Point]) -> bytes:
    """Write data points in the JSON format of metric streams, one object in each line."""
    lines = [
        {
            "metric_stream_name": "sample-stream",
            "account_id": point.account,
            "region": point.region,
            "namespace": point.namespace,
            "metric_name": point.metric_name,
            "dimensions": dict(point.dimensions),
            "timestamp": point.end_ms - point.period_ms,
            "value": {
                "max": point.maximum,
                "min": point.minimum,
                "sum": point.sum,
                "count": float(point.count),
            },
            "unit": point.unit,
        }
        for point in points
    ]
    return "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines).encode()
