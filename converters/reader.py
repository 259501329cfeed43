"""From one record to its data points."""

from converters.cache import SeriesCache
from converters.other_types import read_other_metric
from converters.points import RecordPoints
from converters.records import decoded_messages, require_record_size
from converters.summary import read_summary_point


def read_record(
    content: bytes,
    cache: SeriesCache,
    *,
    p8s_logzio_name: str,
    native_histograms: bool,
    size_before: int,
    max_size: int,
) -> RecordPoints:
    """Return all data points of a record.

    Args:
        content: The record's bytes.
        cache: Where the series of the points are remembered.
        p8s_logzio_name: The value of the label of that name; empty for none.
        native_histograms: Keep exponential histograms; otherwise they are dropped.
        size_before: What the `size` of the delivery's records before this one add up to.
        max_size: What all sizes may add up to.

    Raises:
        RecordError: The record cannot be decoded or is too large; nothing of it counts.
    """
    require_record_size(content)
    record = RecordPoints(size_before, max_size)
    for message in decoded_messages(content):
        cache.check_deadline()
        for resource_metrics in message.resource_metrics:
            resource = cache.resource(b"".join(resource_metrics.resource), p8s_logzio_name)
            known = resource.metrics
            for scope_metrics in resource_metrics.scope_metrics:
                for metric in scope_metrics.metrics:
                    named = metric.name, metric.unit
                    scope = known.get(named) or resource.metric(*named)
                    points = metric.summary.data_points
                    if points:
                        for raw in points:
                            read_summary_point(raw, scope, record)
                    else:
                        # Fields that the view does not declare stay in the message, so
                        # its bytes are those of the Metric, with one kind of data alone.
                        raw = metric.SerializeToString()
                        read_other_metric(raw, scope, record, native_histograms=native_histograms)
    return record
