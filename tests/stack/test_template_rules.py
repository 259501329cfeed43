"""What the stack refuses before anything of it is made, and whether it says what to do."""

from contextlib import nullcontext

import pytest

from handler.errors import SettingsError
from handler.settings import read_settings
from tests.support.stack import ARN, INGRESSES, ROLE, WORKSPACE, Stack, parameters

SIGNED = {"MetricsToken": "none", "PrometheusWorkspaceArn": WORKSPACE}
LOKI = {"LogsTokenSecretArn": ARN, "LogsDestination": "loki"}

REFUSED: list[tuple[dict[str, str], str]] = [
    ({"MetricsToken": "none"}, "Set MetricsToken, or TokenSecretArn"),
    ({"MetricsToken": "none", "RemoteWriteAuth": "basic"}, "Set MetricsToken, or TokenSecretArn"),
    ({"TokenSecretArn": ARN}, "not both"),
    ({"IncludeFilters": "AWS/EC2", "ExcludeFilters": "AWS/S3"}, "not both"),
    *(
        ({"Ingress": ingress, "DeliveryBudgetSeconds": budget}, "DeliveryBudgetSeconds to 28")
        for ingress in ("HttpApi", "RestApi")
        for budget in ("29", "30", "295")
    ),
    (LOKI, "need LogsListener"),
    ({**LOKI, "LogsDestination": "datatap"}, "need LogsListener"),
    ({"SubnetIds": "subnet-1"}, "Set SubnetIds and SecurityGroupIds"),
    ({"SecurityGroupIds": "sg-1"}, "Set SubnetIds and SecurityGroupIds"),
    ({"PrometheusRoleArn": ROLE}, "no effect without PrometheusWorkspaceArn"),
    ({"PrometheusWorkspaceArn": WORKSPACE}, "Answer MetricsToken with none"),
    ({**SIGNED, "RemoteWriteAuth": "basic"}, "leave RemoteWriteAuth as it is"),
    ({**SIGNED, "LogzioRegion": "eu"}, "Leave LogzioRegion and ListenerUrl empty"),
    ({**SIGNED, "ListenerUrl": "https://l"}, "Leave LogzioRegion and ListenerUrl empty"),
    ({"TagRoleArns": ROLE}, "no effect without CreateTags"),
]
"""Parameters, and a part of the one reason."""

ACCEPTED: list[dict[str, str]] = [
    {"IncludeFilters": "AWS/EC2"},
    {"ExcludeFilters": "AWS/EC2"},
    {"MetricsToken": "none", "TokenSecretArn": ARN},
    {"MetricsToken": "none", "RemoteWriteAuth": "none"},
    *({"Ingress": ingress} for ingress in INGRESSES),
    *(
        {"Ingress": ingress, "DeliveryBudgetSeconds": budget}
        for ingress in ("HttpApi", "RestApi")
        for budget in ("5", "28")
    ),
    *(
        {"Ingress": ingress, "DeliveryBudgetSeconds": budget}
        for ingress in ("FunctionUrl", "Transformation")
        for budget in ("29", "295")
    ),
    SIGNED,
    {**SIGNED, "RemoteWriteAuth": "none"},
    {**SIGNED, "PrometheusRoleArn": ROLE},
    {**SIGNED, "TokenSecretArn": ARN},
    {"SubnetIds": "subnet-1,subnet-2", "SecurityGroupIds": "sg-1"},
    {**LOKI, "LogsListener": "https://l"},
    {**LOKI, "LogsDestination": "openobserve"},
    {"CreateTags": "true"},
    {"CreateTags": "true", "TagRoleArns": f"{ROLE},{ROLE}"},
]


@pytest.mark.parametrize(("values", "said"), REFUSED, ids=str)
def test_refused(values: dict[str, str], said: str) -> None:
    """What would be ignored, or would ship nothing, is refused with one reason."""
    (reason,) = Stack(**{"MetricsToken": "token-of-the-tests", **values}).broken_rules()
    assert said in reason


@pytest.mark.parametrize("values", ACCEPTED, ids=str)
def test_accepted(values: dict[str, str]) -> None:
    """Each of them alone, and whole, is accepted."""
    assert not Stack(**{"MetricsToken": "token-of-the-tests", **values}).broken_rules()


@pytest.mark.parametrize("region", ["ap-southeast-2", "eu-west-1", "us-east-1", "us-west-2"])
def test_listener_of_the_region(region: str) -> None:
    """The stack is refused exactly where the function would find no listener."""
    refused = bool(Stack(region, MetricsToken="token-of-the-tests").broken_rules())
    expected = pytest.raises(SettingsError, match="LISTENER") if refused else nullcontext()
    with expected:
        read_settings({"AWS_REGION": region})


@pytest.mark.parametrize(
    "values", [{"LogzioRegion": "us"}, {"ListenerUrl": "https://listener.example/api/v1/write"}]
)
def test_listener_elsewhere(values: dict[str, str]) -> None:
    """In a region without a listener either of two parameters is enough."""
    (said,) = Stack("us-west-2", MetricsToken="token-of-the-tests").broken_rules()
    assert "LogzioRegion" in said
    assert "ListenerUrl" in said
    assert not Stack("us-west-2", MetricsToken="token-of-the-tests", **values).broken_rules()


def test_patterns_are_put_into_words() -> None:
    """A value that a pattern refuses is answered with more than the pattern."""
    for name, declared in parameters().items():
        words = declared.get("ConstraintDescription", "")
        assert words.startswith("must ") == ("AllowedPattern" in declared), name
