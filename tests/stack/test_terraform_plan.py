"""Terraform itself makes of the module what CloudFormation makes of template.yaml.

The provider is a stand-in with the schema of the AWS provider (tools/terraform).
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.stack import ARN, INGRESSES, KEY, Stack
from tests.support.terraform_module import KINDS, in_words_of_terraform, snake
from tests.support.terraform_runs import TOKEN, Deployment, serving_provider

pytestmark = pytest.mark.slow

TOPIC = "arn:aws:sns:us-east-1:111122223333:alarms"

EVERYTHING = {
    "include_filters": [
        {"namespace": "AWS/EC2", "metric_names": ["CPUUtilization", "NetworkIn"]},
        {"namespace": "AWS/S3"},
    ],
    "statistics_metrics": [{"namespace": "AWS/ELB", "metric_name": "Latency"}],
    "alarm_email": "someone@example.org",
    "logs_token_secret_arn": ARN,
    "remote_write_headers_arn": ARN,
    "settings": {"LABEL_VALUE_CASE": "keep", "MAX_LABELS": 30, "UNIT_LABEL": True},
    "s3_backup_mode": "AllData",
}
"""What makes all resources that the defaults leave out."""

OWN_NAMES = {
    "FunctionName": "aws_lambda_function.metric_stream",
    "DeliveryStreamName": "aws_kinesis_firehose_delivery_stream.delivery",
    "MetricStreamName": "aws_cloudwatch_metric_stream.metrics",
}
"""The dimensions whose values are names that the module gives."""


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    """The environment of Terraform's commands."""
    with serving_provider() as environment:
        yield environment


@pytest.fixture
def deployment(tmp_path: Path, environment: dict[str, str]) -> Deployment:
    """A configuration with the module's defaults and a token."""
    return Deployment(tmp_path, environment)


@pytest.mark.parametrize("ingress", INGRESSES)
@pytest.mark.parametrize(
    "variables",
    [
        pytest.param({}, id="defaults"),
        pytest.param(EVERYTHING, id="everything"),
        pytest.param({"metrics_token": "none", "remote_write_auth": "none"}, id="generated key"),
    ],
)
def test_a_second_plan_is_empty(
    deployment: Deployment, ingress: str, variables: dict[str, Any]
) -> None:
    """What was applied once is not planned again, though a password is generated anew."""
    deployment.configure(ingress=ingress, **variables).apply()
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
    assert password["random_password"] in made["aws_secretsmanager_secret_version.key[0]"].values()


@pytest.mark.parametrize("ingress", INGRESSES)
def test_resources_are_those_of_the_template(deployment: Deployment, ingress: str) -> None:
    """With the same parameters there are as many resources of each kind."""
    made = deployment.configure(ingress=ingress, **EVERYTHING).apply()
    stack = Stack(
        Ingress=ingress,
        MetricsToken=TOKEN,
        AlarmEmail="someone@example.org",
        LogsTokenSecretArn=ARN,
    )
    theirs = Counter(one["Type"] for one in stack.resources.values())
    del theirs["AWS::IAM::Policy"]
    ours = Counter(name.split(".")[0] for name in made)
    assert {kind: ours[KINDS[kind]] for kind in theirs} == theirs
    assert not [kind for kind, one in KINDS.items() if ours[one] and kind not in theirs]


@pytest.mark.parametrize("ingress", INGRESSES)
def test_alarms_are_those_of_the_template(deployment: Deployment, ingress: str) -> None:
    """Alarms watch the same metrics or expressions for the same thresholds."""
    made = deployment.configure(ingress=ingress, buffer_interval_seconds=300).apply()
    theirs = Stack(Ingress=ingress, BufferIntervalSeconds="300").of_type("AWS::CloudWatch::Alarm")
    ours = {
        values["alarm_name"].removeprefix("metric-stream-lambda-"): alarm_of(values)
        for name, values in made.items()
        if name.startswith("aws_cloudwatch_metric_alarm.")
    }
    names = {dimension: made[address]["id"] for dimension, address in OWN_NAMES.items()}
    names |= {dimension: "metric-stream-lambda" for dimension in OWN_NAMES}
    names["BucketName"] = made["aws_s3_bucket.backup"]["id"]
    assert ours == {
        snake(name.removesuffix("Alarm")).replace("_", "-"): alarm_of_template(alarm, names)
        for name, alarm in theirs.items()
    }


def alarm_of(values: dict[str, Any]) -> dict[str, Any]:
    """Say what one of the module's alarms watches."""
    queries = values["metric_query"]
    watched = [one["metric"][0] for one in queries if one["metric"]] or [values]
    expressions = [(one["expression"], one["label"]) for one in queries if one["expression"]]
    return {
        "description": values["alarm_description"],
        "expressions": expressions,
        "watched": sorted(
            (one["namespace"], one["metric_name"], one.get("stat") or one["statistic"],
             one["period"], sorted((one["dimensions"] or {}).items()))
            for one in watched
        ),
        "ids": sorted(one["id"] for one in queries if one["metric"]),
        "returned": [one["return_data"] for one in queries if one["expression"]],
        "periods": values["evaluation_periods"],
        "comparison": values["comparison_operator"],
        "threshold": values["threshold"],
        "missing": values["treat_missing_data"],
    }  # fmt: skip


def alarm_of_template(alarm: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    """Say the same of one of the template's."""
    queries = alarm.get("Metrics", [])
    stats = [one["MetricStat"] for one in queries if "MetricStat" in one]
    expressions = [(one["Expression"], one["Label"]) for one in queries if "Expression" in one]
    single = {"Metric": alarm, "Stat": alarm.get("Statistic"), "Period": alarm.get("Period")}
    return {
        "description": in_words_of_terraform(alarm["AlarmDescription"]),
        "expressions": expressions,
        "watched": sorted(
            (
                one["Metric"]["Namespace"],
                one["Metric"]["MetricName"],
                one["Stat"],
                one["Period"],
                sorted(
                    (each["Name"], names.get(each["Name"], each["Value"]))
                    for each in one["Metric"].get("Dimensions", [])
                ),
            )
            for one in stats or [single]
        ),
        "ids": sorted(one["Id"] for one in queries if "MetricStat" in one),
        "returned": [one["ReturnData"] for one in queries if "Expression" in one],
        "periods": alarm["EvaluationPeriods"],
        "comparison": alarm["ComparisonOperator"],
        "threshold": alarm["Threshold"],
        "missing": alarm["TreatMissingData"],
    }


@pytest.mark.parametrize(
    ("variables", "actions"),
    [
        pytest.param({}, [], id="nobody is notified"),
        pytest.param({"alarm_topic_arn": TOPIC}, [TOPIC], id="a topic"),
        pytest.param({"alarm_email": "a@example.org"}, ["aws_sns_topic"], id="an address"),
    ],
)
def test_alarms_notify(
    deployment: Deployment, variables: dict[str, str], actions: list[str]
) -> None:
    """Each alarm notifies the topic, or that of the address, when it fires and when it ends."""
    made = deployment.configure(**variables).apply()
    alarms = [one for name, one in made.items() if "metric_alarm" in name]
    topics = [one for name, one in made.items() if name.startswith("aws_sns_topic.")]
    wanted = [topics[0]["arn"]] if topics else actions
    assert alarms
    assert {(*one["alarm_actions"], *one["ok_actions"]) for one in alarms} == {(*wanted, *wanted)}
    assert bool(topics) == ("alarm_email" in variables)
    for name, one in made.items():
        if name.startswith("aws_sns_topic_subscription."):
            assert (one["protocol"], one["endpoint"]) == ("email", "a@example.org")
            assert one["topic_arn"] == topics[0]["arn"]


@pytest.mark.parametrize("ingress", INGRESSES)
@pytest.mark.parametrize("destination", ["logzio", "loki", "openobserve", "datatap"])
def test_functions_have_the_variables_of_the_template(
    deployment: Deployment, ingress: str, destination: str
) -> None:
    """Both functions have the same variables; where parameters decide, with the same values."""
    made = deployment.configure(
        ingress=ingress,
        logs_destination=destination,
        logs_token_secret_arn=ARN,
        logs_listener="https://logs.example.org",
        remote_write_headers_arn=ARN,
    ).apply()
    stack = Stack(
        Ingress=ingress,
        MetricsToken=TOKEN,
        LogsDestination=destination,
        LogsTokenSecretArn=ARN,
        LogsListener="https://logs.example.org",
        RemoteWriteHeadersArn=ARN,
    )
    for ours, theirs in (
        ("metric_stream", "MetricStreamFunction"),
        ("replay[0]", "ReplayFunction"),
    ):
        (block,) = made[f"aws_lambda_function.{ours}"]["environment"]
        wanted = dict(stack.properties(theirs)["Environment"]["Variables"])
        for name, value in wanted.items():
            if "TokenSecret" in value:
                wanted[name] = made["aws_secretsmanager_secret.token[0]"]["arn"]
            elif value == "BackupBucket":
                wanted[name] = made["aws_s3_bucket.backup"]["id"]
        assert block["variables"] == wanted


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
            {"IncludeFilters": "AWS/EC2=CPUUtilization+NetworkIn,AWS/S3"},
            {"include_filters": EVERYTHING["include_filters"]},
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
    ids=["none", "a namespace", "metrics", "exclude", "statistics"],
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
                for metric in one["IncludeMetrics"]
            ],
        }
        for one in configurations
    ]


@pytest.mark.parametrize("ingress", ["HttpApi", "RestApi"])
def test_a_public_api_is_throttled(deployment: Deployment, ingress: str) -> None:
    """The rate and the burst are the template's."""
    made = deployment.configure(ingress=ingress).apply()
    stack = Stack(Ingress=ingress)
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
def test_firehose_delivers_as_in_the_template(deployment: Deployment, ingress: str) -> None:
    """The buffer, the content encoding and the retries are the same."""
    made = deployment.configure(ingress=ingress).apply()
    (ours,) = made["aws_kinesis_firehose_delivery_stream.delivery"]["http_endpoint_configuration"]
    theirs = Stack(Ingress=ingress).properties("DeliveryStream")
    theirs = theirs["HttpEndpointDestinationConfiguration"]
    encoding = theirs["RequestConfiguration"]["ContentEncoding"]
    assert ours["request_configuration"][0]["content_encoding"] == encoding
    hints = theirs["BufferingHints"]
    assert ours["buffering_size"] == hints["SizeInMBs"]
    assert ours["buffering_interval"] == int(hints["IntervalInSeconds"])
    assert ours["retry_duration"] == int(theirs["RetryOptions"]["DurationInSeconds"])
    assert ours["s3_backup_mode"] == theirs["S3BackupMode"]


@pytest.mark.parametrize(
    ("retries", "interval", "wanted"),
    [
        (10, 60, {"NumberOfRetries": "10"}),
        (3, 60, {}),
        (0, 900, {"NumberOfRetries": "0", "BufferIntervalInSeconds": "900"}),
    ],
)
def test_the_processor_has_no_parameter_with_its_default(
    deployment: Deployment, retries: int, interval: int, wanted: dict[str, str]
) -> None:
    """The provider keeps none, and would plan it again and again."""
    made = deployment.configure(
        ingress="Transformation", transform_retries=retries, buffer_interval_seconds=interval
    ).apply()
    (s3,) = made["aws_kinesis_firehose_delivery_stream.delivery"]["extended_s3_configuration"]
    (processor,) = s3["processing_configuration"][0]["processors"]
    found = {one["parameter_name"]: one["parameter_value"] for one in processor["parameters"]}
    assert found.pop("LambdaArn") == made["aws_lambda_function.metric_stream"]["arn"]
    assert found == wanted


def test_only_firehose_proves_its_account(deployment: Deployment) -> None:
    """The metric stream's service documents no condition on the account."""
    made = deployment.apply()
    assert "aws:SourceAccount" in made["aws_iam_role.firehose"]["assume_role_policy"]
    assert "Condition" not in made["aws_iam_role.metric_stream"]["assume_role_policy"]


@pytest.mark.parametrize(
    ("parameters", "variables"),
    [
        ({"MetricsToken": "none"}, {}),
        ({"MetricsToken": "none", "RemoteWriteAuth": "basic"}, {}),
        ({"MetricsToken": TOKEN, "TokenSecretArn": ARN}, {}),
        ({"IncludeFilters": "AWS/EC2", "ExcludeFilters": "AWS/S3"}, {
            "include_filters": [{"namespace": "AWS/EC2"}],
            "exclude_filters": [{"namespace": "AWS/S3"}],
        }),
        ({"DeliveryBudgetSeconds": "29"}, {}),
        ({"Ingress": "RestApi", "FunctionTimeoutSeconds": "31"}, {}),
        ({"Ingress": "FunctionUrl", "DeliveryBudgetSeconds": "40"}, {}),
        ({"LogsDestination": "loki", "LogsTokenSecretArn": ARN}, {}),
        ({"LogsDestination": "datatap", "LogsTokenSecretArn": ARN}, {}),
        ({"AlarmEmail": "a@example.org", "AlarmTopicArn": TOPIC}, {}),
    ],
    ids=lambda case: ",".join(f"{n}={v[:9]}" for n, v in case.items() if isinstance(v, str)),
)  # fmt: skip
def test_contradictions_are_refused_as_by_the_template(
    deployment: Deployment, parameters: dict[str, str], variables: dict[str, Any]
) -> None:
    """What a rule of the template refuses, the plan refuses in the same words."""
    given = {snake(name): value for name, value in parameters.items()} | variables
    wanted = Stack(**{"MetricsToken": TOKEN, **parameters}).broken_rules()
    assert wanted
    assert deployment.configure(**given).refusals() == [*map(in_words_of_terraform, wanted)]


def test_a_region_without_a_listener_is_refused(deployment: Deployment) -> None:
    """Logz.io has no listener in every region of AWS."""
    (wanted,) = Stack(region="sa-east-1", MetricsToken=TOKEN).broken_rules()
    deployment.configure(region="sa-east-1")
    assert deployment.refusals() == [in_words_of_terraform(wanted)]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("metrics_token", "x"),
        ("metrics_token", 'with"quote'),
        ("include_filters", [{"namespace": ""}]),
        ("include_filters", [{"namespace": ":AWS/EC2"}]),
        ("include_filters", [{"namespace": "AWS/EC2", "metric_names": []}]),
        ("include_filters", [{"namespace": "AWS/EC2", "metric_names": [""]}]),
        ("exclude_filters", [{"namespace": "AWS/EC2", "metric_names": []}]),
        ("statistics_metrics", [{"namespace": "AWS/EC2", "metric_name": ""}]),
        ("additional_statistics", []),
        ("additional_statistics", ["p50", "TM(2%:98%)"]),
        ("alarm_email", "someone"),
        ("remote_write_headers_arn", '{"X-Scope-OrgID":"tenant"}'),
        ("settings", {"LOGZIO_METRICS_TOKEN": "secret-of-a-test"}),
        ("settings", {"LABEL_VALUE_CASES": "keep"}),
        ("settings", {"LABEL_VALUE_CASE": None}),
        ("settings", {"P8S_LOGZIO_NAME": "production"}),
        ("ingress", "Alb"),
        ("delivery_budget_seconds", 4),
    ],
)
def test_a_wrong_value_is_refused_before_anything_is_made(
    deployment: Deployment, variable: str, value: Any
) -> None:
    """The plan names the variable, and no secret."""
    (refusal,) = deployment.configure(**{variable: value}).refusals()
    assert variable in refusal
    assert "secret-of-a-test" not in refusal


@pytest.mark.parametrize("what", ["include_filters", "statistics_metrics"])
def test_a_misspelt_member_is_refused(deployment: Deployment, what: str) -> None:
    """Terraform itself ignores members of objects that it does not know."""
    misspelt = {"namespace": "AWS/EC2", "metric_name": "CPUUtilization"}
    if what == "statistics_metrics":
        misspelt["metric_names"] = misspelt.pop("metric_name")
    assert deployment.configure(**{what: [misspelt]}).refusals()
