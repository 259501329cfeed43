"""From the decoded messages of one record to its data points."""

from __future__ import annotations

from typing import TYPE_CHECKING

from converters.checkpoint import checked
from converters.points import SUMMARY_BYTES, RecordPoints
from converters.summary import read_summary_point

if TYPE_CHECKING:
    from collections.abc import Iterable

    from converters.checkpoint import Checkpoint
    from converters.schema.otlp_view_pb2 import ExportMetricsServiceRequest, Metric
    from converters.series import MetricScope, SeriesCache

_MANY = 1000

# What the stock classes and the lists made of them take at most for each byte of a
# metric that is not a Summary.
_OTHER_BYTES_PER_BYTE = 100


def read_points(
    messages: Iterable[ExportMetricsServiceRequest],
    cache: SeriesCache,
    *,
    p8s_logzio_name: str,
    native_histograms: bool,
    checkpoint: Checkpoint,
) -> RecordPoints:
    """
    Return all data points of a record's messages.

    Args:
        messages: What `records.decode_record` returned.
        cache: Where the series of the points are remembered.
        p8s_logzio_name: The value of the label of that name; empty for none.
        native_histograms: Keep exponential histograms; otherwise they are dropped.
        checkpoint: Called now and then; what it raises ends the work.

    Raises:
        DecodeError: Something inside a message is not OTLP.
        TooLargeError: The points take more memory than the cache's meter allows.
    """
    meter = cache.meter
    record = RecordPoints(meter)
    unmetered = 0
    for message in messages:
        for resource_metrics in checked(message.resource_metrics, checkpoint):
            resource = cache.resource(b"".join(resource_metrics.resource), p8s_logzio_name)
            known = resource.metrics
            for scope_metrics in resource_metrics.scope_metrics:
                for metric in checked(scope_metrics.metrics, checkpoint):
                    name = metric.name
                    scope = known.get(name) or resource.metric(name)
                    points = metric.summary.data_points
                    if points:
                        # Hundreds of thousands of points fit one metric.
                        unmetered += len(points)
                        if unmetered > _MANY:
                            meter.keep(unmetered * SUMMARY_BYTES)
                            unmetered = 0
                        many = len(points) > _MANY
                        for raw in checked(points, checkpoint) if many else points:
                            read_summary_point(raw, scope, record)
                    else:
                        _read_other(metric, scope, record, native_histograms=native_histograms)
    meter.keep(unmetered * SUMMARY_BYTES)
    return record


def _read_other(
    metric: Metric, scope: MetricScope, record: RecordPoints, *, native_histograms: bool
) -> None:
    # The classes for all other types are needed by few; CloudWatch sends none.
    from converters.other_types import read_other_metric  # noqa: PLC0415

    # Fields that the view does not declare stay in the message, so its bytes
    # are those of the whole Metric.
    raw = metric.SerializeToString()
    record.meter.need(len(raw) * _OTHER_BYTES_PER_BYTE)
    read_other_metric(raw, scope, record, native_histograms=native_histograms)
