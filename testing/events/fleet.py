"""A small fleet of AWS resources in two accounts, as CloudWatch would report one delivery of it."""

from collections.abc import Iterable
from dataclasses import dataclass

END_MS = 1_793_491_200_000
"""The end of the newest period in the samples of the tree: 2026-11-01T00:00:00Z, in ms."""

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
DAILY_LATE_MS = 26 * HOUR_MS

MONITORING_ACCOUNT = "111122223333"
LINKED_ACCOUNT = "444455556666"
REGION = "us-east-1"

Dimensions = tuple[tuple[str, str], ...]
Percentiles = tuple[tuple[float, float], ...]
Statistics = tuple[int, float, float, float]
"""Count, sum, minimum, maximum."""


@dataclass(frozen=True, slots=True)
class Point:
    """One data point of a CloudWatch metric: the statistics of one period.

    Attributes:
        namespace: As the publisher wrote it, `AWS/EC2` for instance.
        metric_name: Without the namespace.
        dimensions: Pairs of name and value, in the order in which they are sent.
        unit: CloudWatch's word for it: `Percent`, `Bytes/Second`, `None`.
        end_ms: End of the period, in milliseconds since the epoch.
        period_ms: Length of the period in milliseconds.
        count: Number of measurements.
        sum: Their sum, in the unit.
        minimum: The smallest of them.
        maximum: The largest of them.
        percentiles: Pairs of quantile (between 0 and 1, both excluded) and value.
        account: The account that the resource belongs to.
        region: The region of the metric stream.
    """

    namespace: str
    metric_name: str
    dimensions: Dimensions
    unit: str
    end_ms: int
    period_ms: int
    count: int
    sum: float
    minimum: float
    maximum: float
    percentiles: Percentiles = ()
    account: str = MONITORING_ACCOUNT
    region: str = REGION


@dataclass(frozen=True, slots=True)
class _Source:
    """What the data points of one resource have in common."""

    namespace: str
    dimensions: Dimensions
    end_ms: int
    account: str = MONITORING_ACCOUNT
    period_ms: int = MINUTE_MS

    def point(
        self,
        metric_name: str,
        unit: str,
        statistics: Statistics,
        percentiles: Percentiles = (),
        periods_ago: int = 0,
    ) -> Point:
        """Make one data point, `periods_ago` periods before the newest one."""
        return Point(
            self.namespace,
            metric_name,
            self.dimensions,
            unit,
            self.end_ms - periods_ago * self.period_ms,
            self.period_ms,
            *statistics,
            percentiles,
            self.account,
        )


def fleet(end_ms: int, daily_late_ms: int = DAILY_LATE_MS) -> list[Point]:
    """Make the data points of the sample deliveries.

    All series are distinct in lower case too, and no series has two data points of one period.

    Args:
        end_ms: End of the newest period, in milliseconds since the epoch.
        daily_late_ms: How long before `end_ms` the period of the daily S3 metrics ends, in ms.

    Returns:
        The data points in the order of delivery, those of the linked account last.
    """
    return [
        *_instances(end_ms, MONITORING_ACCOUNT, ("0a1b2c3d4e5f60001", "0a1b2c3d4e5f60002")),
        *_classic_load_balancer(end_ms),
        *_application_load_balancer(end_ms),
        *_buckets(end_ms - daily_late_ms),
        *_functions(end_ms),
        *_database(end_ms),
        *_shop_backend(end_ms),
        *_own_services(end_ms),
        *_late_periods(end_ms),
        *_instances(end_ms, LINKED_ACCOUNT, ("0f9e8d7c6b5a40001", "0f9e8d7c6b5a40002")),
        *_queue(end_ms, LINKED_ACCOUNT),
    ]


def _instances(end_ms: int, account: str, instances: Iterable[str]) -> Iterable[Point]:
    """EC2: per instance and, without any dimension, over all of them."""
    for number, instance in enumerate(instances, start=1):
        source = _Source("AWS/EC2", (("InstanceId", f"i-{instance}"),), end_ms, account)
        low, high = 3.25 * number, 17.5 * number
        yield source.point("CPUUtilization", "Percent", (5, 41.625 * number, low, high))
        yield source.point(
            "NetworkIn", "Bytes", (5, 183_402.0 * number, 20_117.0, 61_250.0 * number)
        )
        yield source.point(
            "NetworkOut", "Bytes", (5, 97_311.0 * number, 11_404.0, 30_002.0 * number)
        )
        yield source.point("StatusCheckFailed", "Count", (2, 0.0, 0.0, 0.0))
        yield source.point("EBSWriteOps", "Count", (1, 212.0 * number, 212.0, 212.0 * number))
    everything = _Source("AWS/EC2", (), end_ms, account)
    yield everything.point("CPUUtilization", "Percent", (10, 124.875, 3.25, 35.0))
    yield everything.point("NetworkIn", "Bytes", (10, 550_206.0, 20_117.0, 122_500.0))


def _classic_load_balancer(end_ms: int) -> Iterable[Point]:
    """ELB: one of its dimensions is called Namespace."""
    balancer = (("LoadBalancerName", "shop-classic"), ("Namespace", "AWS"))
    source = _Source("AWS/ELB", balancer, end_ms)
    yield source.point("RequestCount", "Count", (412, 412.0, 1.0, 1.0))
    yield source.point("Latency", "Seconds", (412, 6.931471805599453, 0.000744, 1.25))
    yield source.point("HealthyHostCount", "Count", (12, 24.0, 2.0, 2.0))
    yield source.point("HTTPCode_Backend_5XX", "Count", (3, 3.0, 1.0, 1.0))
    everything = _Source("AWS/ELB", (("Namespace", "AWS"),), end_ms)
    yield everything.point("RequestCount", "Count", (415, 415.0, 1.0, 1.0))
    yield everything.point("SurgeQueueLength", "Count", (12, 0.0, 0.0, 0.0))


def _application_load_balancer(end_ms: int) -> Iterable[Point]:
    """ApplicationELB with percentiles; once more per availability zone."""
    balancer = ("LoadBalancer", "app/Shop/50dc6c495c0c9188")
    group = ("TargetGroup", "targetgroup/shop-web/6d0ecf831eec9f09")
    for number, zone in enumerate(("us-east-1a", "us-east-1b"), start=1):
        dimensions = (("AvailabilityZone", zone), balancer, group)
        source = _Source("AWS/ApplicationELB", dimensions, end_ms)
        count = 1_700 * number
        percentiles = ((0.5, 0.021), (0.9, 0.087 * number), (0.99, 0.41 * number))
        statistics = (count, 0.0375 * count, 0.0011, 0.75 * number)
        yield source.point("TargetResponseTime", "Seconds", statistics, percentiles)
        yield source.point("RequestCount", "Count", (count, float(count), 1.0, 1.0))
        yield source.point("HTTPCode_Target_5XX_Count", "Count", (count, 0.0, 0.0, 0.0))
    source = _Source("AWS/ApplicationELB", (balancer,), end_ms)
    yield source.point("ProcessedBytes", "Bytes", (5_100, 48_234_113.0, 212.0, 1_048_576.0))
    yield source.point("ActiveConnectionCount", "Count", (28, 1_344.0, 31.0, 66.0))


def _buckets(end_ms: int) -> Iterable[Point]:
    """S3: one data point a day, and that a day late."""
    for number, bucket in enumerate(("shop-images", "shop-invoices"), start=1):
        name = ("BucketName", bucket)
        size = 53_687_091_200.0 * number
        dimensions = (name, ("StorageType", "StandardStorage"))
        source = _Source("AWS/S3", dimensions, end_ms, period_ms=DAY_MS)
        yield source.point("BucketSizeBytes", "Bytes", (1, size, size, size))
        dimensions = (name, ("StorageType", "AllStorageTypes"))
        source = _Source("AWS/S3", dimensions, end_ms, period_ms=DAY_MS)
        yield source.point("NumberOfObjects", "Count", (1, 81_920.0, 81_920.0, 81_920.0))


def _functions(end_ms: int) -> Iterable[Point]:
    """Lambda: percentiles up to p99.9, and sums that are zero."""
    for number, name in enumerate(("CheckoutHandler", "thumbnail-maker"), start=1):
        source = _Source("AWS/Lambda", (("FunctionName", name),), end_ms)
        count = 240 * number
        percentiles = ((0.5, 12.84), (0.9, 31.7), (0.99, 148.22), (0.999, 901.5 * number))
        statistics = (count, 19.25 * count, 1.07, 1_204.31 * number)
        yield source.point("Duration", "Milliseconds", statistics, percentiles)
        yield source.point("Invocations", "Count", (count, float(count), 1.0, 1.0))
        yield source.point("Errors", "Count", (count, 0.0, 0.0, 0.0))
        yield source.point("Throttles", "Count", (count, 0.0, 0.0, 0.0))
    everything = _Source("AWS/Lambda", (), end_ms)
    yield everything.point("ConcurrentExecutions", "Count", (60, 187.0, 1.0, 7.0))


def _database(end_ms: int) -> Iterable[Point]:
    """RDS: rate units, and several periods of one series, the newest first."""
    source = _Source("AWS/RDS", (("DBInstanceIdentifier", "shop-primary"),), end_ms)
    yield source.point("CPUUtilization", "Percent", (1, 22.516, 22.516, 22.516))
    for ago, connections in enumerate((41.0, 43.0, 39.0, 40.0)):
        statistics = (1, connections, connections, connections)
        yield source.point("DatabaseConnections", "Count", statistics, periods_ago=ago)
    yield source.point("FreeableMemory", "Bytes", (1, 3.221225472e9, 3.221225472e9, 3.221225472e9))
    yield source.point("ReadIOPS", "Count/Second", (1, 14.266, 14.266, 14.266))
    yield source.point("WriteThroughput", "Bytes/Second", (1, 81_237.3, 81_237.3, 81_237.3))
    yield source.point("WriteLatency", "Seconds", (1, 0.000912, 0.000912, 0.000912))
    yield source.point("ReplicaLag", "Seconds", (1, -1.0, -1.0, -1.0))


def _shop_backend(end_ms: int) -> Iterable[Point]:
    """A namespace of the fleet's owner: spaces, signs, mixed case, values below zero."""
    host = (("Host Name", "Shop-Web-01"), ("deploy.stage", "Production"), ("City", "Zürich"))
    source = _Source("Shop Backend", host, end_ms)
    memory = "Memory % Committed Bytes In Use"
    yield source.point(memory, "Percent", (6, 253.1, 41.9, 42.6))
    yield source.point(memory, "Percent", (6, 251.8, 41.5, 42.4), periods_ago=1)
    yield source.point("Clock Offset", "Milliseconds", (6, -14.75, -9.5, 2.25))
    percentiles = ((0.1, -3.5), (0.5, 0.0), (0.9, 4.25))
    yield source.point("Stock Correction", "None", (40, -12.0, -18.0, 11.0), percentiles)
    everything = _Source("Shop Backend", (), end_ms)
    yield everything.point("Orders/Checkout", "Count", (17, 29.0, 1.0, 5.0))
    yield everything.point("Cart Size", "Megabytes", (3, 1.5, 0.25, 0.75))


def _own_services(end_ms: int) -> Iterable[Point]:
    """Namespaces with two slashes and with a dash."""
    stream = (("MetricStreamName", "sample-stream"),)
    source = _Source("AWS/CloudWatch/MetricStreams", stream, end_ms)
    yield source.point("MetricUpdate", "Count", (4, 1_911.0, 402.0, 533.0))
    yield source.point("PublishErrorRate", "None", (4, 0.0, 0.0, 0.0))
    source = _Source("AWS/X-Ray", (("GroupName", "Default"),), end_ms)
    yield source.point("ApproximateTraceCount", "Count", (1, 318.0, 318.0, 318.0))


def _late_periods(end_ms: int) -> Iterable[Point]:
    """Earlier periods of series that came before; they travel in another record."""
    source = _Source("AWS/EC2", (("InstanceId", "i-0a1b2c3d4e5f60001"),), end_ms)
    yield source.point("CPUUtilization", "Percent", (5, 40.25, 3.125, 16.75), periods_ago=1)
    yield source.point("CPUUtilization", "Percent", (5, 47.0, 4.5, 21.0), periods_ago=3)
    yield source.point("CPUUtilization", "Percent", (5, 44.375, 3.875, 18.5), periods_ago=2)
    yield source.point("NetworkIn", "Bytes", (5, 171_220.0, 19_003.0, 58_811.0), periods_ago=2)


def _queue(end_ms: int, account: str) -> Iterable[Point]:
    """SQS: a queue that is mostly empty."""
    source = _Source("AWS/SQS", (("QueueName", "invoice-jobs.fifo"),), end_ms, account)
    yield source.point("NumberOfMessagesSent", "Count", (1, 4.0, 4.0, 4.0))
    yield source.point("NumberOfMessagesReceived", "Count", (7, 4.0, 0.0, 2.0))
    yield source.point("ApproximateNumberOfMessagesVisible", "Count", (1, 0.0, 0.0, 0.0))
    yield source.point("ApproximateAgeOfOldestMessage", "Seconds", (1, 0.0, 0.0, 0.0))
    yield source.point("SentMessageSize", "Bytes", (4, 3_211.0, 702.0, 911.0))
