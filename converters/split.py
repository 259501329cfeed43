"""Cutting a body apart, to find out which of its data points a listener refuses.

The statistics of a data point have one timestamp and one history, so a listener that wants one of
them wants them all.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple, Protocol

import snappy

from converters.bodies import Body
from converters.schema.remote_write_pb2 import TimeSeries, WriteRequest
from converters.wire import encode_time_series


class DataPoint(NamedTuple):
    """The samples of one data point.

    Attributes:
        series: For each sample the labels of its series, which all points of the series share, and
            the sample; both are encoded fields of a TimeSeries. In OTLP, whose points have one
            sample, the resource and the rest; both are encoded fields of a ResourceMetrics.
    """

    series: tuple[tuple[bytes, bytes], ...]

    @property
    def content(self) -> bytes:
        """A request with this data point alone.

        It has a TimeSeries for each sample, each as field 1 of a WriteRequest; in OTLP, a
        ResourceMetrics as field 1 of an ExportMetricsServiceRequest.
        """
        return b"".join(encode_time_series(labels, [sample]) for labels, sample in self.series)

    @property
    def samples(self) -> int:
        """How many samples there are."""
        return len(self.series)


class Bodies(Protocol):
    """What the sender and the replay ask about bodies; this module answers it for remote write."""

    def data_points(self, body: Body) -> list[list[DataPoint]]:
        """Return the data points of a body, period by period.

        Returns:
            For each period at most one point of a series; an earlier period has the earlier ones.
        """

    def body_of(self, points: Sequence[DataPoint]) -> Body:
        """Return a body of data points, none of them of the same series as another."""

    def describe(self, point: DataPoint) -> str:
        """Return what identifies a data point, for a log line."""

    def times(self, body: Body) -> Iterator[tuple[str, int]]:
        """Yield the namespace and the time of each sample, in ms since the epoch."""


def data_points(body: Body) -> list[list[DataPoint]]:
    """Return the data points of a body, period by period.

    Returns:
        For each period at most one point of a series; an earlier period has the earlier ones.
    """
    series = iter(WriteRequest.FromString(snappy.uncompress(body.content)).timeseries)
    periods: list[list[DataPoint]] = []
    for length in body.groups:
        by_time: dict[int, list[tuple[bytes, bytes]]] = {}
        for one in islice(series, length):
            labels = TimeSeries(labels=one.labels).SerializeToString()
            for milliseconds, sample in _samples_of(one):
                by_time.setdefault(milliseconds, []).append((labels, sample.SerializeToString()))
        for number, (_, samples) in enumerate(sorted(by_time.items())):
            if number == len(periods):
                periods.append([])
            periods[number].append(DataPoint(tuple(samples)))
    return periods


def body_of(points: Sequence[DataPoint]) -> Body:
    """Return a body of data points, none of them of the same series as another."""
    content = b"".join(point.content for point in points)
    return Body(snappy.compress(content), len(content), sum(point.samples for point in points))


def describe(point: DataPoint) -> str:
    """Return the labels and the timestamp of a data point's first sample, for a log line."""
    series = WriteRequest.FromString(point.content).timeseries[0]
    labels = ", ".join(f'{label.name}="{label.value}"' for label in series.labels)
    ((milliseconds, _),) = _samples_of(series)
    return f"{{{labels}}} at {milliseconds} ms"


def times(body: Body) -> Iterator[tuple[str, int]]:
    """Yield the namespace and the time of each sample, in ms since the epoch."""
    for series in WriteRequest.FromString(snappy.uncompress(body.content)).timeseries:
        namespace = next((label.value for label in series.labels if label.name == "namespace"), "")
        for milliseconds, _ in _samples_of(series):
            yield namespace, milliseconds


def _samples_of(series: TimeSeries) -> Iterator[tuple[int, TimeSeries]]:
    """Yield each sample's or histogram's time, and a TimeSeries of it without labels."""
    for sample in series.samples:
        yield sample.timestamp, TimeSeries(samples=[sample])
    for histogram in series.histograms:
        yield histogram.timestamp, TimeSeries(histograms=[histogram])
