"""The module's third function, which sends the tags of resources, is that of template.yaml."""

import json
from collections.abc import Callable

import pytest

from tests.support.policies import policies
from tests.support.stack import ROLE
from tests.support.terraform_runs import Applied

pytestmark = pytest.mark.slow


def test_the_schedule_is_the_templates(everything: Callable[[str], Applied]) -> None:
    """It invokes the function as often, and what fails is not repeated."""
    made, _, stack = everything("HttpApi")
    schedule, theirs = made["aws_scheduler_schedule.tags[0]"], stack.properties("TagsSchedule")
    assert schedule["schedule_expression"] == theirs["ScheduleExpression"]
    assert schedule["flexible_time_window"][0]["mode"] == theirs["FlexibleTimeWindow"]["Mode"]
    (target,) = schedule["target"]
    function = made["aws_lambda_function.tags[0]"]["arn"]
    assert target["arn"] == function
    assert target["role_arn"] == made["aws_iam_role.tags_schedule[0]"]["arn"]
    (ours,) = target["retry_policy"]
    retries = ("MaximumRetryAttempts", "MaximumEventAgeInSeconds")
    assert [ours["maximum_retry_attempts"], ours["maximum_event_age_in_seconds"]] == [
        theirs["Target"]["RetryPolicy"][name] for name in retries
    ]
    (invoked,) = stack.of_type("AWS::Lambda::EventInvokeConfig").values()
    config = made["aws_lambda_function_event_invoke_config.tags[0]"]
    assert [config["maximum_retry_attempts"], config["maximum_event_age_in_seconds"]] == [
        invoked[name] for name in retries
    ]
    (granted,) = json.loads(made["aws_iam_role_policy.tags_schedule[0]"]["policy"])["Statement"]
    assert (granted["Action"], granted["Resource"]) == (["lambda:InvokeFunction"], [function])


def test_its_permissions_are_the_templates(everything: Callable[[str], Applied]) -> None:
    """The same actions are allowed, and only the roles that are named may be assumed."""
    made, _, stack = everything("HttpApi")
    statements = json.loads(made["aws_iam_role_policy.tags[0]"]["policy"])["Statement"]
    theirs = [statement for role, statement in policies(stack) if role == "TagsRole"]
    assert {a for s in statements for a in s["Action"]} == {
        action
        for s in theirs
        for action in (s["Action"] if isinstance(s["Action"], list) else [s["Action"]])
    }
    (assumed,) = [s["Resource"] for s in statements if s["Action"] == ["sts:AssumeRole"]]
    assert assumed == [ROLE, f"{ROLE}-2"]


def test_its_last_sweeps_expire(everything: Callable[[str], Applied]) -> None:
    """The bucket has the template's rule for them."""
    made, _, stack = everything("HttpApi")
    rules = made["aws_s3_bucket_lifecycle_configuration.backup"]["rule"]
    (ours,) = [rule for rule in rules if rule["id"] == "last-sweep"]
    *_, theirs = stack.properties("BackupBucket")["LifecycleConfiguration"]["Rules"]
    assert ours["filter"][0]["prefix"] == theirs["Prefix"]
    (expiration,) = ours["noncurrent_version_expiration"]
    days = theirs["NoncurrentVersionExpiration"]["NoncurrentDays"]
    assert expiration["noncurrent_days"] == days


def test_its_widget_is_where_the_template_has_it(everything: Callable[[str], Applied]) -> None:
    """All widgets of the dashboard have the template's places and periods."""
    made, _, stack = everything("HttpApi")
    ours, theirs = (
        [
            (it["x"], it["y"], it["width"], it["properties"]["title"], it["properties"]["period"])
            for it in json.loads(body)["widgets"]
        ]
        for body in (
            made["aws_cloudwatch_dashboard.pipeline[0]"]["dashboard_body"],
            stack.properties("Dashboard")["DashboardBody"],
        )
    )
    assert ours == theirs
    assert ours[-1][3].startswith("Tags")
