"""The series that the dashboards of YACE's mixin show, and the labels that it filters them by."""

from typing import NamedTuple


class Shown(NamedTuple):
    """The series of one of its dashboards.

    Attributes:
        dimensions: Labels that a variable selects by, beside `job` and `region`.
        names: Metric names without `aws_<service>_`.
    """

    dimensions: tuple[str, ...]
    names: tuple[str, ...]


MIXIN = {
    "ec2": Shown(
        ("dimension_InstanceId",),
        (
            "cpuutilization_maximum",
            *(f"network_{way}_{it}" for way in ("in", "out") for it in ("average", "sum")),
            *(f"network_packets_{way}_sum" for way in ("in", "out")),
            *(f"disk_{way}_{it}_sum" for way in ("read", "write") for it in ("bytes", "ops")),
            *(f"status_check_failed{it}_sum" for it in ("", "_instance", "_system")),
        ),
    ),
    "ebs": Shown(
        ("dimension_VolumeId",),
        (
            "burst_balance_average",
            "volume_consumed_read_write_ops_average",
            "volume_idle_time_average",
            "volume_queue_length_average",
            "volume_throughput_percentage_average",
            *(f"volume_{way}_ops_average" for way in ("read", "write")),
            *(f"volume_total_{way}_time_average" for way in ("read", "write")),
            *(f"volume_{way}_bytes_sum" for way in ("read", "write")),
        ),
    ),
    "lambda": Shown(
        ("dimension_FunctionName", "dimension_Resource"),
        (
            *(f"{it}_sum" for it in ("invocations", "errors", "throttles")),
            *(f"duration_{it}" for it in ("minimum", "maximum", "p90")),
        ),
    ),
    "rds": Shown(
        ("dimension_DBInstanceIdentifier",),
        (
            *(f"cpuutilization_{it}" for it in ("average", "maximum")),
            *(f"database_connections_{it}" for it in ("average", "sum")),
            "freeable_memory_average",
            "free_storage_space_average",
            *(f"{way}_iops_average" for way in ("read", "write")),
            *(f"{way}_latency_maximum" for way in ("read", "write")),
            *(f"{way}_throughput_average" for way in ("read", "write")),
        ),
    ),
    "s3": Shown(
        ("dimension_BucketName",),
        (
            "bucket_size_bytes_average",
            "number_of_objects_average",
            "4xx_errors_sum",
            "total_request_latency_p95",
            "all_requests_sum",
        ),
    ),
}
"""By the service in the names."""
