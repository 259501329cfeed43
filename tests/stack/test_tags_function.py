"""The third function of the stack, which sends the tags of resources."""

import json

import pytest

from handler.clock import Clock
from handler.settings import read_settings
from handler.telemetry import Telemetry
from tags.lookups import LOOKUPS
from tags.sending import SeriesSender
from tags.sweep import Sweep
from tests.support.alarms import NAMESPACE, alarms_of, metric_of
from tests.support.invoking import settings_for
from tests.support.policies import may, policies
from tests.support.stack import ROLE, Stack, listed, parameters, source

TAGS = {"CreateTags": "true"}
BUCKET = "arn:of:BackupBucket"
OTHER = "arn:aws:iam::333344445555:role/tags"
MINUTES = [str(minutes) for minutes in parameters()["TagRefreshMinutes"]["AllowedValues"]]


def test_nothing_of_it_is_made_by_default() -> None:
    """Without CreateTags there is no function, role, rule, log group, alarm, output or widget."""
    stack = Stack()
    assert not [name for name in stack.resources if "Tag" in name]
    assert not [name for name in stack.outputs if "Tag" in name]
    assert "Tag" not in json.dumps(stack.properties("Dashboard"))
    assert len(stack.properties("BackupBucket")["LifecycleConfiguration"]["Rules"]) == 2


def test_settings_are_the_replays() -> None:
    """It has the variables of the replay, which sends to the same listener, and the roles."""
    stack = Stack(**TAGS, TagRoleArns=f"{ROLE},{OTHER}", P8sLogzioName="prod")
    replay = stack.environment("ReplayFunction")
    assert stack.environment("TagsFunction") == replay | {"TAG_ROLE_ARNS": f"{ROLE},{OTHER}"}


@pytest.mark.parametrize("minutes", MINUTES)
def test_a_sweep_ends_before_the_next_one_begins(minutes: str) -> None:
    """One schedule invokes it; what fails is not repeated, and what is late is left out."""
    stack = Stack(**TAGS, TagRefreshMinutes=minutes)
    (schedule,) = stack.of_type("AWS::Scheduler::Schedule").values()
    assert schedule["ScheduleExpression"] == f"rate({minutes} minutes)"
    assert schedule["FlexibleTimeWindow"] == {"Mode": "OFF"}
    assert schedule["Target"]["Arn"] == "arn:of:TagsFunction"
    assert schedule["Target"]["RetryPolicy"]["MaximumRetryAttempts"] == 0
    (invoked,) = stack.of_type("AWS::Lambda::EventInvokeConfig").values()
    assert invoked["MaximumRetryAttempts"] == 0
    late = invoked["MaximumEventAgeInSeconds"]
    assert late + stack.properties("TagsFunction")["Timeout"] <= int(minutes) * 60


def test_only_its_schedule_invokes_it() -> None:
    """The schedule's role may invoke it and nothing else; no other event or permission exists."""
    stack = Stack(**TAGS)
    granted = [s for role, s in policies(stack) if role == "TagsScheduleRole"]
    assert [(s["Action"], s["Resource"]) for s in granted] == [
        ("lambda:InvokeFunction", "arn:of:TagsFunction")
    ]
    permissions = stack.of_type("AWS::Lambda::Permission").values()
    assert all(it["FunctionName"] != "TagsFunction" for it in permissions)
    assert "Events" not in source()["Resources"]["TagsFunction"]["Properties"]


@pytest.mark.parametrize(
    ("action", "resource", "allowed"),
    [
        ("tag:GetResources", "*", True),
        ("autoscaling:DescribeAutoScalingGroups", "*", True),
        ("dms:DescribeReplicationInstances", "*", True),
        ("apigateway:GET", "arn:aws:apigateway:us-east-1::/restapis", True),
        ("apigateway:GET", "arn:aws:apigateway:us-east-1::/apikeys", False),
        ("tag:TagResources", "*", False),
        ("s3:GetObject", f"{BUCKET}/tags/f.json.gz", True),
        ("s3:PutObject", f"{BUCKET}/tags/f.json.gz", True),
        # So that a missing object is 404 and not 403.
        ("s3:ListBucket", BUCKET, True),
        ("s3:DeleteObject", f"{BUCKET}/tags/f.json.gz", False),
        ("s3:GetObject", f"{BUCKET}/failed/o.gz", False),
        ("s3:PutObject", f"{BUCKET}/failed/o.gz", False),
        ("sts:AssumeRole", ROLE, True),
        ("sts:AssumeRole", OTHER, True),
        ("sts:AssumeRole", f"{OTHER}-2", False),
    ],
)
def test_what_it_may_do(action: str, resource: str, *, allowed: bool) -> None:
    """It reads tags, keeps the last sweep, and assumes the roles that are named."""
    stack = Stack(**TAGS, TagRoleArns=f"{ROLE},{OTHER}")
    assert may(stack, "TagsRole", action, resource) is allowed


def test_it_may_read_what_a_sweep_reads() -> None:
    """Beside the tags and the groups it may make exactly the lookups of names."""
    reading = Stack(**TAGS).properties("TagsRole")["Policies"][0]["PolicyDocument"]["Statement"]
    actions = {action for it in reading for action in listed(it["Action"])}
    always = {"tag:GetResources", "autoscaling:DescribeAutoScalingGroups"}
    assert actions == always | {lookup.action for lookup in LOOKUPS}


def test_without_other_accounts_it_assumes_no_role() -> None:
    """An empty list of roles is no permission for everything."""
    stack = Stack(**TAGS)
    assert not may(stack, "TagsRole", "sts:AssumeRole", ROLE)
    assert "" not in [s["Resource"] for _, s in policies(stack)]


@pytest.mark.parametrize("minutes", MINUTES)
def test_alarms_count_in_sweeps(minutes: str) -> None:
    """Errors in three of four sweeps are an alarm, and six sweeps without any tags."""
    alarms = alarms_of(Stack(**TAGS, TagRefreshMinutes=minutes))
    dimensions = {"FunctionName": "TagsFunction"}
    errors, silence = alarms["TagErrorsAlarm"], alarms["NoTagsAlarm"]
    assert metric_of(errors) == (NAMESPACE, "TagErrors", dimensions)
    assert metric_of(silence) == (NAMESPACE, "TagsSent", dimensions)
    assert errors["Period"] == silence["Period"] == 60 * int(minutes)
    assert (errors["DatapointsToAlarm"], errors["EvaluationPeriods"]) == (3, 4)
    assert silence["EvaluationPeriods"] == 6


def test_versions_of_the_last_sweep_do_not_pile_up() -> None:
    """Those of a day are kept, of what each sweep writes again; the backup's stay a week."""
    bucket = Stack(**TAGS).properties("BackupBucket")
    rules = {rule["Id"]: rule for rule in bucket["LifecycleConfiguration"]["Rules"]}
    assert rules["last-sweep"] == {
        "Id": "last-sweep",
        "Status": "Enabled",
        "Prefix": "tags/",
        "NoncurrentVersionExpiration": {"NoncurrentDays": 1},
    }
    assert rules["expire"]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 7}


def test_dashboard_shows_the_sweeps(capsys: pytest.CaptureFixture[str]) -> None:
    """It has one widget more, with all metrics that a sweep writes."""
    plain, tagged = (
        json.loads(Stack(**given).properties("Dashboard")["DashboardBody"])["widgets"]
        for given in ({}, TAGS)
    )
    assert tagged[:-1] == plain
    shown = [row[1] for row in tagged[-1]["properties"]["metrics"]]
    telemetry = Telemetry({"AWS_LAMBDA_FUNCTION_NAME": "TagsFunction"})
    settings = read_settings(settings_for("http://127.0.0.1:9/"))
    sender = SeriesSender(settings, Clock(), telemetry)
    Sweep(sender, telemetry, time_ms=0, end=0).report(milliseconds=0)
    (written,) = [
        it for it in map(json.loads, capsys.readouterr().out.splitlines()) if "_aws" in it
    ]
    (directive,) = written["_aws"]["CloudWatchMetrics"]
    assert (directive["Namespace"], directive["Dimensions"]) == (NAMESPACE, [["FunctionName"]])
    assert [metric["Name"] for metric in directive["Metrics"]] == shown
    assert tagged[-1]["y"] == plain[-1]["y"] + plain[-1]["height"]
