"""What Prometheus remote write 1.0 requires of a sender, checked on what it sent.

The rules are those of https://prometheus.io/docs/specs/prw/remote_write_spec. Every function
returns all rules that are broken instead of the first one: a sender with two faults should not
need two runs to find them.
"""

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

import snappy
from google.protobuf.message import DecodeError

from converters.schema.remote_write_pb2 import Label, TimeSeries, WriteRequest

Labels = tuple[tuple[str, str], ...]
"""Name and value of each label of a series, in the order of the wire."""

Samples = dict[Labels, list[tuple[int, float]]]
"""Each series' samples, in order of arrival or of time: timestamp in milliseconds, value."""

# The stream identifier, the first chunk of the framed format. No block can begin with it: it
# would copy from before its own start.
SNAPPY_STREAM_START = b"\xff\x06\x00\x00sNaPpY"

_REQUIRED_HEADERS = {
    "content-type": "application/x-protobuf",
    "content-encoding": "snappy",
    "x-prometheus-remote-write-version": "0.1.0",
}
_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_METRIC_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")


class UnreadableBodyError(Exception):
    """A body is not a snappy block, or the block is not a WriteRequest."""


def labels_of(series: TimeSeries) -> Labels:
    """Return the labels of a series in the order of the wire."""
    return tuple((label.name, label.value) for label in series.labels)


def broken_by_headers(method: str, headers: Mapping[str, str]) -> list[str]:
    """Check method and headers.

    Args:
        method: HTTP method.
        headers: Header names in lower case to values.

    Returns:
        The broken rules.
    """
    broken = []
    if method != "POST":
        broken.append(f"the method must be POST, not {method}")
    for name, wanted in _REQUIRED_HEADERS.items():
        given = headers.get(name)
        if given != wanted:
            broken.append(f"the header {name} must be {wanted!r}, not {given!r}")
    broken += [
        f"the header {name} must be there"
        for name in ("user-agent", "content-length")
        if not headers.get(name)
    ]
    return broken


def decode(body: bytes) -> WriteRequest:
    """Decompress and decode a body.

    Args:
        body: A snappy block of an encoded WriteRequest.

    Raises:
        UnreadableBodyError: It is something else; the message says what it should be.
    """
    if body.startswith(SNAPPY_STREAM_START):
        raise UnreadableBodyError("the body must be a snappy block, not the framed snappy format")
    try:
        encoded = snappy.uncompress(body)
    except snappy.UncompressError as error:
        raise UnreadableBodyError("the body must be a snappy block") from error
    try:
        return WriteRequest.FromString(encoded)
    except DecodeError as error:
        raise UnreadableBodyError(f"the body must be an encoded WriteRequest: {error}") from error


def broken_by_request(request: WriteRequest, max_bytes: int | None = None) -> list[str]:
    """Check a decoded request.

    Args:
        request: What the body held.
        max_bytes: Largest size in bytes before compression; None: no limit.

    Returns:
        The broken rules, each with the series that breaks it.
    """
    broken = []
    size = request.ByteSize()
    if max_bytes is not None and size > max_bytes:
        broken.append(f"the request may have {max_bytes} bytes before compression, not {size}")
    if not request.timeseries and not request.metadata:
        broken.append("the request must hold a series or metadata")
    broken += [
        f"metadata must have a type and a name, not {family}"
        for family in request.metadata
        if not family.type or not _METRIC_NAME.fullmatch(family.metric_family_name)
    ]
    for series in request.timeseries:
        own = list(_broken_by_labels(series.labels))
        if not series.samples and not series.histograms:
            own.append("a series must hold a sample or a histogram")
        broken += [f"{rule}, in {_series_text(labels_of(series))}" for rule in own]
    broken += _broken_by_order(request)
    return broken


def _broken_by_labels(labels: Sequence[Label]) -> Iterator[str]:
    """Yield the rules that the labels of one series break."""
    names = [label.name.encode() for label in labels]
    if names != sorted(names):
        yield "labels must be sorted by the bytes of their names"
    if len(set(names)) < len(names):
        yield "label names must not be repeated"
    if "__name__" not in (label.name for label in labels):
        yield "the label __name__ must be there"
    for label in labels:
        if not label.name:
            yield "a label name must not be empty"
        elif not _LABEL_NAME.fullmatch(label.name):
            yield f"a label name must consist of [a-zA-Z0-9_], not {label.name!r}"
        if not label.value:
            yield f"a label value must not be empty, as {label.name!r}"
        elif label.name == "__name__" and not _METRIC_NAME.fullmatch(label.value):
            yield f"a metric name must consist of [a-zA-Z0-9_:], not {label.value!r}"


def _broken_by_order(request: WriteRequest) -> list[str]:
    """Check the time order of each series, also where it appears more than once."""
    samples: dict[Labels, list[int]] = {}
    histograms: dict[Labels, list[int]] = {}
    for series in request.timeseries:
        labels = tuple(sorted(labels_of(series)))
        samples.setdefault(labels, []).extend(sample.timestamp for sample in series.samples)
        histograms.setdefault(labels, []).extend(item.timestamp for item in series.histograms)
    return [
        f"{what} of a series must have ascending timestamps, in {_series_text(labels)}"
        for what, times in (("samples", samples), ("histograms", histograms))
        for labels, timestamps in times.items()
        if any(earlier >= later for earlier, later in itertools.pairwise(timestamps))
    ]


def _series_text(labels: Iterable[tuple[str, str]]) -> str:
    """Write a series as Prometheus does, but with `__name__` among the other labels."""
    return "{" + ", ".join(f"{name}={value!r}" for name, value in labels) + "}"
