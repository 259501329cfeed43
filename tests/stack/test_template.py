"""The stack: its parameters, what they reach, the ingresses and the way of a delivery."""

import hashlib
import json
import re
from typing import Any

import pytest

from handler.settings import VARIABLES, read_settings
from tests.support.stack import (
    INGRESSES,
    ROLE,
    WORKSPACE,
    Stack,
    parameters,
    source,
    transformed,
)

SET_BY_THE_TEMPLATE = {
    *("LOGZIO_METRICS_LISTENER", "LOGZIO_REGION", "REMOTE_WRITE_AUTH", "REMOTE_WRITE_HEADERS_ARN"),
    *("P8S_LOGZIO_NAME", "DELIVERY_BUDGET_SECONDS", "SETTINGS", "SIGV4_ROLE_ARN"),
    *("NAMING_PROFILE", "STATISTICS", "EXTERNAL_LABELS"),
    *("FIREHOSE_ACCESS_KEY_ARN", "LOGZIO_METRICS_TOKEN_ARN", "AWS_REGION"),
}
"""All others are set with the parameter Settings, or by Lambda."""

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
    "KmsKeyArn": "arn:aws:kms:us-east-1:111122223333:key/own",
    "PrometheusWorkspaceArn": WORKSPACE,
    "PrometheusRoleArn": ROLE,
    "SubnetIds": "subnet-1,subnet-2",
    "SecurityGroupIds": "sg-1",
    "PermissionsBoundaryArn": "arn:aws:iam::111122223333:policy/boundary",
    "ReservedConcurrency": "5",
    "RemoteWriteHeadersArn": "arn:aws:secretsmanager:us-east-1:111122223333:secret:h-a1B2c3",
    "AlarmTarget": "team@example.com",
    "LogsTokenSecretArn": "arn:aws:secretsmanager:us-east-1:111122223333:secret:logs-a1B2c3",
    "LogsDestination": "datatap",
    "LogsListener": "https://tap.example",
    "CreateTags": "true",
    "CreateDashboard": "false",
    "S3BackupMode": "AllData",
    "IncludeFilters": "AWS/EC2",
    "ExcludeFilters": "AWS/Usage",
    "StatisticsMetrics": "AWS/Lambda=Duration",
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
    """A description of the stack shows no token; other secrets are given by their ARN."""
    hidden = {name for name, declared in parameters().items() if declared.get("NoEcho")}
    assert hidden == {"MetricsToken"}


def test_parameters_can_be_overlooked() -> None:
    """There are at most 40, and those that a Logz.io user needs come first."""
    assert len(parameters()) <= 40
    interface = source()["Metadata"]["AWS::CloudFormation::Interface"]
    first, *_ = groups = [group["Parameters"] for group in interface["ParameterGroups"]]
    assert first == ["MetricsToken", "LogzioRegion", "ListenerUrl"]
    # SAM's guided deployment asks in the order of the template.
    assert list(source()["Parameters"]) == [name for group in groups for name in group]


@pytest.mark.parametrize("name", parameters())
def test_defaults_are_allowed(name: str) -> None:
    """Whoever answers with the default is not refused."""
    declared = parameters()[name]
    default = declared["Default"]
    texts = default.split(",") if declared["Type"] == "CommaDelimitedList" else [str(default)]
    assert all(re.fullmatch(declared.get("AllowedPattern", ".*"), text) for text in texts)
    assert default in declared.get("AllowedValues", [default])


def processor_of(stack: Stack) -> dict[str, str]:
    """Give the parameters of the processor of a transformation."""
    target = stack.properties("DeliveryStream")["ExtendedS3DestinationConfiguration"]
    (processor,) = target["ProcessingConfiguration"]["Processors"]
    return {p["ParameterName"]: p["ParameterValue"] for p in processor["Parameters"]}


def test_buffering_is_bounded() -> None:
    """Firehose's buffer stays below what Lambda takes: base64, JSON and the last record too."""
    hints = destination(Stack())["BufferingHints"]
    assert hints == {"SizeInMBs": 1, "IntervalInSeconds": "60"}
    given = processor_of(Stack(Ingress="Transformation", BufferIntervalSeconds="90"))
    assert (given["BufferSizeInMBs"], given["BufferIntervalInSeconds"]) == ("1", "90")


def test_retries_of_a_transformation() -> None:
    """Firehose repeats a failed invocation ten times, which takes less than a day."""
    stack = Stack(Ingress="Transformation")
    retries = processor_of(stack)["NumberOfRetries"]
    timeout = stack.properties("MetricStreamFunction")["Timeout"]
    # "The maximum data storage time of Amazon Data Firehose is 24 hours." - "Handle data delivery
    # failure"; "supports a Lambda invocation time of up to 5 minutes" - "Transform source data"
    assert (int(retries) + 1) * timeout < 24 * 3600
    assert timeout <= 300
    assert retries == "10"


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


@pytest.mark.parametrize("ingress", INGRESSES[:3])
def test_gzip_only_with_the_function_url(ingress: str) -> None:
    """An API Gateway may destroy a gzip body, so it never gets one."""
    request = destination(Stack(Ingress=ingress))["RequestConfiguration"]
    assert request["ContentEncoding"] == ("GZIP" if ingress == "FunctionUrl" else "NONE")


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
    """Concurrency is reserved only where it is set."""
    assert "ReservedConcurrentExecutions" not in Stack().properties("MetricStreamFunction")
    limited = Stack(ReservedConcurrency="7").properties("MetricStreamFunction")
    assert limited["ReservedConcurrentExecutions"] == "7"


@pytest.mark.parametrize("ingress", INGRESSES)
def test_a_delivery_ends_before_the_function(ingress: str) -> None:
    """The timeout is longer than every budget, but not where an API Gateway gives up earlier."""
    timeout = Stack(Ingress=ingress).properties("MetricStreamFunction")["Timeout"]
    budget = parameters()["DeliveryBudgetSeconds"]
    longest = 28 if ingress in ("HttpApi", "RestApi") else budget["MaxValue"]
    assert budget["Default"] <= longest < timeout <= longest + 5


def test_settings_know_every_variable() -> None:
    """The template sets the variables that it should, each of which the function knows."""
    given = {name for ingress in INGRESSES for name in Stack(Ingress=ingress).environment()}
    assert given == SET_BY_THE_TEMPLATE
    assert given - {"SETTINGS"} <= set(VARIABLES)


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
        # Only with another endpoint is there a listener without a region.
        endpoint = '{"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT":"https://otlp.example.com/v1/metrics"}'
        settings = endpoint if (name, value) == ("LogzioRegion", "none") else "{}"
        # A problem with a setting is raised.
        read_settings(Stack(**{"Settings": settings, name: str(value)}).environment())


def test_layers_are_a_list_without_a_layer() -> None:
    """`sam local` takes AWS::NoValue for the ARN of a layer, and stops."""
    assert source()["Resources"]["MetricStreamFunction"]["Properties"]["Layers"] == {
        "Fn::If": ["ShipsLogs", [{"Ref": "LogsExtensionLayer"}], []]
    }


def test_public_ingress_is_throttled() -> None:
    """Both APIs limit their requests by the same rate; a Function URL says if nothing does."""
    http = Stack(Ingress="HttpApi").properties("HttpApiStage")["DefaultRouteSettings"]
    (rest,) = Stack(Ingress="RestApi").properties("RestApiStage")["MethodSettings"]
    assert rest == {"HttpMethod": "*", "ResourcePath": "/*", **http}
    assert http == {"ThrottlingRateLimit": 50, "ThrottlingBurstLimit": 100}
    for ingress in INGRESSES:
        for reserved in ("-1", "5"):
            said = Stack(Ingress=ingress, ReservedConcurrency=reserved).outputs
            unlimited = (ingress, reserved) == ("FunctionUrl", "-1")
            assert ("FunctionUrlLimit" in said) is unlimited


def test_deployment_follows_its_method() -> None:
    """A change of the REST API's method makes another deployment, which has another name."""
    method = source()["Resources"]["RestApiMethod"]["Properties"]
    checksum = hashlib.sha256(json.dumps(method, sort_keys=True).encode()).hexdigest()[:8]
    (name,) = Stack(Ingress="RestApi").of_type("AWS::ApiGateway::Deployment")
    assert name == f"RestApiDeployment{checksum}", "rename it, also where the stage refers to it"
