"""The stack's permissions, secrets and data at rest: no more than needed, nothing in the open."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.policies import DESCRIBE, READ_SECRET, READ_TAGS, actions, policies
from tests.support.stack import (
    ACCOUNT,
    ARN,
    INGRESSES,
    KEY,
    WORKSPACE,
    Stack,
    listed,
    parameters,
)

WILDCARDS = (
    r"arn:aws:logs:us-east-1:111122223333:log-group:\w+:log-stream:\*",
    r"arn:of:BackupBucket/(?:(?:failed|all-data|replay|replayed|tags)/)?\*",
    r"arn:of:MetricStreamFunction:\*",
    r"arn:aws:kms:\*:\*:key/\*",
    r"arn:aws:ec2:us-east-1:\*:\*/\*",
)
"""Streams of one log group, objects of one bucket, versions of one function; any key, under a
condition; network interfaces, whose ids nobody knows before, also in subnets of other accounts."""

BUCKET_ACTIONS = {
    "s3:AbortMultipartUpload",
    "s3:GetBucketLocation",
    "s3:GetObject",
    "s3:ListBucket",
    "s3:ListBucketMultipartUploads",
    "s3:PutObject",
}
INVOKE = {"lambda:InvokeFunction", "lambda:GetFunctionConfiguration"}
FUNCTION_ACTIONS = {"logs:CreateLogStream", "logs:PutLogEvents", READ_SECRET, "kms:Decrypt"}
REPLAY_ACTIONS = {"s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:DeleteObject"}
TAGS_ACTIONS = READ_TAGS | {"apigateway:GET", "s3:ListBucket", "s3:GetObject", "s3:PutObject"}


@pytest.fixture(params=INGRESSES)
def stack(request: pytest.FixtureRequest) -> Stack:
    """Give the stack with each ingress, and everything that roles need permissions for."""
    more = {"SubnetIds": "subnet-1", "SecurityGroupIds": "sg-1", "KmsKeyArn": KEY}
    return Stack(
        Ingress=request.param,
        TokenSecretArn=ARN,
        PrometheusWorkspaceArn=WORKSPACE,
        CreateTags="true",
        **more,
    )


def test_no_wildcards(stack: Stack) -> None:
    """No role may do everything, and none may do anything to everything."""
    statements = list(policies(stack))
    assert statements
    for role, statement in statements:
        assert statement.keys() <= {"Sid", "Effect", "Action", "Resource", "Condition"}
        assert statement["Effect"] == "Allow"
        for action in listed(statement["Action"]):
            assert re.fullmatch(r"[a-z0-9-]+:[A-Za-z]+", action), (role, action)
        for resource in listed(statement["Resource"]):
            allowed = any(re.fullmatch(wildcard, resource) for wildcard in WILDCARDS)
            # AWS does not limit these to a resource.
            allowed |= set(listed(statement["Action"])) in (DESCRIBE, READ_TAGS)
            assert "*" not in resource or allowed, (role, resource)


@pytest.mark.parametrize("ingress", INGRESSES)
def test_roles_do_what_they_must(ingress: str) -> None:
    """Each role may do exactly what its work takes with this ingress."""
    firehose = INVOKE if ingress == "Transformation" else {READ_SECRET, "kms:Decrypt"}
    assert actions(Stack(Ingress=ingress, CreateTags="true")) == {
        "MetricStreamRole": {"firehose:PutRecord", "firehose:PutRecordBatch"},
        "FirehoseRole": BUCKET_ACTIONS | {"logs:PutLogEvents"} | firehose,
        "FunctionRole": FUNCTION_ACTIONS,
        "ReplayRole": FUNCTION_ACTIONS | REPLAY_ACTIONS,
        "TagsRole": FUNCTION_ACTIONS | TAGS_ACTIONS,
        "TagsScheduleRole": {"lambda:InvokeFunction"},
    }


@pytest.mark.parametrize(
    ("parameter", "roles"),
    [
        ("LogsTokenSecretArn", {"FunctionRole"}),
        ("RemoteWriteHeadersArn", {"FunctionRole", "ReplayRole", "TagsRole"}),
    ],
)
def test_other_secrets_may_be_read(parameter: str, roles: set[str]) -> None:
    """Who needs another secret may read that one too, and do no other thing."""
    arn = "arn:aws:secretsmanager:us-east-1:111122223333:secret:other-a1B2c3"
    given = Stack(CreateTags="true", **{parameter: arn})
    assert actions(given) == actions(Stack(CreateTags="true"))
    assert {role for role, statement in policies(given) if statement["Resource"] == arn} == roles


def test_only_services_take_roles(stack: Stack) -> None:
    """Each role is one service's; Firehose and the schedule take it for this account alone."""
    principals = {}
    for name, role in stack.of_type("AWS::IAM::Role").items():
        (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Action"] == "sts:AssumeRole"
        principals[name] = statement["Principal"]["Service"]
        # AWS documents no condition for a metric stream; one that is not met would stop it.
        proves = name in ("FirehoseRole", "TagsScheduleRole")
        expected = {"StringEquals": {"aws:SourceAccount": ACCOUNT}} if proves else None
        assert statement.get("Condition") == expected
    assert principals == {
        "MetricStreamRole": "streams.metrics.cloudwatch.amazonaws.com",
        "FirehoseRole": "firehose.amazonaws.com",
        "FunctionRole": "lambda.amazonaws.com",
        "ReplayRole": "lambda.amazonaws.com",
        "TagsRole": "lambda.amazonaws.com",
        "TagsScheduleRole": "scheduler.amazonaws.com",
    }


def test_who_may_invoke_the_function(stack: Stack) -> None:
    """Anybody may use the Function URL, which checks the access key; else only the API's route."""
    granted = list(stack.of_type("AWS::Lambda::Permission").values())
    if stack.holds("IsFunctionUrl"):
        # Without one of them a Function URL answers 403.
        both = {"FunctionName": "MetricStreamFunction", "Principal": "*"}
        assert sorted(granted, key=lambda permission: str(permission["Action"])) == [
            {**both, "Action": "lambda:InvokeFunction", "InvokedViaFunctionUrl": True},
            {**both, "Action": "lambda:InvokeFunctionUrl", "FunctionUrlAuthType": "NONE"},
        ]
        return
    assert bool(granted) is not stack.holds("IsTransformation")
    for permission in granted:
        assert permission["Principal"] == "apigateway.amazonaws.com"
        assert permission["SourceArn"].endswith("/*/POST/")
        assert ACCOUNT in permission["SourceArn"]


def test_permissions_boundary() -> None:
    """A boundary, where an account demands one, is on all roles."""
    boundary = "arn:aws:iam::111122223333:policy/boundary"
    for values, expected in (({}, None), ({"PermissionsBoundaryArn": boundary}, boundary)):
        roles = Stack(CreateTags="true", **values).of_type("AWS::IAM::Role")
        assert {role.get("PermissionsBoundary") for role in roles.values()} == {expected}


def test_bucket(stack: Stack) -> None:
    """The bucket is private, encrypted and versioned, expires, and outlives the stack."""
    resource = stack.resources["BackupBucket"]
    assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("Retain", "Retain")
    bucket = resource["Properties"]
    blocked = bucket["PublicAccessBlockConfiguration"]
    assert len(blocked) == 4
    assert all(value is True for value in blocked.values())
    assert bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert "BucketName" not in bucket, "a name of its own could not be created twice"
    expire, *_ = bucket["LifecycleConfiguration"]["Rules"]
    assert expire["Status"] == "Enabled"
    assert expire["ExpirationInDays"] == str(parameters()["BackupRetentionDays"]["Default"])
    assert expire["NoncurrentVersionExpiration"]


def test_bucket_policy(stack: Stack) -> None:
    """The bucket's policy grants nothing: it refuses what does not come over TLS."""
    (statement,) = stack.properties("BackupBucketPolicy")["PolicyDocument"]["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert statement["Resource"] == ["arn:of:BackupBucket", "arn:of:BackupBucket/*"]


def test_secret() -> None:
    """A token becomes a secret of the shape that Firehose reads; an ARN is used as it is."""
    made = Stack(MetricsToken="user:token-1")
    assert json.loads(made.properties("TokenSecret")["SecretString"]) == {"api_key": "user:token-1"}
    assert "GenerateSecretString" not in made.properties("TokenSecret")
    pattern = re.compile(parameters()["MetricsToken"]["AllowedPattern"])
    wrong = ("", "x", "TOKEN", 'token-1"', "token-1\\", "token 12", "token-12\n")
    assert not any(pattern.fullmatch(token) for token in wrong)
    assert all(pattern.fullmatch(token) for token in ("none", "user:token-1", "t" * 4096))
    given = Stack(MetricsToken="none", TokenSecretArn=ARN)
    assert not given.of_type("AWS::SecretsManager::Secret")
    for stack in (made, given):
        arn = stack.outputs["TokenSecretArn"]["Value"]
        endpoint = stack.properties("DeliveryStream")["HttpEndpointDestinationConfiguration"]
        assert endpoint["SecretsManagerConfiguration"]["SecretARN"] == arn
        assert endpoint["SecretsManagerConfiguration"]["Enabled"] is True
        assert "AccessKey" not in endpoint["EndpointConfiguration"]
        reading = [s["Resource"] for _, s in policies(stack) if s["Action"] == READ_SECRET]
        assert reading == [arn, arn, arn]
    assert given.outputs["TokenSecretArn"]["Value"] == ARN


def test_key_is_generated_where_there_is_no_token() -> None:
    """Without a token Firehose sends a random key, of the shape that it reads."""
    secret = Stack(MetricsToken="none", RemoteWriteAuth="none").properties("TokenSecret")
    assert "SecretString" not in secret
    assert secret["GenerateSecretString"] == {
        "SecretStringTemplate": "{}",
        "GenerateStringKey": "api_key",
        "ExcludePunctuation": True,
        "PasswordLength": 64,
    }


def test_log_groups(stack: Stack) -> None:
    """All log groups are the stack's own, with retention, and all logs go there."""
    groups = stack.of_type("AWS::Logs::LogGroup")
    assert groups.keys() == {
        *("FunctionLogGroup", "FirehoseLogGroup", "ReplayLogGroup", "TagsLogGroup")
    }
    default = str(parameters()["LogRetentionDays"]["Default"])
    assert {group["RetentionInDays"] for group in groups.values()} == {default}
    function = stack.properties("MetricStreamFunction")
    assert function["LoggingConfig"]["LogGroup"] == "FunctionLogGroup"


@pytest.mark.parametrize("mode", ["FailedDataOnly", "AllData"])
@pytest.mark.parametrize("ingress", INGRESSES)
def test_firehose_logs_its_errors(ingress: str, mode: str) -> None:
    """Error logging is on for every place that Firehose writes to, in streams that exist."""
    stack = Stack(Ingress=ingress, S3BackupMode=mode)
    streams = {s["LogStreamName"] for s in stack.of_type("AWS::Logs::LogStream").values()}
    names = {"FirehoseDeliveryLogStream", "FirehoseBackupLogStream"}
    assert streams == {stack.properties(name)["LogStreamName"] for name in names}
    found = list(destinations(stack.properties("DeliveryStream")))
    assert len(found) == (1 if (ingress, mode) == ("Transformation", "FailedDataOnly") else 2)
    for place in found:
        logging = place["CloudWatchLoggingOptions"]
        assert logging["Enabled"] is True
        assert logging["LogGroupName"] == "FirehoseLogGroup"
        assert logging["LogStreamName"] in names


def destinations(item: Any) -> Iterator[dict[str, Any]]:
    """Give everything inside that Firehose delivers to: whatever has an endpoint or a bucket."""
    if isinstance(item, dict):
        if "BucketARN" in item or "EndpointConfiguration" in item:
            yield item
        for inner in item.values():
            yield from destinations(inner)
