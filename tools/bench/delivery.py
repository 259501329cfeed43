"""The work on one delivery: the function's, and the least that any function would need."""

import binascii
import functools
import gc
import time
from collections.abc import Callable, Sequence
from typing import Any

import snappy
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from converters.convert import Conversion, Converter
from converters.otlp.convert import OtlpConverter
from converters.records import split_messages
from handler.ingress import open_ingress
from handler.listener import MESSAGES
from handler.messages import KnownListeners, Message, Messages
from testing.events.large import large_delivery

P8S_LOGZIO_NAME = "logzio-otlp-metrics-stream"


generated = functools.cache(large_delivery)
"""Returns a delivery of a size; each minute has the same series with other values."""


def convert(event: Any, converter: Converter | OtlpConverter) -> Conversion:
    """Turn an event into compressed bodies, as the function does; nothing is sent."""
    delivery = open_ingress(event).parse()
    return converter.convert(
        [(r.number, r.content) for r in delivery.records if r.content is not None],
        p8s_logzio_name=P8S_LOGZIO_NAME,
        delivered_ms=delivery.delivered_ms,
    )


def write_as_2_0(conversion: Conversion) -> int:
    """Write all bodies as remote write 2.0, and return their compressed bytes."""
    bodies = [body for lane in conversion.lanes for body in lane]
    message = Message(MESSAGES[1], max_bytes=1_000_000)
    messages = Messages(message, "", conversion.families, KnownListeners())
    return sum(len(messages.encode(body).content) for body in bodies)


class Floor:
    """What no Python code can undercut: base64, the parse by the stock classes, snappy.

    Nothing in it is done for each data point by Python code.

    Args:
        event: A delivery.
        requests: What the function makes of it, before compression.
    """

    def __init__(self, event: Any, requests: Sequence[bytes]) -> None:
        contents = [r.content or b"" for r in open_ingress(event).parse().records]
        self._encoded = [binascii.b2a_base64(c, newline=False).decode("ascii") for c in contents]
        self._messages = [message for c in contents for message in split_messages(c)]
        self._requests = requests

    def run(self) -> int:
        """Do it once; return the size of the records in bytes."""
        size = sum(len(binascii.a2b_base64(encoded)) for encoded in self._encoded)
        for message in self._messages:
            ExportMetricsServiceRequest.FromString(message)
        for request in self._requests:
            snappy.compress(request)
        return size


def cpu_seconds(work: Callable[[], object]) -> float:
    """Return the CPU time of a call, which other processes do not add to."""
    gc.collect()
    begun = time.process_time()
    work()
    return time.process_time() - begun
