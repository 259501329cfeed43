"""ARNs that look like those of a kind, and are not; and kinds that are easily taken for others."""

import pytest

from tags.arns import parse_arn
from tags.kinds import placements_of

HERE = ":us-east-1:111122223333:"


def _places(text: str) -> dict[str, str]:
    """Return the dimensions of an ARN by namespace, as text; `*` is a region and an account."""
    return {
        namespace: ", ".join("=".join(pair) for pair in dimensions)
        for namespace, dimensions in placements_of(parse_arn(text.replace(":*", HERE, 1)), {})
    }


@pytest.mark.parametrize(
    ("resource", "places"),
    [
        ("loadbalancer/web", {"AWS/ELB": "LoadBalancerName=web"}),
        ("loadbalancer/app", {"AWS/ELB": "LoadBalancerName=app"}),
        ("loadbalancer/net-1_a", {"AWS/ELB": "LoadBalancerName=net-1_a"}),
        ("loadbalancer/app/web/1a", {"AWS/ApplicationELB": "LoadBalancer=app/web/1a"}),
        ("loadbalancer/net/web/1a", {"AWS/NetworkELB": "LoadBalancer=net/web/1a"}),
        ("loadbalancer/gwy/web/1a", {"AWS/GatewayELB": "LoadBalancer=gwy/web/1a"}),
        ("loadbalancer/app/web", {}),
        ("loadbalancer/new/web/1a", {}),
        ("loadbalancer/app/web/1a/2b", {}),
        ("listener/app/web/1a/2b", {}),
        ("listener-rule/app/web/1a/2b/3c", {}),
        (
            "targetgroup/app/1a",
            dict.fromkeys(
                ("AWS/ApplicationELB", "AWS/GatewayELB", "AWS/NetworkELB"),
                "TargetGroup=targetgroup/app/1a",
            ),
        ),
    ],
)
def test_a_load_balancer_is_classic_only_without_type_and_id(
    resource: str, places: dict[str, str]
) -> None:
    """CloudWatch has type, name and id of the others, and of a target group all of it."""
    assert _places(f"arn:aws:elasticloadbalancing:*{resource}") == places


@pytest.mark.parametrize(
    "text",
    [
        # Of the resource that is tagged, a part, a copy or a version.
        "dynamodb:*table/t/index/i",
        "dynamodb:*table/t/stream/2026-01-01T00:00:00.000",
        "dynamodb:*table/t/backup/01-a",
        "kinesis:*stream/s/consumer/c:1600000000",
        "lambda:*function:f:live",
        "lambda:*function:f:7",
        "lambda:*layer:l:1",
        "states:*stateMachine:s:1",
        "states:*execution:s:1-a",
        "rds:*snapshot:rds:a-2026-01-01",
        "rds:*cluster-snapshot:rds:a-2026-01-01",
        "rds:*cluster-pg:default.aurora",
        "rds:*cluster-endpoint:reader",
        "rds:*db-proxy:prx-1",
        "elasticache:*snapshot:s",
        "elasticache:*serverlesscachesnapshot:s",
        "redshift:*snapshot:c/s",
        "sns:*topic:1-a",
        "s3:::bucket/key",
        "s3:*accesspoint/ap",
        "s3:*storage-lens/default",
        "logs:*log-group:/g:log-stream:s",
        "ecs:*service/web",
        "ecs:*task/shop/1-a",
        "ecs:*task-definition/web:7",
        "ec2:*snapshot/snap-1",
        "ec2:*vpc/vpc-1",
        "ec2:*instance-event-window/iew-1",
        "ec2:*transit-gateway-route-table/tgw-rtb-1",
        "eks:*nodegroup/shop/n/1-a",
        "apigateway:us-east-1::/restapis/a/stages/prod",
        "apigateway:us-east-1::/apis/a/stages/$default",
        "elasticfilesystem:*access-point/fsap-1",
        "globalaccelerator::111122223333:accelerator/1-a/listener/2b",
        "timestream:*scheduled-query/q",
        "wafv2:*regional/ipset/i/1-a",
        # In the case or the form of no resource.
        "ec2:*Instance/i-1",
        "ec2:*instance/",
        "ec2:*instance/i-1/",
        "lambda:*function:",
        "EC2:*instance/i-1",
        "glue:*table/db/t",
        "unheard-of:*thing/1",
    ],
)
def test_an_arn_of_no_kind_has_no_placement(text: str) -> None:
    """It is none with another dimension, and no error."""
    assert _places(f"arn:aws:{text}") == {}


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("arn:aws:s3:::bucket.with.dots", {"AWS/S3": "BucketName=bucket.with.dots"}),
        ("arn:aws-cn:s3:::bucket", {"AWS/S3": "BucketName=bucket"}),
        ("arn:aws:route53:::healthcheck/1-a", {"AWS/Route53": "HealthCheckId=1-a"}),
        (
            "arn:aws-cn:cloudfront::111122223333:distribution/E1",
            {"AWS/CloudFront": "DistributionId=E1, Region=Global"},
        ),
        (
            "arn:aws-us-gov:es:us-gov-west-1:111122223333:domain/logs",
            {"AWS/ES": "DomainName=logs, ClientId=111122223333"},
        ),
        (
            "arn:aws-us-gov:states:us-gov-west-1:111122223333:stateMachine:pay",
            {
                "AWS/States": "StateMachineArn=arn:aws-us-gov:states" + ":us-gov-west-1"
                ":111122223333:stateMachine:pay"
            },
        ),
        # An account is missing, so a dimension is.
        ("arn:aws:es:us-east-1::domain/logs", {}),
        # The parts end where the next begins, even with characters that mean something elsewhere.
        ("arn:aws:sqs:*a-b_c.fifo", {"AWS/SQS": "QueueName=a-b_c.fifo"}),
        ("arn:aws:ecr:*repository/a/b/c", {"AWS/ECR": "RepositoryName=a/b/c"}),
        ("arn:aws:logs:*log-group:/a/b#c:*", {"AWS/Logs": "LogGroupName=/a/b#c"}),
        ("arn:aws:glue:*job/{name} (2)", {"Glue": "JobName={name} (2)"}),
        ("arn:aws:codebuild:*project/Été", {"AWS/CodeBuild": "ProjectName=Été"}),
        ("arn:aws:mediaconnect:*flow:1-A:a/b", {}),
        # AWS lower-cases it in the ARN, and not in metrics: it joins where both are lower-cased.
        (
            "arn:aws:sagemaker:*endpoint/mymodel",
            dict.fromkeys(("AWS/SageMaker", "/aws/sagemaker/Endpoints"), "EndpointName=mymodel"),
        ),
    ],
)
def test_unusual_arns_of_a_kind_have_the_whole_dimension(text: str, places: dict[str, str]) -> None:
    """Without region or account, in other partitions, with characters that have a meaning."""
    assert _places(text) == places


def test_a_broker_has_each_name_that_its_instances_may_have() -> None:
    """ActiveMQ numbers its one or two instances, and RabbitMQ does not."""
    arn = parse_arn("arn:aws:mq:us-east-1:111122223333:broker:orders:b-1")
    assert placements_of(arn, {}) == tuple(
        ("AWS/AmazonMQ", (("Broker", name),)) for name in ("orders", "orders-1", "orders-2")
    )
