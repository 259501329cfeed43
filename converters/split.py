"""Cutting a body apart, to find out which of its samples a listener refuses."""

from collections.abc import Iterable
from typing import NamedTuple

import snappy

from converters.bodies import Body
from converters.schema.remote_write_pb2 import TimeSeries, WriteRequest


class Halves(NamedTuple):
    """A body cut in two.

    Attributes:
        parts: The two bodies; the samples of one series stay in the order of time.
        one_series: Whether both hold the same series, so that the listener has to
            accept or refuse the first part before the second is sent.
    """

    parts: tuple[Body, Body]
    one_series: bool


def halve(body: Body) -> Halves | None:
    """Return the halves of a body; None where it holds a single sample."""
    if body.samples <= 1:
        return None
    series = _decode(body).timeseries
    if len(series) > 1:
        middle = len(series) // 2
        return Halves((_body(series[:middle]), _body(series[middle:])), one_series=False)
    return Halves(_halve_series(series[0]), one_series=True)


def cut_out_series(body: Body) -> tuple[list[Body], Body] | None:
    """Cut a series somewhere in the middle out of a body.

    Returns:
        What is left, in one or two bodies, and the body of that series; None
        where the body holds one series alone.
    """
    series = _decode(body).timeseries
    if len(series) < 2:
        return None
    # The golden section keeps out of step with what repeats: each point makes
    # the same few series.
    place = int(len(series) * 0.618)
    rest = [part for part in (series[:place], series[place + 1 :]) if part]
    return [_body(part) for part in rest], _body([series[place]])


def describe(body: Body) -> str:
    """Return the labels and the timestamp of a body's first sample, for a log line."""
    series = _decode(body).timeseries[0]
    labels = ", ".join(f'{label.name}="{label.value}"' for label in series.labels)
    times = [sample.timestamp for sample in series.samples]
    times += [histogram.timestamp for histogram in series.histograms]
    return f"{{{labels}}} at {times[0]} ms"


def _halve_series(series: TimeSeries) -> tuple[Body, Body]:
    first, second = TimeSeries(labels=series.labels), TimeSeries(labels=series.labels)
    for samples, before, behind in (
        (series.samples, first.samples, second.samples),
        (series.histograms, first.histograms, second.histograms),
    ):
        middle = len(samples) // 2
        before.extend(samples[:middle])  # type: ignore[arg-type]  # of one type in each row
        behind.extend(samples[middle:])  # type: ignore[arg-type]
    return _body([first]), _body([second])


def _decode(body: Body) -> WriteRequest:
    return WriteRequest.FromString(snappy.uncompress(body.content))


def _body(series: Iterable[TimeSeries]) -> Body:
    request = WriteRequest(timeseries=series)
    encoded = request.SerializeToString()
    samples = sum(len(one.samples) + len(one.histograms) for one in request.timeseries)
    return Body(snappy.compress(encoded), len(encoded), samples)
