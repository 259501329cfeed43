"""The way of a delivery through the function, whole and in stages, and the floor below it."""

import binascii
from dataclasses import dataclass
from typing import Any

import snappy
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from converters.bodies import Lanes
from converters.convert import Conversion, Converter, Profile
from converters.encoder import Encoder
from converters.points import DeliveryPoints
from converters.reader import read_points
from converters.records import decode_record, split_messages
from converters.series import SeriesCache, no_deadline
from handler.ingress import open_ingress
from tools.bench.clock import Stopwatch, Time

STAGES = ("parse", "decode", "convert", "encode", "compress")
_ENVIRONMENT_LABEL = "logzio-otlp-metrics-stream"


@dataclass(frozen=True, slots=True)
class Shape:
    """How large a delivery is.

    Attributes:
        points: Data points.
        samples: Samples that they became.
        series: Series of the samples.
        body_bytes: The body as Firehose posts it.
        sent_bytes: What is sent, before compression.
        compressed_bytes: What is sent.
    """

    points: int
    samples: int
    series: int
    body_bytes: int
    sent_bytes: int
    compressed_bytes: int


def run(event: Any, converter: Converter) -> Conversion:
    """Take an event from the ingress to compressed bodies, as the function does."""
    delivery = open_ingress(event).parse()
    return converter.convert(
        [(r.number, r.content) for r in delivery.records if r.content is not None],
        p8s_logzio_name=_ENVIRONMENT_LABEL,
        delivered_ms=delivery.delivered_ms,
    )


def new_converter() -> Converter:
    """Make a converter that knows no series yet."""
    return Converter(Profile())


class Stages:
    """The same way, taken one stage at a time, so that each can be timed.

    Attributes:
        bodies: What the last run made, before compression.
    """

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self._profile = Profile()
        self._cache = SeriesCache(
            keep_case=False,
            max_bytes=self._profile.cache_bytes,
            max_new_bytes=self._profile.limits.label_bytes,
        )

    def run(self, event: Any) -> dict[str, Time]:
        """Take an event the whole way, and give the time of each stage."""
        watches = {stage: Stopwatch() for stage in STAGES}
        with watches["parse"]:
            delivery = open_ingress(event).parse()
        self._cache.begin(no_deadline)
        most = self._profile.limits.points
        points = DeliveryPoints(most)
        for record in delivery.records:
            with watches["decode"]:
                messages = decode_record(record.content or b"")
            with watches["convert"]:
                found = read_points(
                    messages,
                    self._cache,
                    p8s_logzio_name=_ENVIRONMENT_LABEL,
                    native_histograms=False,
                    max_size=most,
                )
                del messages
                points.add(found)
        with watches["encode"]:
            lanes = Lanes(self._profile.max_bytes, compress=_unchanged)
            late_before = points.late_before(delivery.delivered_ms)
            encoder = Encoder(lanes, late_before, max_merged=most, check_deadline=no_deadline)
            encoder.write(points)
            self.bodies = [body.content for lane in lanes.finish() for body in lane]
        with watches["compress"]:
            for body in self.bodies:
                snappy.compress(body)
        return {stage: watch.time for stage, watch in watches.items()}


class Floor:
    """What cannot be had for less: base64, the stock classes' parse, snappy; no Python per point.

    Args:
        event: A delivery.
        bodies: What the function makes of it, before compression.
    """

    def __init__(self, event: Any, bodies: list[bytes]) -> None:
        delivery = open_ingress(event).parse()
        self._encoded = [
            binascii.b2a_base64(record.content or b"", newline=False).decode("ascii")
            for record in delivery.records
        ]
        self._messages = [
            message
            for record in delivery.records
            for message in split_messages(record.content or b"")
        ]
        self._bodies = bodies

    def run(self) -> int:
        """Do it once, and tell how many bytes the records have."""
        size = sum(len(binascii.a2b_base64(encoded)) for encoded in self._encoded)
        for message in self._messages:
            ExportMetricsServiceRequest.FromString(message)
        for body in self._bodies:
            snappy.compress(body)
        return size


def shape(event: Any) -> Shape:
    """Tell how large a delivery is, and make sure that the stages are the way of the function."""
    conversion = run(event, new_converter())
    stages = Stages()
    stages.run(event)
    bodies = [body for lane in conversion.lanes for body in lane]
    if [snappy.compress(body) for body in stages.bodies] != [body.content for body in bodies]:
        raise AssertionError("bench.pipeline.Stages no longer does what the function does")
    return Shape(
        points=conversion.data_points,
        samples=conversion.samples,
        series=conversion.series,
        body_bytes=len(event["body"]),
        sent_bytes=sum(body.size for body in bodies),
        compressed_bytes=sum(len(body.content) for body in bodies),
    )


def _unchanged(body: bytes) -> bytes:
    return body
