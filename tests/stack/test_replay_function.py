"""The second function of the stack, which replays the backup."""

import pytest

from handler.settings import read_settings
from replay.locations import BUCKET_CHECKPOINTS
from replay.stores import REPLAYED
from tests.support.policies import may
from tests.support.stack import INGRESSES, Stack, source

BUCKET = "arn:of:BackupBucket"
NOT_FOR_REPLAY = {
    "FIREHOSE_ACCESS_KEY_ARN",
    "DELIVERY_BUDGET_SECONDS",
}
"""What is about deliveries alone: who may deliver, and how long one may take."""


@pytest.mark.parametrize("ingress", INGRESSES)
def test_settings_are_the_functions(ingress: str) -> None:
    """It has the settings of the function, the secret of the token, and the bucket."""
    stack = Stack(Ingress=ingress, P8sLogzioName="prod", ListenerUrl="https://l.example/w")
    variables = stack.environment("ReplayFunction")
    assert variables["BACKUP_BUCKET"] == "BackupBucket"
    assert variables["LOGZIO_METRICS_TOKEN_ARN"] == stack.outputs["TokenSecretArn"]["Value"]
    settings = read_settings(variables)
    assert (settings.p8s_logzio_name, settings.listener) == ("prod", "https://l.example/w")
    function = stack.environment()
    shared = function.keys() - NOT_FOR_REPLAY - {"LOGZIO_METRICS_TOKEN_ARN"}
    assert {name: variables[name] for name in shared} == {name: function[name] for name in shared}
    assert variables.keys() == shared | {"BACKUP_BUCKET", "LOGZIO_METRICS_TOKEN_ARN"}


def test_only_an_operator_invokes_it() -> None:
    """It has the longest timeout that Lambda allows, and neither an event nor a permission."""
    function = Stack().properties("ReplayFunction")
    assert function["Timeout"] == 900
    assert "Events" not in source()["Resources"]["ReplayFunction"]["Properties"]
    for ingress in INGRESSES:
        permissions = Stack(Ingress=ingress).of_type("AWS::Lambda::Permission")
        assert all(p["FunctionName"] != "ReplayFunction" for p in permissions.values())


@pytest.mark.parametrize(
    ("action", "resource", "allowed"),
    [
        ("s3:ListBucket", BUCKET, True),
        ("s3:GetObject", f"{BUCKET}/failed/http-endpoint-failed/2026/11/20/14/o.gz", True),
        ("s3:GetObject", f"{BUCKET}/all-data/2026/11/20/14/o.gz", True),
        ("s3:DeleteObject", f"{BUCKET}/failed/o.gz", True),
        ("s3:PutObject", f"{BUCKET}/{REPLAYED}/failed/o.gz", True),
        ("s3:PutObject", f"{BUCKET}/{BUCKET_CHECKPOINTS}failed/o.gz.json", True),
        ("s3:GetObject", f"{BUCKET}/{BUCKET_CHECKPOINTS}failed/o.gz.json", True),
        ("s3:PutObject", f"{BUCKET}/failed/o.gz", False),
        ("s3:PutObject", f"{BUCKET}/all-data/o.gz", False),
        ("s3:DeleteObject", f"{BUCKET}/{REPLAYED}/failed/o.gz", False),
        ("s3:DeleteObject", f"{BUCKET}/{BUCKET_CHECKPOINTS}failed/o.gz.json", False),
        ("s3:GetObject", f"{BUCKET}/delivered/o.gz", False),
        ("s3:ListBucket", "arn:of:OtherBucket", False),
    ],
)
def test_what_it_may_do(action: str, resource: str, *, allowed: bool) -> None:
    """It reads and deletes the backup, writes copies and notes, and does no more in the bucket."""
    assert may(Stack(), "ReplayRole", action, resource) is allowed


def test_firehose_writes_where_it_reads() -> None:
    """The prefixes that Firehose writes with are those that it may read, notes are elsewhere."""
    stack = Stack(S3BackupMode="AllData")
    target = stack.properties("DeliveryStream")["HttpEndpointDestinationConfiguration"]
    s3 = target["S3Configuration"]
    assert s3["ErrorOutputPrefix"].startswith("failed/")
    assert s3["Prefix"].startswith("all-data/")
    (metrics,) = stack.properties("BackupBucket")["MetricsConfigurations"]
    assert not BUCKET_CHECKPOINTS.startswith(metrics["Prefix"])
    assert not f"{REPLAYED}/".startswith(metrics["Prefix"])
