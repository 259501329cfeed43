"""The services of a large fleet: what their resources are called and which metrics they have."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Service:
    """One kind of resource.

    Attributes:
        namespace: CloudWatch's namespace.
        dimensions: Names of dimensions and templates of their values: `{n}` is the resource's
            number, `{h}` the same in 12 hex digits, `{g}` the number of a group of ten resources.
        metrics: Names of metrics, by CloudWatch's word for their unit.
        weight: How many resources there are for one of the rarest service.
        percentiles: The name of the metric that has percentiles, if any.
    """

    namespace: str
    dimensions: tuple[tuple[str, str], ...]
    metrics: dict[str, str]
    weight: int = 1
    percentiles: str = ""


def _metrics(**names_by_unit: str) -> dict[str, str]:
    """Turn names separated by blanks, by unit, into unit by name.

    `Bytes_Second` stands for `Bytes/Second`, `None_` for `None`.
    """
    return {
        name: unit.rstrip("_").replace("_", "/")
        for unit, names in names_by_unit.items()
        for name in names.split()
    }


SERVICES = (
    Service(
        "AWS/EC2",
        (("InstanceId", "i-0{h}3fa1"),),
        _metrics(
            Percent="CPUUtilization",
            Bytes="NetworkIn NetworkOut EBSReadBytes EBSWriteBytes",
            Count="NetworkPacketsIn NetworkPacketsOut EBSReadOps EBSWriteOps StatusCheckFailed"
            " StatusCheckFailed_Instance StatusCheckFailed_System MetadataNoToken",
        ),
        weight=5,
    ),
    Service(
        "AWS/EC2",
        (("AutoScalingGroupName", "workers-{g}-{n}"),),
        _metrics(
            Percent="CPUUtilization",
            Bytes="NetworkIn NetworkOut",
            Count="StatusCheckFailed StatusCheckFailed_Instance StatusCheckFailed_System",
        ),
    ),
    Service(
        "AWS/EBS",
        (("VolumeId", "vol-0{h}77c2"),),
        _metrics(
            Bytes="VolumeReadBytes VolumeWriteBytes",
            Count="VolumeReadOps VolumeWriteOps VolumeQueueLength",
            Seconds="VolumeTotalReadTime VolumeTotalWriteTime VolumeIdleTime",
            Percent="BurstBalance",
        ),
        weight=5,
    ),
    Service(
        "AWS/ApplicationELB",
        (
            ("AvailabilityZone", "us-east-1a"),
            ("LoadBalancer", "app/ingress-{g}/{h}0c91"),
            ("TargetGroup", "targetgroup/service-{n}/{h}9f09"),
        ),
        _metrics(
            Seconds="TargetResponseTime",
            Count="RequestCount HTTPCode_Target_2XX_Count HTTPCode_Target_4XX_Count"
            " HTTPCode_Target_5XX_Count HealthyHostCount UnHealthyHostCount",
        ),
        weight=2,
        percentiles="TargetResponseTime",
    ),
    Service(
        "AWS/NetworkELB",
        (("LoadBalancer", "net/edge-{g}/{h}0c91"), ("TargetGroup", "targetgroup/tcp-{n}/{h}9f09")),
        _metrics(
            Count="ActiveFlowCount NewFlowCount TCP_Client_Reset_Count TCP_Target_Reset_Count"
            " HealthyHostCount UnHealthyHostCount",
            Bytes="ProcessedBytes",
        ),
    ),
    Service(
        "AWS/ELB",
        (("LoadBalancerName", "classic-{n}"), ("Namespace", "AWS")),
        _metrics(
            Seconds="Latency",
            Count="RequestCount HealthyHostCount UnHealthyHostCount HTTPCode_Backend_2XX"
            " HTTPCode_Backend_5XX SurgeQueueLength",
        ),
    ),
    Service(
        "AWS/Lambda",
        (("FunctionName", "orders-{g}-handler-{n}"),),
        _metrics(
            Milliseconds="Duration PostRuntimeExtensionsDuration",
            Count="Invocations Errors Throttles ConcurrentExecutions DeadLetterErrors",
        ),
        weight=5,
        percentiles="Duration",
    ),
    Service(
        "AWS/RDS",
        (("DBInstanceIdentifier", "prod-aurora-{g}-{n}"),),
        _metrics(
            Percent="CPUUtilization BufferCacheHitRatio",
            Count="DatabaseConnections Deadlocks DiskQueueDepth",
            Bytes="FreeableMemory FreeLocalStorage SwapUsage",
            Seconds="ReadLatency WriteLatency CommitLatency",
            Count_Second="ReadIOPS WriteIOPS",
            Bytes_Second="ReadThroughput WriteThroughput",
        ),
        weight=2,
        percentiles="CommitLatency",
    ),
    Service(
        "AWS/DynamoDB",
        (("TableName", "prod-sessions-{n}"), ("Operation", "GetItem")),
        _metrics(
            Milliseconds="SuccessfulRequestLatency",
            Count="ThrottledRequests SystemErrors UserErrors ReturnedItemCount",
        ),
        weight=2,
        percentiles="SuccessfulRequestLatency",
    ),
    Service(
        "AWS/SQS",
        (("QueueName", "orders-{g}-{n}.fifo"),),
        _metrics(
            Count="NumberOfMessagesSent NumberOfMessagesReceived NumberOfMessagesDeleted"
            " NumberOfEmptyReceives ApproximateNumberOfMessagesVisible"
            " ApproximateNumberOfMessagesNotVisible ApproximateNumberOfMessagesDelayed",
            Seconds="ApproximateAgeOfOldestMessage",
            Bytes="SentMessageSize",
        ),
        weight=3,
    ),
    Service(
        "AWS/SNS",
        (("TopicName", "alerts-{n}"),),
        _metrics(
            Count="NumberOfMessagesPublished NumberOfNotificationsDelivered"
            " NumberOfNotificationsFailed",
            Bytes="PublishSize",
        ),
    ),
    Service(
        "AWS/Kinesis",
        (("StreamName", "clickstream-{n}"),),
        _metrics(
            Bytes="IncomingBytes GetRecords.Bytes",
            Count="IncomingRecords GetRecords.Records WriteProvisionedThroughputExceeded",
            Milliseconds="GetRecords.IteratorAgeMilliseconds PutRecord.Latency",
        ),
    ),
    Service(
        "AWS/Firehose",
        (("DeliveryStreamName", "archive-{n}"),),
        _metrics(
            Bytes="IncomingBytes DeliveryToS3.Bytes BytesPerSecondLimit",
            Count="IncomingRecords DeliveryToS3.Records ThrottledRecords",
            Seconds="DeliveryToS3.DataFreshness",
        ),
    ),
    Service(
        "AWS/ApiGateway",
        (("ApiName", "public-api-{n}"), ("Stage", "prod")),
        _metrics(Milliseconds="Latency IntegrationLatency", Count="Count 4XXError 5XXError"),
        percentiles="Latency",
    ),
    Service(
        "AWS/ECS",
        (("ClusterName", "prod-cluster-{g}"), ("ServiceName", "checkout-service-{n}")),
        _metrics(Percent="CPUUtilization MemoryUtilization"),
        weight=4,
    ),
    Service(
        "ECS/ContainerInsights",
        (
            ("ClusterName", "prod-cluster-{g}"),
            ("ServiceName", "checkout-service-{n}"),
            ("TaskDefinitionFamily", "checkout-{n}"),
        ),
        _metrics(
            None_="CpuUtilized CpuReserved",
            Megabytes="MemoryUtilized MemoryReserved",
            Bytes_Second="NetworkRxBytes NetworkTxBytes",
            Count="RunningTaskCount PendingTaskCount DesiredTaskCount",
        ),
    ),
    Service(
        "ContainerInsights",
        (
            ("ClusterName", "prod-eks-{g}"),
            ("NodeName", "ip-10-0-{g}-{n}.ec2.internal"),
            ("InstanceId", "i-0{h}5bd4"),
        ),
        _metrics(
            Percent="node_cpu_utilization node_memory_utilization node_filesystem_utilization",
            Bytes_Second="node_network_total_bytes",
            Count="node_number_of_running_pods node_number_of_running_containers",
        ),
    ),
    Service(
        "CWAgent",
        (
            ("InstanceId", "i-0{h}3fa1"),
            ("ImageId", "ami-0c55b159cbfafe1f0"),
            ("InstanceType", "m5.2xlarge"),
            ("path", "/var/lib/docker"),
            ("fstype", "xfs"),
        ),
        _metrics(
            Percent="disk_used_percent disk_inodes_used_percent mem_used_percent swap_used_percent",
            Bytes="disk_free mem_available",
            Count="netstat_tcp_established processes_running",
        ),
    ),
    Service(
        "AWS/ElastiCache",
        (("CacheClusterId", "prod-redis-{n}-001"), ("CacheNodeId", "0001")),
        _metrics(
            Percent="CPUUtilization EngineCPUUtilization DatabaseMemoryUsagePercentage",
            Bytes="FreeableMemory BytesUsedForCache NetworkBytesIn NetworkBytesOut",
            Count="CurrConnections CacheHits CacheMisses Evictions CurrItems",
        ),
    ),
    Service(
        "AWS/NATGateway",
        (("NatGatewayId", "nat-0{h}1e0d"),),
        _metrics(
            Bytes="BytesInFromDestination BytesOutToDestination",
            Count="ActiveConnectionCount ErrorPortAllocation PacketsDropCount IdleTimeoutCount",
        ),
    ),
    Service(
        "AWS/States",
        (("StateMachineArn", "arn:aws:states:us-east-1:111122223333:stateMachine:refund-{n}"),),
        _metrics(
            Milliseconds="ExecutionTime",
            Count="ExecutionsStarted ExecutionsSucceeded ExecutionsFailed ExecutionThrottled",
        ),
    ),
    Service(
        "AWS/Usage",
        (
            ("Type", "API"),
            ("Resource", "DescribeSample{n}"),
            ("Service", "EC2"),
            ("Class", "None"),
        ),
        _metrics(Count="CallCount", None_="ResourceCount"),
        weight=2,
    ),
    Service(
        "AWS/Events",
        (("RuleName", "nightly-rule-{n}"),),
        _metrics(Count="Invocations TriggeredRules FailedInvocations"),
    ),
    Service(
        "AWS/Logs",
        (("LogGroupName", "/aws/lambda/orders-{g}-handler-{n}"),),
        _metrics(Bytes="IncomingBytes", Count="IncomingLogEvents"),
        weight=3,
    ),
    Service(
        "AWS/WAFV2",
        (("WebACL", "edge-{g}"), ("Region", "us-east-1"), ("Rule", "rate-limit-{n}")),
        _metrics(Count="AllowedRequests BlockedRequests CountedRequests"),
    ),
    Service(
        "Shop Backend",
        (("Host Name", "Shop-Web-{n}"), ("deploy.stage", "Production")),
        {
            "Memory % Committed Bytes In Use": "Percent",
            "Open Orders": "Count",
            "Payment Latency": "Milliseconds",
        },
        weight=2,
    ),
)
"""All services of the fleet."""
