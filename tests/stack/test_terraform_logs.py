"""The Terraform module ships the function's logs as template.yaml does."""

from __future__ import annotations

import json
import re

import pytest

from tests.support.terraform_module import (
    LINES,
    OBJECTS,
    RESOURCES,
    SOURCE,
    argument,
    snake,
    text_argument,
)

LOGS_GROUPS = {
    "all": ("ShipsLogs", "local.ships_logs"),
    "logzio": ("ShipsToLogzio", 'local.logs_go_to == "logzio"'),
    "loki": ("ShipsToLoki", 'local.logs_go_to == "loki"'),
    "loki_with_password": (
        "ShipsToLokiWithPassword",
        'local.logs_go_to == "loki" && local.has_logs_token',
    ),
    "openobserve": ("ShipsToOpenObserve", 'local.logs_go_to == "openobserve"'),
    "datatap": ("ShipsToDataTap", 'local.logs_go_to == "datatap"'),
}
"""The groups of the logs extension's variables, by the condition here and there."""


@pytest.mark.parametrize("group", LOGS_GROUPS)
def test_environment_of_the_logs_extension(group: str) -> None:
    """The extension has the same variables with the same values under the same conditions."""
    condition, expression = LOGS_GROUPS[group]
    secret = {"If": ["HasLogsSecretArn", {"Ref": "LogsTokenSecretArn"}, {"Ref": "LogsTokenSecret"}]}
    wanted = {}
    variables = RESOURCES["MetricStreamFunction"]["Properties"]["Environment"]["Variables"]
    for name, value in variables.items():
        if value.get("If", [""])[0] == condition:
            _, given, nothing = value["If"]
            assert nothing == {"Ref": "AWS::NoValue"}
            token = given == secret
            wanted[name] = "local.logs_token_secret_arn" if token else f"var.{snake(given['Ref'])}"
    block = re.search(rf"^    {group} = \{{\n(.*?)^    \}}", SOURCE, flags=LINES | re.DOTALL)
    assert block
    found = dict(re.findall(r"^ {6}([A-Z][A-Z0-9_]+) += (.*)$", block[1], flags=LINES))
    assert wanted
    assert {n: re.sub(r"^tostring\((.*)\)$", r"\1", v) for n, v in found.items()} == wanted
    line = f"{expression} ? local.logs_variables.{group} : {{}},"
    assert line in OBJECTS["aws_lambda_function.metric_stream"]


def test_layer() -> None:
    """The layer is the same, attached under the same condition, with the same properties."""
    properties = RESOURCES["LogsExtensionLayer"]["Properties"]
    body = OBJECTS["aws_lambda_layer_version.logs_extension"]
    assert text_argument(body, "description") == properties["Description"]
    assert text_argument(body, "license_info") == properties["LicenseInfo"]
    runtimes = json.loads(argument(body, "compatible_runtimes"))
    assert runtimes == properties["CompatibleRuntimes"]
    architectures = json.loads(argument(body, "compatible_architectures"))
    assert architectures == properties["CompatibleArchitectures"]
    assert (argument(body, "skip_destroy"), properties["RetentionPolicy"]) == ("true", "Retain")
    assert argument(body, "count") == "local.ships_logs ? 1 : 0"
    layers = argument(OBJECTS["aws_lambda_function.metric_stream"], "layers")
    assert layers == "aws_lambda_layer_version.logs_extension[*].arn"
