"""Terraform makes of the module what CloudFormation makes of template.yaml, and plans it once."""

import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.stack import ARN, INGRESSES, WORKSPACE, Stack
from tests.support.terraform_module import KINDS, MODULE, snake
from tests.support.terraform_runs import (
    FILTERS,
    TOKEN,
    Applied,
    Deployment,
    assert_same_variables,
    terraform,
)

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("ingress", INGRESSES)
def test_a_second_plan_is_empty(everything: Callable[[str], Applied], ingress: str) -> None:
    """What was applied once is not planned again."""
    assert everything(ingress).changes == []


@pytest.mark.parametrize(
    "variables",
    [
        pytest.param({}, id="defaults"),
        pytest.param({"metrics_token": "none", "remote_write_auth": "none"}, id="generated key"),
        pytest.param({"alarm_target": "none", "create_dashboard": False}, id="no alarms"),
        pytest.param(
            {"metrics_token": "none", "prometheus_workspace_arn": WORKSPACE}, id="a workspace"
        ),
    ],
)
def test_a_second_plan_is_empty_with_other_variables(
    deployment: Deployment, variables: dict[str, Any]
) -> None:
    """Nothing is planned again, though each plan generates another password."""
    deployment.configure(**variables).apply()
    assert deployment.changes() == []


def test_a_secret_of_the_same_configuration_needs_no_second_apply(deployment: Deployment) -> None:
    """The ARN of a secret that is made together with the module may be unknown to the plan."""
    secret = {"aws_secretsmanager_secret": {"own": {"name": "own"}}}
    arn = "${aws_secretsmanager_secret.own.arn}"
    deployment.configure(resources=secret, metrics_token="none", token_secret_arn=arn).apply()
    assert deployment.changes() == []


def test_the_key_of_an_open_listener_is_generated(deployment: Deployment) -> None:
    """Without a token the secret has a key that nobody chose."""
    made = deployment.configure(metrics_token="none", remote_write_auth="none").apply()
    (password,) = (one for name, one in made.items() if "random_password" in name)
    assert (password["password_length"], password["exclude_punctuation"]) == (64, True)
    secret = json.loads(made["aws_secretsmanager_secret_version.key[0]"]["secret_string"])
    assert secret == {"api_key": password["random_password"]}


@pytest.mark.parametrize("ingress", INGRESSES)
def test_resources_are_those_of_the_template(
    everything: Callable[[str], Applied], ingress: str
) -> None:
    """There are as many resources of each kind."""
    made, _, stack = everything(ingress)
    theirs = Counter(one["Type"] for one in stack.resources.values())
    del theirs["AWS::IAM::Policy"]
    ours = Counter(name.split(".")[0] for name in made)
    assert {kind: ours[KINDS[kind]] for kind in theirs} == theirs
    assert not [kind for kind, one in KINDS.items() if ours[one] and kind not in theirs]


@pytest.mark.parametrize("ingress", INGRESSES)
def test_functions_have_the_variables_of_the_template(
    everything: Callable[[str], Applied], ingress: str
) -> None:
    """All functions have the same variables, with the same values."""
    made, _, stack = everything(ingress)
    assert_same_variables(made, stack)


@pytest.mark.parametrize("destination", ["loki", "openobserve", "datatap"])
@pytest.mark.parametrize("secret", [ARN, ""])
def test_the_logs_extension_has_the_variables_of_its_destination(
    deployment: Deployment, destination: str, secret: str
) -> None:
    """They are the template's; without a token only Loki has any."""
    parameters = {
        "LogsDestination": destination,
        "LogsTokenSecretArn": secret,
        "LogsListener": "https://logs.example.org",
    }
    made = deployment.configure(**{snake(n): v for n, v in parameters.items()}).apply()
    assert_same_variables(made, Stack(MetricsToken=TOKEN, **parameters))


def test_a_changed_method_is_deployed_again(environment: dict[str, str], tmp_path: Path) -> None:
    """A deployment of the REST API is a copy of its method, which does not follow by itself."""
    module = Path(shutil.copytree(MODULE, tmp_path / "module"))
    folder = tmp_path / "deployment"
    folder.mkdir()
    deployment = Deployment(folder, environment, module)
    deployment.configure(ingress="RestApi").apply()
    ingress = (module / "ingress.tf").read_text(encoding="utf-8")
    changed = ingress.replace('http_method   = "POST"', 'http_method   = "ANY"')
    (module / "ingress.tf").write_text(changed, encoding="utf-8")
    names = {name.removeprefix("module.pipeline.") for name in deployment.changes()}
    assert "aws_api_gateway_method.rest_api[0]" in names
    assert "aws_api_gateway_deployment.rest_api[0]" in names


def test_the_example_is_valid(environment: dict[str, str], tmp_path: Path) -> None:
    """Terraform accepts the example with the module that it uses."""
    shutil.copytree(MODULE, tmp_path / "terraform")
    example = tmp_path / "terraform" / "examples" / "complete"
    terraform(example, environment, "init", "-input=false")
    terraform(example, environment, "validate")


def test_settings_are_a_json_object(deployment: Deployment) -> None:
    """Numbers and booleans may be written as such."""
    settings = {"MAX_LABELS": 30, "UNIT_LABEL": True, "LABEL_VALUE_CASE": "keep"}
    made = deployment.configure(settings=settings).apply()
    (block,) = made["aws_lambda_function.metric_stream"]["environment"]
    wanted = '{"LABEL_VALUE_CASE":"keep","MAX_LABELS":"30","UNIT_LABEL":"true"}'
    assert block["variables"]["SETTINGS"] == wanted


@pytest.mark.parametrize(
    ("parameters", "variables"),
    [
        ({}, {}),
        ({"IncludeFilters": "AWS/S3"}, {"include_filters": [{"namespace": "AWS/S3"}]}),
        (
            {"IncludeFilters": "AWS/S3"},
            {"include_filters": [{"namespace": "AWS/S3", "metric_names": None}]},
        ),
        (
            {"IncludeFilters": "AWS/EC2=CPUUtilization+NetworkIn,AWS/S3"},
            {"include_filters": FILTERS},
        ),
        (
            {"ExcludeFilters": "AWS/EC2=CPUUtilization"},
            {"exclude_filters": [{"namespace": "AWS/EC2", "metric_names": ["CPUUtilization"]}]},
        ),
        (
            {"StatisticsMetrics": "AWS/ELB=Latency,AWS/Lambda=Duration"},
            {
                "statistics_metrics": [
                    {"namespace": "AWS/ELB", "metric_name": "Latency"},
                    {"namespace": "AWS/Lambda", "metric_name": "Duration"},
                ]
            },
        ),
    ],
    ids=["none", "a namespace", "null", "metrics", "exclude", "statistics"],
)
def test_filters_are_those_of_the_template(
    deployment: Deployment, parameters: dict[str, str], variables: dict[str, Any]
) -> None:
    """The lists of objects say what the template's comma lists say."""
    made = deployment.configure(**variables).apply()["aws_cloudwatch_metric_stream.metrics"]
    theirs = Stack(**parameters).properties("MetricStream")
    for kind in ("include", "exclude"):
        filters = theirs.get(f"{kind.title()}Filters", [])
        assert made[f"{kind}_filter"] == [
            {"namespace": one["Namespace"], "metric_names": one.get("MetricNames")}
            for one in filters
        ]
    configurations = theirs.get("StatisticsConfigurations", [])
    assert made["statistics_configuration"] == [
        {
            "additional_statistics": one["AdditionalStatistics"],
            "include_metric": [
                {"namespace": metric["Namespace"], "metric_name": metric["MetricName"]}
                for metric in sorted(one["IncludeMetrics"], key=lambda one: one["MetricName"])
            ],
        }
        for one in configurations
    ]


@pytest.mark.parametrize("ingress", ["HttpApi", "RestApi"])
def test_a_public_api_is_throttled(everything: Callable[[str], Applied], ingress: str) -> None:
    """The rate and the burst are the template's."""
    made, _, stack = everything(ingress)
    if ingress == "HttpApi":
        (ours,) = made["aws_apigatewayv2_stage.http_api[0]"]["default_route_settings"]
        theirs = stack.properties("HttpApiStage")["DefaultRouteSettings"]
    else:
        (ours,) = made["aws_api_gateway_method_settings.rest_api[0]"]["settings"]
        (theirs,) = stack.properties("RestApiStage")["MethodSettings"]
    assert (ours["throttling_rate_limit"], ours["throttling_burst_limit"]) == (
        theirs["ThrottlingRateLimit"],
        theirs["ThrottlingBurstLimit"],
    )


@pytest.mark.parametrize("ingress", ["HttpApi", "RestApi", "FunctionUrl"])
def test_firehose_delivers_as_in_the_template(
    everything: Callable[[str], Applied], ingress: str
) -> None:
    """The buffer, the content encoding and the retries are the same."""
    made, _, stack = everything(ingress)
    (ours,) = made["aws_kinesis_firehose_delivery_stream.delivery"]["http_endpoint_configuration"]
    theirs = stack.properties("DeliveryStream")["HttpEndpointDestinationConfiguration"]
    encoding = theirs["RequestConfiguration"]["ContentEncoding"]
    assert ours["request_configuration"][0]["content_encoding"] == encoding
    hints = theirs["BufferingHints"]
    assert ours["buffering_size"] == hints["SizeInMBs"]
    assert ours["buffering_interval"] == int(hints["IntervalInSeconds"])
    assert ours["retry_duration"] == int(theirs["RetryOptions"]["DurationInSeconds"])
    assert ours["s3_backup_mode"] == theirs["S3BackupMode"]


@pytest.mark.parametrize(
    ("interval", "wanted"),
    [
        (60, {"NumberOfRetries": "10"}),
        (900, {"NumberOfRetries": "10", "BufferIntervalInSeconds": "900"}),
    ],
)
def test_the_processor_has_no_parameter_with_its_default(
    deployment: Deployment, interval: int, wanted: dict[str, str]
) -> None:
    """The provider keeps none, and would plan it again and again."""
    made = deployment.configure(ingress="Transformation", buffer_interval_seconds=interval).apply()
    (s3,) = made["aws_kinesis_firehose_delivery_stream.delivery"]["extended_s3_configuration"]
    (processor,) = s3["processing_configuration"][0]["processors"]
    found = {one["parameter_name"]: one["parameter_value"] for one in processor["parameters"]}
    assert found.pop("LambdaArn") == made["aws_lambda_function.metric_stream"]["arn"]
    assert found == wanted


def test_only_firehose_proves_its_account(everything: Callable[[str], Applied]) -> None:
    """The metric stream's service documents no condition on the account."""
    made = everything("HttpApi").made
    assert "aws:SourceAccount" in made["aws_iam_role.firehose"]["assume_role_policy"]
    assert "Condition" not in made["aws_iam_role.metric_stream"]["assume_role_policy"]
