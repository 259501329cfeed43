"""Converting in tests, and reading what came out as any receiver would."""

import struct
from collections.abc import Iterable, Iterator
from typing import Any

import snappy

from converters.bodies import Body
from converters.convert import Conversion, Converter, Options
from converters.schema.remote_write_pb2 import TimeSeries, WriteRequest
from testing.events.fleet import END_MS
from testing.rules import Labels, Samples, broken_by_request, labels_of

DELIVERED_MS = END_MS + 120_000
ENVIRONMENT = "logzio-otlp-metrics-stream"


def convert(
    *records: bytes,
    converter: Converter | None = None,
    delivered_ms: int | None = DELIVERED_MS,
    p8s_logzio_name: str = ENVIRONMENT,
    **options: Any,
) -> Conversion:
    """Convert records, with a fresh converter unless one is given, and check the bodies' sizes."""
    used = converter or Converter(Options(**options))
    conversion = used.convert(
        enumerate(records), p8s_logzio_name=p8s_logzio_name, delivered_ms=delivered_ms
    )
    for lane in conversion.lanes:
        for body in lane:
            request = decoded(body)
            assert len(snappy.uncompress(body.content)) == body.size
            assert sum(len(s.samples) + len(s.histograms) for s in request.timeseries) == (
                body.samples
            )
    return conversion


def decoded(body: Body) -> WriteRequest:
    """Return a body as a receiver decodes it."""
    return WriteRequest.FromString(snappy.uncompress(body.content))


def contents(conversion: Conversion) -> list[list[bytes]]:
    """Return the bytes of all bodies, lane by lane."""
    return [[body.content for body in lane] for lane in conversion.lanes]


def time_series(conversion: Conversion) -> Iterator[TimeSeries]:
    """Iterate over all time series of all bodies."""
    for lane in conversion.lanes:
        for body in lane:
            yield from decoded(body).timeseries


def samples_of(conversion: Conversion) -> Samples:
    """Return all samples by series, in the order in which they are sent."""
    found: Samples = {}
    for series in time_series(conversion):
        samples = found.setdefault(labels_of(series), [])
        samples += [(sample.timestamp, sample.value) for sample in series.samples]
    return {labels: samples for labels, samples in found.items() if samples}


def bits_of(conversion: Conversion) -> dict[Labels, list[tuple[int, str]]]:
    """Return the same with each value as the hex digits of its double, so that NaN has equals."""
    return {
        labels: [(time, bits(value)) for time, value in samples]
        for labels, samples in samples_of(conversion).items()
    }


def bits(value: float) -> str:
    """Return a double as hex digits."""
    return struct.pack(">d", value).hex()


def by_name(conversion: Conversion) -> dict[str, float]:
    """Return the only value of each metric name; a quantile's as `name{0.99}`."""
    found = {}
    for labels, samples in samples_of(conversion).items():
        ((_, value),) = samples
        named = dict(labels)
        own = named.get("quantile", named.get("le"))
        name = named["__name__"] + (f"{{{own}}}" if own is not None else "")
        assert name not in found
        found[name] = value
    return found


def series_text(labels: Iterable[tuple[str, str]]) -> str:
    """Write labels as Prometheus does: `name{label="value"}`."""
    rest = ", ".join(f'{name}="{value}"' for name, value in labels if name != "__name__")
    return dict(labels)["__name__"] + "{" + rest + "}"


def assert_sound(conversion: Conversion) -> None:
    """Require what remote write demands of every body, and that the account adds up."""
    lanes_of: dict[Labels, set[int]] = {}
    last: dict[Labels, int] = {}
    sent = 0
    for index, lane in enumerate(conversion.lanes):
        for body in lane:
            sent += body.samples
            request = decoded(body)
            assert not broken_by_request(request)
            in_body = [labels_of(series) for series in request.timeseries]
            assert len(set(in_body)) == len(in_body)
            for labels, series in zip(in_body, request.timeseries, strict=True):
                # What is ahead of the delivery goes out when all the rest is settled.
                lanes_of.setdefault(labels, set()).add(0 if body.ahead else index + 1)
                times = [sample.timestamp for sample in series.samples]
                times += [histogram.timestamp for histogram in series.histograms]
                for time in times:
                    assert last.get(labels, -1) < time
                    last[labels] = time
    assert all(len(lanes - {0}) <= 1 for lanes in lanes_of.values())
    assert len(lanes_of) == conversion.series
    assert conversion.samples == sent + sum(conversion.dropped_samples.values())
    assert sum(conversion.dropped_points.values()) <= conversion.data_points
