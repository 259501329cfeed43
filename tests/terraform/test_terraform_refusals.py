"""What would not work, a plan refuses."""

from typing import Any

import pytest

from tests.support.stack import ARN, ROLE, WORKSPACE, Stack
from tests.support.terraform_module import in_words_of_terraform, snake
from tests.support.terraform_runs import TOKEN, Deployment

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def deployment(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """A configuration that is never applied."""
    return Deployment(tmp_path_factory.mktemp("refused"), environment)


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
        ({"LogsDestination": "loki", "LogsTokenSecretArn": ARN}, {}),
        ({"LogsDestination": "datatap", "LogsTokenSecretArn": ARN}, {}),
        ({"SubnetIds": "subnet-1"}, {"subnet_ids": ["subnet-1"]}),
        ({"PrometheusRoleArn": ROLE}, {}),
        ({"TagRoleArns": ROLE}, {"tag_role_arns": [ROLE]}),
        ({"PrometheusWorkspaceArn": WORKSPACE}, {}),
        ({"PrometheusWorkspaceArn": WORKSPACE, "MetricsToken": "none", "LogzioRegion": "eu"}, {}),
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
        # Each of these would stream a whole namespace, or everything.
        ("include_filters", [{"namespace": "AWS/EC2", "metric_name": ["CPUUtilization"]}]),
        ("include_filters", [{"namespace": "AWS/EC2", "metrics": ["CPUUtilization"]}]),
        ("include_filters", [{"namespace": "AWS/EC2", "metric_names": "CPUUtilization"}]),
        ("include_filters", [{"metric_names": ["CPUUtilization"]}]),
        ("include_filters", {"namespace": "AWS/EC2"}),
        ("include_filters", "AWS/EC2"),
        ("include_filters", [{"namespace": ""}]),
        ("include_filters", [{"namespace": ":AWS/EC2"}]),
        ("include_filters", [{"namespace": "AWS/EC2", "metric_names": []}]),
        ("include_filters", [{"namespace": "AWS/EC2", "metric_names": [""]}]),
        ("exclude_filters", [{"namespace": "AWS/EC2", "metric_names": []}]),
        ("exclude_filters", [{"namespace": "AWS/EC2", "names": ["CPUUtilization"]}]),
        ("exclude_filters", [{"namespace": ":AWS/EC2"}]),
        ("statistics_metrics", [{"namespace": "AWS/EC2", "metric_name": ""}]),
        ("additional_statistics", []),
        ("additional_statistics", ["p50", "TM(2%:98%)"]),
        ("alarm_target", "someone"),
        ("naming_profile", "prometheus"),
        ("statistics", "Average,Median"),
        ("statistics", "p0.0"),
        ("external_labels", {"__name__": "x"}),
        ("external_labels", {"env-name": "x"}),
        ("external_labels", {"env": None}),
        ("remote_write_headers_arn", '{"X-Scope-OrgID":"tenant"}'),
        ("settings", {"LOGZIO_METRICS_TOKEN": "secret-of-a-test"}),
        ("settings", {"LABEL_VALUE_CASES": "keep"}),
        ("settings", {"LABEL_VALUE_CASE": None}),
        ("settings", {"P8S_LOGZIO_NAME": "production"}),
        ("settings", {"FIREHOSE_ACCESS_KEY_ARN": ARN}),
        ("settings", {"LOGZIO_METRICS_TOKEN_ARN": ARN}),
        ("settings", {"LOKI_URL": "https://loki.example"}),
        ("tag_refresh_minutes", 4),
        ("tag_role_arns", ["arn:aws:iam::111122223333:role/*"]),
        ("ingress", "Alb"),
        ("delivery_budget_seconds", 4),
    ],
)
def test_a_wrong_value_is_refused_before_anything_is_made(
    deployment: Deployment, variable: str, value: Any
) -> None:
    """The plan names the variable, and no secret."""
    refusals = deployment.configure(**{variable: value}).refusals()
    assert variable in refusals[0]
    assert "secret-of-a-test" not in "".join(refusals)
