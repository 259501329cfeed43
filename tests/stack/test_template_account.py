"""What an account has or requires: keys, a network, a workspace of Amazon Managed Prometheus."""

import pytest

from handler.settings import read_settings
from handler.sigv4 import SigV4Auth
from tests.support.policies import DESCRIBE, READ_SECRET, actions, policies
from tests.support.stack import ARN, FUNCTIONS, INGRESSES, KEY, ROLE, WORKSPACE, Stack, listed

ROLES = ("FunctionRole", "ReplayRole", "TagsRole")
"""Those of the functions."""

INTERFACES = {
    *("ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface"),
    *("ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses"),
}


@pytest.mark.parametrize("ingress", INGRESSES)
def test_keys_may_decrypt_the_secrets_that_may_be_read(ingress: str) -> None:
    """Whatever key encrypts a secret, who may read it may have it decrypted, and nothing else."""
    names = ("TokenSecretArn", "RemoteWriteHeadersArn", "LogsTokenSecretArn")
    arns = {name: f"{ARN}-{name}" for name in names}
    given = Stack(Ingress=ingress, CreateTags="true", **arns)
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
    given = Stack(KmsKeyArn=key, CreateTags="true")
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
    roles = ("FirehoseRole", "ReplayRole", "TagsRole")
    assert using == (dict.fromkeys(roles, both) if key else {})


def test_network() -> None:
    """All functions are in the operator's network, with what Lambda needs for that."""
    plain = Stack(CreateTags="true")
    given = Stack(CreateTags="true", SubnetIds="subnet-1,subnet-2", SecurityGroupIds="sg-1,sg-2")
    for name in FUNCTIONS:
        assert given.properties(name)["VpcConfig"] == {
            "SubnetIds": ["subnet-1", "subnet-2"],
            "SecurityGroupIds": ["sg-1", "sg-2"],
        }
        assert "VpcConfig" not in plain.properties(name)
    usual = actions(plain)
    for role in ROLES:
        assert actions(given)[role] - usual[role] == DESCRIBE | INTERFACES


@pytest.mark.parametrize(
    ("more", "action", "resource"),
    [
        ({}, "aps:RemoteWrite", WORKSPACE),
        ({"PrometheusRoleArn": ROLE}, "sts:AssumeRole", ROLE),
    ],
)
def test_workspace(more: dict[str, str], action: str, resource: str) -> None:
    """All functions may write to the workspace, or assume the role that may, and no more."""
    given = Stack(MetricsToken="none", CreateTags="true", PrometheusWorkspaceArn=WORKSPACE, **more)
    usual = actions(Stack(CreateTags="true"))
    changed = {role: done - usual[role] for role, done in actions(given).items()}
    assert changed == {role: {action} if role in ROLES else set() for role in usual}
    limits = {role: s["Resource"] for role, s in policies(given) if s["Action"] == action}
    assert limits == dict.fromkeys(ROLES, resource)


@pytest.mark.parametrize(
    ("partition", "region", "domain"),
    [
        ("aws", "eu-west-1", "amazonaws.com"),
        ("aws-cn", "cn-north-1", "amazonaws.com.cn"),
    ],
)
def test_address_of_a_workspace(partition: str, region: str, domain: str) -> None:
    """URL and scheme follow from the ARN and its partition, for all functions."""
    arn = WORKSPACE.replace(":aws:", f":{partition}:").replace("eu-west-1", region)
    own = {"PrometheusWorkspaceArn": arn, "PrometheusRoleArn": ROLE, "CreateTags": "true"}
    given = Stack(region, MetricsToken="none", **own)
    assert not given.broken_rules()
    for function in FUNCTIONS:
        settings = read_settings(given.environment(function) | {"AWS_REGION": "us-east-1"})
        workspace = arn.partition("/")[2]
        host = f"aps-workspaces.{region}.{domain}"
        assert settings.listener == f"https://{host}/workspaces/{workspace}/api/v1/remote_write"
        assert settings.scheme is SigV4Auth
        assert settings.sigv4_role_arn == ROLE
