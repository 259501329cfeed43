"""Cutting a body apart, to find out which of its data points a listener refuses.

The statistics of a data point have one timestamp and one history, so a listener that wants one of
them wants them all.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import snappy

from converters.bodies import Body
from converters.schema.remote_write_pb2 import TimeSeries, WriteRequest


class DataPoint(NamedTuple):
    """The samples of one data point.

    Attributes:
        content: A TimeSeries for each sample, each as field 1 of a WriteRequest.
        samples: How many there are.
    """

    content: bytes
    samples: int


def data_points(body: Body) -> list[list[DataPoint]]:
    """Return the data points of a body, period by period.

    Returns:
        For each period at most one point of a series; an earlier period has the earlier ones.
    """
    series = iter(WriteRequest.FromString(snappy.uncompress(body.content)).timeseries)
    periods: list[list[DataPoint]] = []
    for length in body.groups:
        by_time: dict[int, list[TimeSeries]] = {}
        for one in islice(series, length):
            for milliseconds, alone in _samples_of(one):
                by_time.setdefault(milliseconds, []).append(alone)
        for number, (_, samples) in enumerate(sorted(by_time.items())):
            if number == len(periods):
                periods.append([])
            content = WriteRequest(timeseries=samples).SerializeToString()
            periods[number].append(DataPoint(content, len(samples)))
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


def _samples_of(series: TimeSeries) -> Iterator[tuple[int, TimeSeries]]:
    """Yield each sample's or histogram's time, and a TimeSeries of it alone."""
    for sample in series.samples:
        yield sample.timestamp, TimeSeries(labels=series.labels, samples=[sample])
    for histogram in series.histograms:
        yield histogram.timestamp, TimeSeries(labels=series.labels, histograms=[histogram])
