"""What the stack refuses before anything of it is made, and whether it says what to do."""

from contextlib import nullcontext
from pathlib import Path

import pytest

from handler.errors import SettingsError
from handler.settings import read_settings
from tests.support.making import make
from tests.support.stack import ARN, Stack, parameters

LOKI = {"LogsToken": "t", "LogsDestination": "loki"}

REFUSED: list[tuple[dict[str, str], str]] = [
    ({"MetricsToken": ""}, "Set MetricsToken, or TokenSecretArn"),
    ({"TokenSecretArn": ARN}, "not both"),
    *(
        (
            {f"IncludeNamespace{included}": "AWS/EC2", f"ExcludeNamespace{excluded}": "AWS/S3"},
            "both",
        )
        for included in range(1, 6)
        for excluded in range(1, 6)
    ),
    # Half a slot would be ignored.
    *(({f"StatisticsNamespace{slot}": "AWS/EC2"}, "both the namespace") for slot in range(1, 4)),
    *(({f"StatisticsMetricName{slot}": "CPU"}, "both the namespace") for slot in range(1, 4)),
    ({"LogsToken": "t", "LogsTokenSecretArn": ARN}, "not both"),
    ({**LOKI, "LogsUser": "u"}, "need LogsListener"),
    ({**LOKI, "LogsListener": "https://l"}, "needs LogsUser"),
    ({"LogsToken": "t", "LogsDestination": "datatap"}, "need LogsListener"),
    (
        {"LogsTokenSecretArn": ARN, "LogsDestination": "openobserve"},
        "needs LogsOrganization",
    ),
]
"""Parameters, and a part of the one reason."""

ACCEPTED: list[dict[str, str]] = [
    *({f"{kind}Namespace{slot}": "x"} for kind in ("Include", "Exclude") for slot in range(1, 6)),
    *(
        {f"StatisticsNamespace{slot}": "AWS/EC2", f"StatisticsMetricName{slot}": "CPU"}
        for slot in range(1, 4)
    ),
    {"MetricsToken": "", "TokenSecretArn": ARN},
    {**LOKI, "LogsListener": "https://l", "LogsUser": "u"},
]


@pytest.mark.parametrize(("values", "said"), REFUSED, ids=str)
def test_refused(values: dict[str, str], said: str) -> None:
    """What would be ignored, or would ship nothing, is refused with one reason."""
    (reason,) = Stack(**{"MetricsToken": "t", **values}).broken_rules()
    assert said in reason


@pytest.mark.parametrize("values", ACCEPTED, ids=str)
def test_accepted(values: dict[str, str]) -> None:
    """Each of them alone, and whole, is accepted."""
    assert not Stack(**{"MetricsToken": "t", **values}).broken_rules()


@pytest.mark.parametrize("region", ["ap-southeast-2", "eu-west-1", "us-east-1", "us-west-2"])
def test_listener_of_the_region(region: str) -> None:
    """The stack is refused exactly where the function would find no listener."""
    refused = bool(Stack(region, MetricsToken="t").broken_rules())
    expected = pytest.raises(SettingsError, match="LISTENER") if refused else nullcontext()
    with expected:
        read_settings({"AWS_REGION": region})


@pytest.mark.parametrize(
    "values", [{"LogzioRegion": "us"}, {"ListenerUrl": "https://listener.example/api/v1/write"}]
)
def test_listener_elsewhere(values: dict[str, str]) -> None:
    """In a region without a listener either of two parameters is enough."""
    (said,) = Stack("us-west-2", MetricsToken="t").broken_rules()
    assert "LogzioRegion" in said
    assert "ListenerUrl" in said
    assert not Stack("us-west-2", MetricsToken="t", **values).broken_rules()


def test_patterns_are_put_into_words() -> None:
    """A value that a pattern refuses is answered with more than the pattern."""
    for name, declared in parameters().items():
        words = declared.get("ConstraintDescription", "")
        assert words.startswith("must ") == ("AllowedPattern" in declared), name


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("".join(f"{name}: x\n" for name in parameters()), ""),
        ("MetricsToken: t\nMetricToken: x\n", "there is no parameter MetricToken"),
        # A resource and a condition, which SAM would ignore.
        ("TokenSecret: x\n", "there is no parameter TokenSecret"),
        ("HasReplay: x\n", "there is no parameter HasReplay"),
        (None, "there is no file"),
    ],
    ids=["all", "misspelt", "resource", "condition", "no file"],
)
def test_parameters_of_make_deploy(tmp_path: Path, content: str | None, said: str) -> None:
    """`make deploy` refuses a name that is no parameter, which SAM would ignore."""
    given = tmp_path / "parameters.yaml"
    if content is not None:
        given.write_text(content, encoding="utf-8")
    done = make("check-parameters", f"PARAMETERS={given}")
    assert said in done.stderr
    assert (done.returncode == 0) == (said == "")
