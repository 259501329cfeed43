"""What an account has or requires, in Terraform: a workspace, a network, a key."""

import json
from collections.abc import Callable

import pytest

from tests.support.stack import KEY, ROLE, WORKSPACE, Stack
from tests.support.terraform_module import snake
from tests.support.terraform_runs import FUNCTIONS, Applied, Deployment, assert_same_variables

pytestmark = pytest.mark.slow


def test_a_workspace_of_the_same_configuration_needs_no_second_apply(
    deployment: Deployment,
) -> None:
    """With remote_write_auth as none the plan knows without the ARN that no token is needed."""
    arns = {
        "prometheus_workspace_arn": WORKSPACE,
        "prometheus_role_arn": ROLE,
        "kms_key_arn": KEY,
    }
    made = {"terraform_data": {name: {"input": arn} for name, arn in arns.items()}}
    unknown = {name: f"${{terraform_data.{name}.output}}" for name in arns}
    deployment.configure(
        resources=made, metrics_token="none", remote_write_auth="none", **unknown
    ).apply()
    assert deployment.changes() == []


@pytest.mark.parametrize("role", ["", ROLE])
def test_a_workspace_has_the_variables_and_permissions_of_the_template(
    deployment: Deployment, role: str
) -> None:
    """URL and scheme follow from its ARN; one action is allowed, on it or on the role."""
    parameters = {
        "MetricsToken": "none",
        "PrometheusWorkspaceArn": WORKSPACE,
        "PrometheusRoleArn": role,
    }
    made = deployment.configure(
        create_tags=True, **{snake(n): v for n, v in parameters.items()}
    ).apply()
    assert_same_variables(made, Stack(CreateTags="true", **parameters))
    wanted = ["sts:AssumeRole"] if role else ["aps:RemoteWrite"]
    for name in ("function", "replay", "tags[0]"):
        policy = json.loads(made[f"aws_iam_role_policy.{name}"]["policy"])
        limits = {s["Resource"][0]: s["Action"] for s in policy["Statement"]}
        assert {it: limits.get(it) for it in (WORKSPACE, ROLE)} == {
            WORKSPACE: None if role else wanted,
            ROLE: wanted if role else None,
        }


def test_network_and_key_are_the_operators(everything: Callable[[str], Applied]) -> None:
    """All functions are in the network, and the key encrypts what is stored."""
    made, _, stack = everything("FunctionUrl")
    for our, their in FUNCTIONS.items():
        (block,) = made[f"aws_lambda_function.{our}"]["vpc_config"]
        wanted = stack.properties(their)["VpcConfig"]
        assert sorted(block["subnet_ids"]) == wanted["SubnetIds"]
        assert block["security_group_ids"] == wanted["SecurityGroupIds"]
    groups = [one for name, one in made.items() if name.startswith("aws_cloudwatch_log_group.")]
    assert {one["kms_key_id"] for one in groups} == {KEY}
    (rule,) = made["aws_s3_bucket_server_side_encryption_configuration.backup"]["rule"]
    assert rule["apply_server_side_encryption_by_default"] == [
        {"sse_algorithm": "aws:kms", "kms_master_key_id": KEY}
    ]
