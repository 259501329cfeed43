"""The stack's logs extension: attached only where it is wanted, with what its destination needs."""

import json
from typing import Any

import pytest

from extension.destinations import choose
from extension.settings import DECLARED, Settings, with_json_settings
from handler.settings import VARIABLES
from tests.support.stack import ARN, INGRESSES, Stack, parameters

FUNCTION = {
    "AWS_LAMBDA_FUNCTION_NAME": "metric-stream",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_REGION": "us-east-1",
}
ACCOUNT = "111122223333"

NEEDED: dict[str, dict[str, str]] = {
    "logzio": {},
    "loki": {"LogsListener": "https://loki.example", "Settings": '{"LOKI_USERNAME":"user"}'},
    "openobserve": {"Settings": '{"O2_ORGANIZATION_ID":"organization"}'},
    "datatap": {"LogsListener": "https://tap.example"},
}
"""What each destination needs beside a token."""

TOKENS = {
    "logzio": "LOGZIO_LOGS_TOKEN_ARN",
    "loki": "LOKI_PASSWORD_ARN",
    "openobserve": "O2_AUTHORIZATION_HEADER_ARN",
    "datatap": "BD_TAP_CLIENT_TOKEN_ARN",
}

SHARED = {"LOGZIO_REGION"}
"""Variables that the function and the extension read alike."""


def shipping(destination: str, **values: str) -> Stack:
    """Give a stack that ships its function's logs."""
    tokens = {"MetricsToken": "token-5f21", "LogsTokenSecretArn": ARN, **NEEDED[destination]}
    return Stack(LogsDestination=destination, **{**tokens, **values})


def logs_variables(stack: Stack) -> set[str]:
    """Give the names of the variables that are the extension's."""
    return set(stack.environment()) - set(VARIABLES) - {"SETTINGS"}


def problems(stack: Stack) -> tuple[str, ...]:
    """Give every warning that the extension would log about its settings."""
    environ = with_json_settings(stack.environment())
    settings = Settings(environ)
    chosen = choose(
        settings.destination_names,
        {**FUNCTION, **environ},
        ACCOUNT,
        lambda _reference: "token",
        lambda: 0.0,
    )
    return (*settings.warnings, *chosen.warnings, *chosen.unusable)


def reading(stack: Stack) -> list[Any]:
    """Give the secrets that the function may read."""
    (policy,) = stack.properties("FunctionRole")["Policies"]
    return [
        statement["Resource"]
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Action"] == "secretsmanager:GetSecretValue"
    ]


@pytest.mark.parametrize("ingress", INGRESSES)
def test_nothing_without_a_token(ingress: str) -> None:
    """Without a token for logs there is no layer, no variable, no secret and no permission."""
    stack = Stack(Ingress=ingress, MetricsToken="token-5f21")
    assert stack.properties("MetricStreamFunction")["Layers"] == []
    assert logs_variables(stack) == set()
    assert not stack.of_type("AWS::Lambda::LayerVersion")
    assert set(stack.of_type("AWS::SecretsManager::Secret")) == {"TokenSecret"}
    assert reading(stack) == [stack.outputs["TokenSecretArn"]["Value"]]
    assert "LogsExtensionLayerArn" not in stack.outputs


@pytest.mark.parametrize("destination", NEEDED)
def test_layer_is_attached(destination: str) -> None:
    """With a token the layer is made, attached, and an output names it."""
    stack = shipping(destination)
    ((name, layer),) = stack.of_type("AWS::Lambda::LayerVersion").items()
    assert stack.properties("MetricStreamFunction")["Layers"] == [name]
    assert stack.outputs["LogsExtensionLayerArn"]["Value"] == name
    assert stack.resources[name]["DeletionPolicy"] == "Retain"
    assert layer["CompatibleArchitectures"] == ["x86_64", "arm64"]
    assert layer["CompatibleRuntimes"] == [f"python3.{minor}" for minor in range(9, 15)]
    assert stack.properties("MetricStreamFunction")["Runtime"] in layer["CompatibleRuntimes"]
    assert stack.broken_rules() == []


@pytest.mark.parametrize("destination", NEEDED)
def test_extension_takes_the_variables(destination: str) -> None:
    """The extension finds its destination and everything that this needs, and warns of nothing."""
    stack = shipping(destination)
    assert Settings(stack.environment()).destination_names == (destination,)
    assert problems(stack) == ()
    others = set(TOKENS.values()) - {TOKENS[destination]}
    assert TOKENS[destination] in stack.environment()
    assert not others & set(stack.environment())


@pytest.mark.parametrize("name", [name for name in parameters() if name.startswith("Logs")])
@pytest.mark.parametrize("destination", NEEDED)
def test_extension_takes_every_allowed_value(destination: str, name: str) -> None:
    """No value that a parameter allows is one that the extension replaces."""
    declared = parameters()[name]
    bounds = [declared[bound] for bound in ("MinValue", "MaxValue") if bound in declared]
    if name != "LogsDestination":
        for value in [*declared.get("AllowedValues", []), *bounds]:
            assert problems(shipping(destination, **{name: str(value)})) == ()


def test_defaults_are_those_of_the_extension() -> None:
    """A parameter that is left alone changes nothing that the extension would do by itself."""
    environ = shipping("logzio").environment()
    token = {"LOGZIO_LOGS_TOKEN_ARN": ARN, "AWS_REGION": "us-east-1"}
    assert vars(Settings(environ)) == vars(Settings(token))


def test_settings_reach_the_extension() -> None:
    """What an operator sets in Settings is what the extension reads."""
    given = {"TELEMETRY_TYPES": "function,platform", "LOGS_SAMPLE_RATE": 0.25}
    environ = shipping("logzio", Settings=json.dumps(given)).environment()
    settings = Settings(with_json_settings(environ))
    assert settings.types == frozenset({"function", "platform"})
    assert settings.sample_rate == 0.25


def test_loki_without_a_password() -> None:
    """Loki needs no token: its URL alone attaches the layer, and nothing more may be read."""
    stack = Stack(
        MetricsToken="token-5f21", LogsDestination="loki", LogsListener="http://10.0.0.7:3100"
    )
    assert stack.properties("MetricStreamFunction")["Layers"]
    assert problems(stack) == ()
    assert stack.environment()[TOKENS["loki"]] == ""
    assert len(reading(stack)) == 1
    assert set(stack.of_type("AWS::SecretsManager::Secret")) == {"TokenSecret"}


@pytest.mark.parametrize("destination", NEEDED)
def test_secret(destination: str) -> None:
    """The function may read the secret of the token."""
    given = shipping(destination)
    assert given.environment()[TOKENS[destination]] == ARN
    assert reading(given)[1:] == [ARN]
    assert set(given.of_type("AWS::SecretsManager::Secret")) == {"TokenSecret"}


@pytest.mark.parametrize("destination", NEEDED)
def test_token_is_nowhere_else(destination: str) -> None:
    """The token is in its secret, and in nothing that can be described without reading that."""
    stack = shipping(destination)
    del stack.resources["TokenSecret"]
    assert "token-" not in json.dumps([stack.resources, stack.outputs])


def test_names_do_not_collide() -> None:
    """No variable means one thing to the function and another to the extension."""
    read = {setting.name for group in DECLARED.values() for setting in group}
    assert read & set(VARIABLES) <= SHARED
