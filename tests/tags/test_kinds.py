"""Where CloudWatch has the metrics of each kind of resource."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tags.arns import Arn, parse_arn
from tags.kinds import GLOBAL_REGIONS, TABLE, home_region, needs_name, placements_of, read_kinds

HERE = ":us-east-1:111122223333:"
LINES = [line.split("\t") for line in TABLE.read_text(encoding="utf-8").splitlines()[1:]]
PARTS = re.compile(r"\{(\w+)(?:\.\.\.)?\}")
VALUES = re.compile(r"\{([\w ]+)\}")


@pytest.mark.parametrize(
    ("text", "namespaces", "dimensions"),
    [
        ("acm:*certificate/1-a", "AWS/CertificateManager", "CertificateArn=ARN"),
        ("apigateway:us-east-1::/apis/a1b2", "AWS/ApiGateway", "ApiId=a1b2"),
        ("appsync:*apis/abc", "AWS/AppSync", "GraphQLAPIId=abc"),
        ("athena:*workgroup/primary", "AWS/Athena", "WorkGroup=primary"),
        (
            "autoscaling:*autoScalingGroup:1-a:autoScalingGroupName/web/blue",
            "AWS/AutoScaling AWS/EC2",
            "AutoScalingGroupName=web/blue",
        ),
        ("backup:*backup-vault:Default", "AWS/Backup", "BackupVaultName=Default"),
        ("bedrock:*agent-alias/AGENT/ALIAS", "AWS/Bedrock/Agents", "AgentAliasArn=ARN"),
        ("bedrock:*guardrail/abc", "AWS/Bedrock/Guardrails", "GuardrailArn=ARN"),
        ("cassandra:*/keyspace/k/", "AWS/Cassandra", "Keyspace=k"),
        ("cassandra:*/keyspace/k/table/t", "AWS/Cassandra", "Keyspace=k, TableName=t"),
        ("cognito-idp:*userpool/us-east-1_A", "AWS/Cognito", "UserPool=us-east-1_A"),
        ("directconnect:*dxvif/dxvif-1", "AWS/DX", "VirtualInterfaceId=dxvif-1"),
        ("dms:*task:ABC", "AWS/DMS", "ReplicationTaskIdentifier=ABC"),
        ("dynamodb:*table/Orders", "AWS/DynamoDB", "TableName=Orders"),
        ("ec2:*instance/i-1", "AWS/EC2", "InstanceId=i-1"),
        ("ec2:*natgateway/nat-1", "AWS/NATGateway", "NatGatewayId=nat-1"),
        ("ec2:*transit-gateway/tgw-1", "AWS/TransitGateway", "TransitGateway=tgw-1"),
        ("ec2:*volume/vol-1", "AWS/EBS", "VolumeId=vol-1"),
        ("ec2:*vpc-endpoint/vpce-1", "AWS/PrivateLinkEndpoints", "VPC Endpoint Id=vpce-1"),
        ("ec2:*vpn-connection/vpn-1", "AWS/VPN", "VpnId=vpn-1"),
        ("ecr:*repository/team/app", "AWS/ECR", "RepositoryName=team/app"),
        ("ecs:*cluster/shop", "AWS/ECS ECS/ContainerInsights", "ClusterName=shop"),
        (
            "ecs:*service/shop/web",
            "AWS/ECS ECS/ContainerInsights",
            "ClusterName=shop, ServiceName=web",
        ),
        ("eks:*cluster/shop", "AWS/EKS ContainerInsights", "ClusterName=shop"),
        ("elasticache:*cluster:c-001", "AWS/ElastiCache", "CacheClusterId=c-001"),
        ("elasticache:*replicationgroup:c", "AWS/ElastiCache", "ReplicationGroupId=c"),
        ("elasticache:*serverlesscache:c", "AWS/ElastiCache", "clusterId=c"),
        ("elasticfilesystem:*file-system/fs-1", "AWS/EFS", "FileSystemId=fs-1"),
        ("es:*domain/logs", "AWS/ES", "DomainName=logs, ClientId=111122223333"),
        ("events:*rule/nightly", "AWS/Events", "RuleName=nightly"),
        ("events:*rule/bus/r", "AWS/Events", "EventBusName=bus, RuleName=r"),
        (
            "events:*rule/aws.partner/saas.com/42/r",
            "AWS/Events",
            "EventBusName=aws.partner/saas.com/42, RuleName=r",
        ),
        ("firehose:*deliverystream/metrics", "AWS/Firehose", "DeliveryStreamName=metrics"),
        ("fsx:*file-system/fs-1", "AWS/FSx", "FileSystemId=fs-1"),
        ("fsx:*volume/fs-1/fsvol-1", "AWS/FSx", "VolumeId=fsvol-1"),
        ("glue:*job/import", "Glue", "JobName=import"),
        ("kafka:*cluster/events/1-a", "AWS/Kafka", "Cluster Name=events"),
        ("kinesis:*stream/clicks", "AWS/Kinesis", "StreamName=clicks"),
        ("lambda:*function:orders", "AWS/Lambda", "FunctionName=orders"),
        ("logs:*log-group:/aws/lambda/f", "AWS/Logs", "LogGroupName=/aws/lambda/f"),
        ("medialive:*channel:123", "AWS/MediaLive", "ChannelId=123"),
        ("network-firewall:*firewall/edge", "AWS/NetworkFirewall", "FirewallName=edge"),
        ("rds:*cluster:a", "AWS/DocDB AWS/Neptune AWS/RDS", "DBClusterIdentifier=a"),
        ("rds:*db:a", "AWS/DocDB AWS/Neptune AWS/RDS", "DBInstanceIdentifier=a"),
        ("redshift:*cluster:dwh", "AWS/Redshift", "ClusterIdentifier=dwh"),
        (
            "sagemaker:*endpoint/rank",
            "/aws/sagemaker/Endpoints AWS/SageMaker",
            "EndpointName=rank",
        ),
        ("sns:*alerts", "AWS/SNS", "TopicName=alerts"),
        ("sqs:*jobs.fifo", "AWS/SQS", "QueueName=jobs.fifo"),
        ("states:*stateMachine:pay", "AWS/States", "StateMachineArn=ARN"),
        ("storagegateway:*gateway/sgw-1", "AWS/StorageGateway", "GatewayId=sgw-1"),
        ("wafv2:*global/webacl/acl/1-a", "AWS/WAFV2", "WebACL=acl"),
        ("wafv2:*regional/webacl/acl/1-a", "AWS/WAFV2", "WebACL=acl, Region=us-east-1"),
    ],
)
def test_a_resource_has_the_dimensions_of_its_metrics(
    text: str, namespaces: str, dimensions: str
) -> None:
    """By its ARN alone; `*` is a region and an account."""
    arn = parse_arn("arn:aws:" + text.replace(":*", HERE))
    placements = placements_of(arn, {})
    assert " ".join(sorted(placement.namespace for placement in placements)) == namespaces
    for placement in placements:
        found = ", ".join("=".join(pair) for pair in placement.dimensions)
        assert found.replace(str(arn), "ARN") == dimensions


@pytest.mark.parametrize(
    ("text", "dimension"),
    [
        ("apigateway:us-east-1::/restapis/a1b2", "ApiName"),
        ("dms:*rep:ABC", "ReplicationInstanceIdentifier"),
        ("redshift-serverless:*namespace/1-a", "Namespace"),
        ("redshift-serverless:*workgroup/1-a", "Workgroup"),
    ],
)
def test_a_name_that_the_arn_lacks_is_looked_up(text: str, dimension: str) -> None:
    """Without it there is no placement, since the dimension would be wrong."""
    arn = parse_arn("arn:aws:" + text.replace(":*", HERE))
    assert needs_name(arn)
    (placement,) = placements_of(arn, {str(arn): "Orders {arn}"})
    assert placement.dimensions == ((dimension, "Orders {arn}"),)
    assert placements_of(arn, {}) == placements_of(arn, {str(arn): ""}) == ()


@pytest.mark.parametrize(
    ("text", "home"),
    [
        ("arn:aws:cloudfront::111122223333:distribution/E1", "us-east-1"),
        ("arn:aws-cn:cloudfront::111122223333:distribution/E1", "cn-northwest-1"),
        ("arn:aws:route53:::healthcheck/1-a", "us-east-1"),
        ("arn:aws:route53:::hostedzone/Z1", "us-east-1"),
        ("arn:aws-us-gov:route53:::healthcheck/1-a", "us-gov-west-1"),
        ("arn:aws-iso:route53:::healthcheck/1-a", "us-iso-east-1"),
        ("arn:aws:globalaccelerator::111122223333:accelerator/1-a", "us-west-2"),
        ("arn:aws:s3:::bucket", None),
        ("arn:aws:ec2::111122223333:ipam-pool/ipam-pool-1", None),
        ("arn:aws:ec2:eu-west-1:111122223333:instance/i-1", None),
        ("arn:aws:iam::111122223333:role/r", None),
    ],
)
def test_a_global_resource_has_its_metrics_in_one_region(text: str, home: str | None) -> None:
    """One whose ARN has no region need not be global: a bucket is in the region that lists it."""
    assert home_region(parse_arn(text)) == home


@pytest.mark.parametrize("partition", ["aws", *GLOBAL_REGIONS])
def test_each_line_of_the_table_places_its_arn_in_every_partition(partition: str) -> None:
    """All parts of its dimensions come from the ARN, or are looked up."""
    for pattern, namespace, dimensions, *_ in LINES:
        service, _, resource = PARTS.sub(r"\1", pattern).partition(":")
        arn = Arn(partition, service, "r", "a", resource)
        assert needs_name(arn) == ("{looked up}" in dimensions), pattern
        known = {"arn": str(arn), "account": "a", "region": "r"}
        filled = VALUES.sub(r"\1", dimensions)
        for name, value in known.items():
            filled = filled.replace(f"={name}", f"={value}")
        pairs = tuple(tuple(pair.split("=")) for pair in filled.split(", "))
        assert (namespace, pairs) in placements_of(arn, {str(arn): "looked up"}), pattern


def test_the_table_names_its_sources_and_is_sorted_by_service() -> None:
    """It has the 60 kinds that the issue wants, and no line twice."""
    assert len({line[0] for line in LINES}) > 60
    assert len({tuple(line[:3]) for line in LINES}) == len(LINES) == len(read_kinds())
    services = [line[0].partition(":")[0] for line in LINES]
    assert services == sorted(services)
    for *_, arns, metrics in LINES:
        assert re.fullmatch(r"list_[a-z0-9.]+", arns)
        assert re.fullmatch(r"[\w.-]+(/[\w.-]+){2,}", metrics)


@given(
    st.sampled_from(LINES).map(lambda line: line[0]),
    st.text(max_size=4),
    st.sampled_from(["", "111122223333"]),
    st.text(max_size=4),
)
def test_no_dimension_is_empty(pattern: str, part: str, account: str, name: str) -> None:
    """CloudWatch has none, whatever the ARN and the name are."""
    service, _, resource = PARTS.sub(lambda _: part, pattern).partition(":")
    arn = Arn("aws", service, "", account, resource)
    for placement in placements_of(arn, {str(arn): name}):
        assert placement.namespace
        assert placement.dimensions
        assert all(key and value for key, value in placement.dimensions)
