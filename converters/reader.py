"""From the decoded messages of one record to its data points."""

from __future__ import annotations

from typing import TYPE_CHECKING

from converters.other_types import read_other_metric
from converters.points import RecordPoints
from converters.summary import read_summary_point

if TYPE_CHECKING:
    from collections.abc import Iterable

    from converters.schema.otlp_view_pb2 import ExportMetricsServiceRequest
    from converters.series import SeriesCache


def read_points(
    messages: Iterable[ExportMetricsServiceRequest],
    cache: SeriesCache,
    *,
    p8s_logzio_name: str,
    native_histograms: bool,
    max_size: int,
) -> RecordPoints:
    """Return all data points of a record's messages.

    Args:
        messages: What `records.decoded_messages` yields.
        cache: Where the series of the points are remembered.
        p8s_logzio_name: The value of the label of that name; empty for none.
        native_histograms: Keep exponential histograms; otherwise they are dropped.
        max_size: What `RecordPoints.size` may be.

    Raises:
        RecordError: A message cannot be decoded, or the points are too many.
    """
    record = RecordPoints(max_size)
    for message in messages:
        cache.check_deadline()
        for resource_metrics in message.resource_metrics:
            resource = cache.resource(b"".join(resource_metrics.resource), p8s_logzio_name)
            known = resource.metrics
            for scope_metrics in resource_metrics.scope_metrics:
                for metric in scope_metrics.metrics:
                    name = metric.name
                    scope = known.get(name) or resource.metric(name)
                    points = metric.summary.data_points
                    if points:
                        for raw in points:
                            read_summary_point(raw, scope, record)
                    else:
                        # Fields that the view does not declare stay in the message, so
                        # its bytes are those of the whole Metric.
                        raw = metric.SerializeToString()
                        read_other_metric(raw, scope, record, native_histograms=native_histograms)
    return record
