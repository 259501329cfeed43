"""What an account has or requires: keys, a network, a workspace of Amazon Managed Prometheus."""

import pytest

from handler.settings import read_settings
from handler.sigv4 import SigV4Auth
from tests.support.policies import DESCRIBE, READ_SECRET, actions, policies
from tests.support.stack import ARN, INGRESSES, KEY, ROLE, WORKSPACE, Stack, listed

INTERFACES = {
    *("ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface"),
    *("ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses"),
}


@pytest.mark.parametrize("ingress", INGRESSES)
def test_keys_may_decrypt_the_secrets_that_may_be_read(ingress: str) -> None:
    """Whatever key encrypts a secret, who may read it may have it decrypted, and nothing else."""
    names = ("TokenSecretArn", "RemoteWriteHeadersArn", "LogsTokenSecretArn")
    given = Stack(Ingress=ingress, **{name: f"{ARN}-{name}" for name in names})
    readable: dict[str, set[str]] = {}
    decrypted: dict[str, set[str]] = {}
    for role, statement in policies(given):
        if statement["Action"] == READ_SECRET:
            readable.setdefault(role, set()).add(statement["Resource"])
        if statement["Action"] == "kms:Decrypt":
            ((name, arns),) = statement["Condition"]["StringEquals"].items()
            assert name == "kms:EncryptionContext:SecretARN"
            decrypted.setdefault(role, set()).update(listed(arns))
    assert decrypted == readable
    assert len(readable["FunctionRole"]) == 3


@pytest.mark.parametrize("key", ["", KEY])
def test_data_at_rest(key: str) -> None:
    """A key of the operator's encrypts bucket and log groups, and those who write may use it."""
    given = Stack(KmsKeyArn=key)
    (rule,) = given.properties("BackupBucket")["BucketEncryption"][
        "ServerSideEncryptionConfiguration"
    ]
    default = rule["ServerSideEncryptionByDefault"]
    assert default.get("KMSMasterKeyID", "") == key
    assert default["SSEAlgorithm"] == ("aws:kms" if key else "AES256")
    groups = given.of_type("AWS::Logs::LogGroup").values()
    assert {group.get("KmsKeyId", "") for group in groups} == {key}
    using = {
        role: (s["Action"], s["Condition"]) for role, s in policies(given) if s["Resource"] == KEY
    }
    # The key may encrypt more than what is the stack's.
    by_s3 = {"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}}
    both = (["kms:Decrypt", "kms:GenerateDataKey"], by_s3)
    assert using == ({"FirehoseRole": both, "ReplayRole": both} if key else {})


def test_network() -> None:
    """Both functions are in the operator's network, with what Lambda needs for that."""
    given = Stack(SubnetIds="subnet-1,subnet-2", SecurityGroupIds="sg-1,sg-2")
    for name in ("MetricStreamFunction", "ReplayFunction"):
        assert given.properties(name)["VpcConfig"] == {
            "SubnetIds": ["subnet-1", "subnet-2"],
            "SecurityGroupIds": ["sg-1", "sg-2"],
        }
        assert "VpcConfig" not in Stack().properties(name)
    usual = actions(Stack())
    for role in ("FunctionRole", "ReplayRole"):
        assert actions(given)[role] - usual[role] == DESCRIBE | INTERFACES


@pytest.mark.parametrize(
    ("more", "action", "resource"),
    [
        ({}, "aps:RemoteWrite", WORKSPACE),
        ({"PrometheusRoleArn": ROLE}, "sts:AssumeRole", ROLE),
    ],
)
def test_workspace(more: dict[str, str], action: str, resource: str) -> None:
    """Both functions may write to the workspace, or assume the role that may, and no more."""
    given = Stack(MetricsToken="none", PrometheusWorkspaceArn=WORKSPACE, **more)
    usual = actions(Stack())
    changed = {role: done - usual[role] for role, done in actions(given).items()}
    roles = {"FunctionRole", "ReplayRole"}
    assert changed == {role: {action} if role in roles else set() for role in usual}
    limits = {role: s["Resource"] for role, s in policies(given) if s["Action"] == action}
    assert limits == dict.fromkeys(roles, resource)


@pytest.mark.parametrize(
    ("partition", "region", "domain"),
    [
        ("aws", "eu-west-1", "amazonaws.com"),
        ("aws-cn", "cn-north-1", "amazonaws.com.cn"),
    ],
)
def test_address_of_a_workspace(partition: str, region: str, domain: str) -> None:
    """URL and scheme follow from the ARN and its partition, for both functions."""
    arn = WORKSPACE.replace(":aws:", f":{partition}:").replace("eu-west-1", region)
    given = Stack(region, MetricsToken="none", PrometheusWorkspaceArn=arn, PrometheusRoleArn=ROLE)
    assert not given.broken_rules()
    for function in ("MetricStreamFunction", "ReplayFunction"):
        settings = read_settings(given.environment(function) | {"AWS_REGION": "us-east-1"})
        workspace = arn.partition("/")[2]
        host = f"aps-workspaces.{region}.{domain}"
        assert settings.listener == f"https://{host}/workspaces/{workspace}/api/v1/remote_write"
        assert settings.scheme is SigV4Auth
        assert settings.sigv4_role_arn == ROLE
