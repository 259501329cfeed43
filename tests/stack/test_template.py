"""The stack: its parameters, what they reach, the ingresses and the way of a delivery."""

import json
from typing import Any

import pytest

from handler.settings import VARIABLES, read_settings
from tests.support.stack import INGRESSES, Stack, parameters, source, transformed

NOT_SET_BY_THE_TEMPLATE = {
    *("AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"),
    *("LOGZIO_METRICS_TOKEN", "FIREHOSE_ACCESS_KEY", "POWERTOOLS_SERVICE_NAME"),
}
"""Lambda sets the first, secrets replace two, and the last one's default is the function's."""

BY_INGRESS = {
    "HttpApi": ("AWS::ApiGatewayV2::Api", "https://HttpApi.execute-api.us-east-1.amazonaws.com/"),
    "RestApi": (
        "AWS::ApiGateway::RestApi",
        "https://RestApi.execute-api.us-east-1.amazonaws.com/RestApiStage/",
    ),
    "FunctionUrl": ("AWS::Lambda::Url", "FunctionUrl.FunctionUrl"),
}
"""The resource of an ingress, and the URL that Firehose delivers to."""

OPTIONS = {
    "TokenSecretArn": "arn:aws:secretsmanager:us-east-1:111122223333:secret:own-a1B2c3",
    "TokenSecretKmsKeyArn": "arn:aws:kms:us-east-1:111122223333:key/own",
    "PermissionsBoundaryArn": "arn:aws:iam::111122223333:policy/boundary",
    "AlarmTopicArn": "arn:aws:sns:us-east-1:111122223333:alarms",
    "ReservedConcurrency": "5",
    "LogsToken": "token",
    "LogsTokenSecretArn": "arn:aws:secretsmanager:us-east-1:111122223333:secret:logs-a1B2c3",
    "LogsTokenSecretKmsKeyArn": "arn:aws:kms:us-east-1:111122223333:key/logs",
    "LogsDestination": "datatap",
    "LogsListener": "https://tap.example",
    "CreateReplayFunction": "false",
    "CreateAlarms": "false",
    "CreateDashboard": "false",
    "S3BackupMode": "AllData",
    "ContentEncoding": "GZIP",
    "IncludeNamespace2": "AWS/EC2",
    "ExcludeNamespace1": "AWS/Usage",
    "StatisticsNamespace3": "AWS/Lambda",
}


def destination(stack: Stack) -> Any:
    """Give the HTTP destination of the Firehose stream."""
    return stack.properties("DeliveryStream")["HttpEndpointDestinationConfiguration"]


@pytest.mark.parametrize("ingress", INGRESSES)
@pytest.mark.parametrize("options", [[], *([name] for name in OPTIONS), list(OPTIONS)], ids=str)
def test_nothing_refers_to_what_is_not_made(ingress: str, options: list[str]) -> None:
    """Every optional part can be left out or taken with every ingress, and so can all of them."""
    assert Stack(Ingress=ingress, **{name: OPTIONS[name] for name in options}).resources


@pytest.mark.parametrize("name", parameters())
def test_parameter_is_described(name: str) -> None:
    """Each parameter has a description, a default, a place in a group, and a use."""
    declared = parameters()[name]
    assert len(declared["Description"]) > 10
    assert declared["Description"].endswith(".")
    assert "Default" in declared
    groups = source()["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert sum(group["Parameters"].count(name) for group in groups) == 1
    template = transformed()
    used = json.dumps([template["Resources"], template["Conditions"]])
    assert f'{{"Ref": "{name}"}}' in used or f"${{{name}}}" in used


def test_secrets_are_not_shown() -> None:
    """A description of the stack shows no token, and no header that may hold one."""
    hidden = {name for name, declared in parameters().items() if declared.get("NoEcho")}
    assert hidden == {"MetricsToken", "RemoteWriteHeaders", "LogsToken"}


def processor_of(stack: Stack) -> dict[str, str]:
    """Give the parameters of the processor of a transformation."""
    target = stack.properties("DeliveryStream")["ExtendedS3DestinationConfiguration"]
    (processor,) = target["ProcessingConfiguration"]["Processors"]
    return {p["ParameterName"]: p["ParameterValue"] for p in processor["Parameters"]}


def test_buffering_is_bounded() -> None:
    """Firehose's buffer stays below what Lambda takes: base64, JSON and the last record too."""
    size, seconds = parameters()["BufferSizeMB"], parameters()["BufferIntervalSeconds"]
    assert (size["Default"], size["MinValue"], size["MaxValue"]) == (1, 1, 3)
    assert seconds["Default"] == 60
    hints = destination(Stack())["BufferingHints"]
    assert hints == {"SizeInMBs": "1", "IntervalInSeconds": "60"}
    given = processor_of(Stack(Ingress="Transformation", BufferSizeMB="2"))
    assert (given["BufferSizeInMBs"], given["BufferIntervalInSeconds"]) == ("2", "60")


def test_retries_of_a_transformation() -> None:
    """Firehose repeats a failed invocation as often as the parameter says, within a day."""
    retries, timeout = parameters()["TransformRetries"], parameters()["FunctionTimeoutSeconds"]
    # "The maximum data storage time of Amazon Data Firehose is 24 hours." - "Handle data delivery
    # failure"; "supports a Lambda invocation time of up to 5 minutes" - "Transform source data"
    assert (retries["MaxValue"] + 1) * timeout["MaxValue"] < 24 * 3600
    assert timeout["MaxValue"] <= 300
    stack = Stack(Ingress="Transformation", TransformRetries="7")
    assert processor_of(stack)["NumberOfRetries"] == "7"


def test_backup_mode() -> None:
    """Only what failed is backed up, unless everything is wanted."""
    assert parameters()["S3BackupMode"]["Default"] == "FailedDataOnly"
    assert destination(Stack())["S3BackupMode"] == "FailedDataOnly"
    assert destination(Stack(S3BackupMode="AllData"))["S3BackupMode"] == "AllData"
    for mode, enabled in (("FailedDataOnly", "Disabled"), ("AllData", "Enabled")):
        stack = Stack(Ingress="Transformation", S3BackupMode=mode)
        target = stack.properties("DeliveryStream")["ExtendedS3DestinationConfiguration"]
        assert target["S3BackupMode"] == enabled
        assert ("S3BackupConfiguration" in target) == (enabled == "Enabled")


@pytest.mark.parametrize("wanted", ["NONE", "GZIP"])
@pytest.mark.parametrize("ingress", INGRESSES[:3])
def test_gzip_only_with_the_function_url(ingress: str, wanted: str) -> None:
    """An API Gateway may destroy a gzip body, so it never gets one."""
    request = destination(Stack(Ingress=ingress, ContentEncoding=wanted))["RequestConfiguration"]
    assert request["ContentEncoding"] == (wanted if ingress == "FunctionUrl" else "NONE")
    assert parameters()["ContentEncoding"]["Default"] == "NONE"


@pytest.mark.parametrize("ingress", INGRESSES)
def test_ingresses_exclude_each_other(ingress: str) -> None:
    """One ingress is made, Firehose's address is its own, and nothing else is public."""
    stack = Stack(Ingress=ingress)
    kind, url = BY_INGRESS.get(ingress, (None, None))
    kinds = {resource["Type"] for resource in stack.resources.values()}
    public = kinds & {kind for kind, _url in BY_INGRESS.values()}
    assert public == ({kind} if kind else set())
    stream = stack.properties("DeliveryStream")
    assert ("ExtendedS3DestinationConfiguration" in stream) == (ingress == "Transformation")
    assert ("HttpEndpointDestinationConfiguration" in stream) == (ingress != "Transformation")
    if url:
        assert destination(stack)["EndpointConfiguration"]["Url"] == url


def test_function_options() -> None:
    """Concurrency is reserved only where it is set; the budget ends before the timeouts do."""
    assert "ReservedConcurrentExecutions" not in Stack().properties("MetricStreamFunction")
    limited = Stack(ReservedConcurrency="7").properties("MetricStreamFunction")
    assert limited["ReservedConcurrentExecutions"] == "7"
    budget, timeout = parameters()["DeliveryBudgetSeconds"], parameters()["FunctionTimeoutSeconds"]
    assert budget["Default"] < min(29, timeout["Default"])


def test_settings_know_every_variable() -> None:
    """The template sets every variable that the settings know, but for those of Lambda."""
    given = {name for ingress in INGRESSES for name in Stack(Ingress=ingress).environment()}
    assert given == set(VARIABLES) - NOT_SET_BY_THE_TEMPLATE


@pytest.mark.parametrize("ingress", INGRESSES)
def test_settings_take_the_defaults(ingress: str) -> None:
    """The function runs with the defaults, and gets its secret where its ingress needs it."""
    settings = read_settings(Stack(Ingress=ingress).environment())
    arns = (settings.access_key_arn, settings.token_arn)
    assert [arn is not None for arn in arns] == [
        ingress != "Transformation",
        ingress == "Transformation",
    ]
    assert settings.warnings == ()


@pytest.mark.parametrize("name", parameters())
def test_settings_take_every_allowed_value(name: str) -> None:
    """No value that a parameter allows is a problem to the function."""
    declared = parameters()[name]
    bounds = [declared[bound] for bound in ("MinValue", "MaxValue") if bound in declared]
    for value in [*declared.get("AllowedValues", []), *bounds]:
        # A problem with a setting is raised.
        read_settings(Stack(**{name: str(value)}).environment())


def test_namespaces_and_statistics() -> None:
    """Filters and additional statistics reach the metric stream, empty slots do not."""
    plain = Stack().properties("MetricStream")
    assert not plain.keys() & {"IncludeFilters", "ExcludeFilters", "StatisticsConfigurations"}
    assert plain["OutputFormat"] == "opentelemetry1.0"
    assert plain["IncludeLinkedAccountsMetrics"] == "false"
    included = Stack(IncludeNamespace2="AWS/EC2", IncludeNamespace5="AWS/RDS")
    filters = included.properties("MetricStream")["IncludeFilters"]
    assert filters == [{"Namespace": "AWS/EC2"}, {"Namespace": "AWS/RDS"}]
    excluded = Stack(ExcludeNamespace3="AWS/Usage").properties("MetricStream")
    assert excluded["ExcludeFilters"] == [{"Namespace": "AWS/Usage"}]
    statistics = Stack(StatisticsNamespace2="AWS/ELB", StatisticsMetricName2="Latency")
    assert statistics.properties("MetricStream")["StatisticsConfigurations"] == [
        {
            "AdditionalStatistics": ["p50", "p90", "p99"],
            "IncludeMetrics": [{"Namespace": "AWS/ELB", "MetricName": "Latency"}],
        }
    ]
