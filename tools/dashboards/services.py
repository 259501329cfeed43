"""The dashboards: the panels of each service, in CloudWatch's words.

They include those of the mixin of YACE, whose users know them.
"""

from typing import NamedTuple

from tools.dashboards.panels import SHARE, Panel, Scope


class Service(NamedTuple):
    """One dashboard.

    Attributes:
        title: What AWS calls the service.
        namespace: CloudWatch's namespace.
        resource: What the resources are that a variable selects.
        panels: From left to right and line by line; the variable has the resources of the first.
        time: The time that is shown first.
        note: What a reader has to know beside what is true for all.
    """

    title: str
    namespace: str
    resource: str
    panels: tuple[Panel, ...]
    time: str = "now-6h"
    note: str = ""


_AVERAGE, _SUM, _MAXIMUM = ("Average",), ("Sum",), ("Maximum",)
_ALL = ("Minimum", "Average", "Maximum")

_INSTANCE = Scope(("InstanceId",))
_VOLUME = Scope(("VolumeId",))
_DATABASE = Scope(("DBInstanceIdentifier",))
# CloudWatch reports a function once more for each version and alias.
_FUNCTION = Scope(("FunctionName",), absent=("Resource",))
_ALL_FUNCTIONS = Scope((), absent=("FunctionName",))
_BALANCER = Scope(("LoadBalancer",), absent=("TargetGroup", "AvailabilityZone"))
_TARGETS = Scope(("LoadBalancer", "TargetGroup"), absent=("AvailabilityZone",))
_BUCKET = Scope(("BucketName", "StorageType"), daily=True)
_REQUESTS = Scope(("BucketName", "FilterId"))

SERVICES = {
    "ec2": Service(
        "EC2",
        "AWS/EC2",
        "Instance",
        (
            Panel("CPU utilization", "percent", _INSTANCE, "CPUUtilization", _AVERAGE),
            Panel("CPU utilization, maximum", "percent", _INSTANCE, "CPUUtilization", _MAXIMUM),
            Panel("Network in, average", "bytes", _INSTANCE, "NetworkIn", _AVERAGE),
            Panel("Network out, average", "bytes", _INSTANCE, "NetworkOut", _AVERAGE),
            Panel("Network in, per period", "bytes", _INSTANCE, "NetworkIn", _SUM),
            Panel("Network out, per period", "bytes", _INSTANCE, "NetworkOut", _SUM),
            Panel("Packets in, per period", "short", _INSTANCE, "NetworkPacketsIn", _SUM),
            Panel("Packets out, per period", "short", _INSTANCE, "NetworkPacketsOut", _SUM),
            Panel("Disk reads, per period", "short", _INSTANCE, "DiskReadOps", _SUM),
            Panel("Disk writes, per period", "short", _INSTANCE, "DiskWriteOps", _SUM),
            Panel("Disk reads, bytes per period", "bytes", _INSTANCE, "DiskReadBytes", _SUM),
            Panel("Disk writes, bytes per period", "bytes", _INSTANCE, "DiskWriteBytes", _SUM),
            Panel("Failed status checks", "short", _INSTANCE, "StatusCheckFailed", _SUM),
            Panel("Failed, instance", "short", _INSTANCE, "StatusCheckFailed_Instance", _SUM),
            Panel("Failed, system", "short", _INSTANCE, "StatusCheckFailed_System", _SUM),
        ),
        note="Disk metrics are those of instance store volumes; EBS has a dashboard of its own.",
    ),
    "ebs": Service(
        "EBS",
        "AWS/EBS",
        "Volume",
        (
            Panel("Reads, bytes per period", "bytes", _VOLUME, "VolumeReadBytes", _SUM),
            Panel("Writes, bytes per period", "bytes", _VOLUME, "VolumeWriteBytes", _SUM),
            Panel("Read operations", "short", _VOLUME, "VolumeReadOps", _AVERAGE),
            Panel("Write operations", "short", _VOLUME, "VolumeWriteOps", _AVERAGE),
            Panel("Idle time", "s", _VOLUME, "VolumeIdleTime", _AVERAGE),
            Panel("Queue length", "short", _VOLUME, "VolumeQueueLength", _AVERAGE),
            Panel("Time of a read", "s", _VOLUME, "VolumeTotalReadTime", _AVERAGE),
            Panel("Time of a write", "s", _VOLUME, "VolumeTotalWriteTime", _AVERAGE),
            Panel("Throughput", "percent", _VOLUME, "VolumeThroughputPercentage", _AVERAGE),
            Panel("Consumed operations", "short", _VOLUME, "VolumeConsumedReadWriteOps", _AVERAGE),
            Panel("Burst balance", "percent", _VOLUME, "BurstBalance", _AVERAGE),
        ),
        note="Throughput and consumed operations are reported for provisioned IOPS only.",
    ),
    "rds": Service(
        "RDS",
        "AWS/RDS",
        "Database instance",
        (
            Panel("CPU utilization", "percent", _DATABASE, "CPUUtilization", _AVERAGE),
            Panel("CPU utilization, maximum", "percent", _DATABASE, "CPUUtilization", _MAXIMUM),
            Panel("Connections", "short", _DATABASE, "DatabaseConnections", _AVERAGE),
            Panel("Connections, sum", "short", _DATABASE, "DatabaseConnections", _SUM),
            Panel("Free storage space", "bytes", _DATABASE, "FreeStorageSpace", _AVERAGE),
            Panel("Freeable memory", "bytes", _DATABASE, "FreeableMemory", _AVERAGE),
            Panel("Read operations", "iops", _DATABASE, "ReadIOPS", _AVERAGE),
            Panel("Write operations", "iops", _DATABASE, "WriteIOPS", _AVERAGE),
            Panel("Read throughput", "Bps", _DATABASE, "ReadThroughput", _AVERAGE),
            Panel("Write throughput", "Bps", _DATABASE, "WriteThroughput", _AVERAGE),
            Panel("Read latency, maximum", "s", _DATABASE, "ReadLatency", _MAXIMUM),
            Panel("Write latency, maximum", "s", _DATABASE, "WriteLatency", _MAXIMUM),
            Panel("Replica lag", "s", _DATABASE, "ReplicaLag", _MAXIMUM),
        ),
    ),
    "lambda": Service(
        "Lambda",
        "AWS/Lambda",
        "Function",
        (
            Panel("Invocations, per period", "short", _FUNCTION, "Invocations", _SUM),
            Panel("Errors, per period", "short", _FUNCTION, "Errors", _SUM),
            Panel(
                "Errors, of invocations", "percent", _FUNCTION, "Errors", (SHARE,), "Invocations"
            ),
            Panel("Throttles, per period", "short", _FUNCTION, "Throttles", _SUM),
            Panel("Duration", "ms", _FUNCTION, "Duration", _ALL),
            Panel("Duration, percentiles", "ms", _FUNCTION, "Duration", ("p50", "p90", "p99")),
            Panel(
                "Concurrent executions, all functions",
                "short",
                _ALL_FUNCTIONS,
                "ConcurrentExecutions",
                _MAXIMUM,
            ),
        ),
        note="The metric stream needs p50, p90 and p99 of Duration as additional statistics.",
    ),
    "alb": Service(
        "Application load balancers",
        "AWS/ApplicationELB",
        "Load balancer",
        (
            Panel("Processed, per period", "bytes", _BALANCER, "ProcessedBytes", _SUM),
            Panel("Active connections", "short", _BALANCER, "ActiveConnectionCount", _SUM),
            Panel("New connections", "short", _BALANCER, "NewConnectionCount", _SUM),
            Panel("5xx of the balancer", "short", _BALANCER, "HTTPCode_ELB_5XX_Count", _SUM),
            Panel("Requests, per period", "short", _TARGETS, "RequestCount", _SUM),
            Panel("2xx of targets", "short", _TARGETS, "HTTPCode_Target_2XX_Count", _SUM),
            Panel("5xx of targets", "short", _TARGETS, "HTTPCode_Target_5XX_Count", _SUM),
            Panel("Response time", "s", _TARGETS, "TargetResponseTime", _ALL),
            Panel(
                "Response time, percentiles",
                "s",
                _TARGETS,
                "TargetResponseTime",
                ("p50", "p90", "p99"),
            ),
            Panel("Healthy hosts, minimum", "short", _TARGETS, "HealthyHostCount", ("Minimum",)),
            Panel("Unhealthy hosts", "short", _TARGETS, "UnHealthyHostCount", _MAXIMUM),
        ),
        note=(
            "The metric stream needs p50, p90 and p99 of TargetResponseTime as additional"
            " statistics."
        ),
    ),
    "s3": Service(
        "S3",
        "AWS/S3",
        "Bucket",
        (
            Panel("Size", "bytes", _BUCKET, "BucketSizeBytes", _AVERAGE),
            Panel("Objects", "short", _BUCKET, "NumberOfObjects", _AVERAGE),
            Panel("Requests, per period", "short", _REQUESTS, "AllRequests", _SUM),
            Panel("4xx errors, per period", "short", _REQUESTS, "4xxErrors", _SUM),
            Panel("5xx errors, per period", "short", _REQUESTS, "5xxErrors", _SUM),
            Panel("Request latency", "ms", _REQUESTS, "TotalRequestLatency", ("Average", "p95")),
            Panel("First byte latency", "ms", _REQUESTS, "FirstByteLatency", ("Average", "p95")),
            Panel("Downloaded, per period", "bytes", _REQUESTS, "BytesDownloaded", _SUM),
        ),
        time="now-7d",
        note=(
            "Size and objects come once a day, one to two days late: their panels show the newest"
            " point of three days. The other panels need S3's request metrics, and p95 of"
            " TotalRequestLatency and FirstByteLatency as additional statistics."
        ),
    ),
}
"""The dashboards by the stem of their file's name."""
