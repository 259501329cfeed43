"""The Terraform module of the source stack: the part of the whole module before the function."""

import re
from pathlib import Path
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

from tests.support.stack import ARN, KEY
from tests.support.terraform_module import MODULE, snake
from tests.support.terraform_runs import Deployment
from tools import source_module, source_stack

URL = "https://metrics.example.com/"
INVENTED = re.compile(r"(aws_\w+\.\w+|arn:aws:\w+:us-east-1:111122223333:\w+)[.:]\d+")
"""The number in a name or an ARN that the stand-in of the provider has made up."""

OPTIONS: dict[str, dict[str, Any]] = {
    "a token": {},
    "a secret": {
        "metrics_token": "none",
        "token_secret_arn": ARN,
        "kms_key_arn": KEY,
    },
    "everything": {
        "include_filters": [{"namespace": "AWS/EC2", "metric_names": ["CPUUtilization"]}],
        "statistics_metrics": [{"namespace": "AWS/ELB", "metric_name": "Latency"}],
        "alarm_target": "someone@example.org",
        "s3_backup_mode": "AllData",
        "name": "production",
    },
    "no alarms": {"alarm_target": "none"},
}


@pytest.fixture
def source(tmp_path: Path, environment: dict[str, str]) -> Deployment:
    """A configuration with the module of the source stack."""
    folder = tmp_path / "source"
    folder.mkdir()
    return Deployment(folder, environment, MODULE / "source")


def comparable(resource: Any) -> Any:
    """Give a resource without its receiver, and without the numbers in the names AWS would give."""
    if isinstance(resource, dict):
        return {key: comparable(value) for key, value in resource.items() if key != "url"}
    if isinstance(resource, list):
        return [comparable(value) for value in resource]
    return INVENTED.sub(r"\1", resource) if isinstance(resource, str) else resource


def test_file_is_up_to_date() -> None:
    """The file in the tree is what `make docs` writes from the whole module."""
    assert source_module.TARGET.read_text(encoding="utf-8") == source_module.written()


def test_variables_are_the_parameters() -> None:
    """Each parameter of deploy/source.yaml has its variable, besides the name of the stack."""
    text = source_module.OWN.read_text(encoding="utf-8") + source_module.written()
    names = re.findall(r'^variable "(\w+)"', text, re.MULTILINE)
    parameters = yaml_parse(source_stack.TARGET.read_text(encoding="utf-8"))["Parameters"]
    assert sorted(names) == sorted(["name", *map(snake, parameters)])


@pytest.mark.slow
@pytest.mark.parametrize("options", OPTIONS)
def test_same_as_the_whole_module(source: Deployment, deployment: Deployment, options: str) -> None:
    """Every resource has the values that it has in the whole module; a second plan is empty."""
    made = source.configure(receiver_url=URL, **OPTIONS[options]).apply()
    wanted = deployment.configure(**OPTIONS[options]).apply()
    assert comparable(made) == {name: comparable(wanted[name]) for name in made}
    stream = made["aws_kinesis_firehose_delivery_stream.delivery"]
    assert stream["http_endpoint_configuration"][0]["url"] == URL
    assert source.changes() == []
    missing = {name.split(".")[0] for name in wanted.keys() - made.keys()}
    assert missing == {
        *("aws_apigatewayv2_api", "aws_apigatewayv2_integration", "aws_apigatewayv2_route"),
        *("aws_apigatewayv2_stage", "aws_cloudwatch_dashboard", "aws_cloudwatch_log_group"),
        *("aws_iam_role", "aws_iam_role_policy", "aws_lambda_function", "aws_lambda_permission"),
        *([] if options == "no alarms" else ["aws_cloudwatch_metric_alarm"]),
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("url", "encoding"),
    [
        (URL, "NONE"),
        ("https://abc.execute-api.eu-west-1.amazonaws.com/", "NONE"),
        ("https://abc.lambda-url.eu-west-1.on.aws/", "GZIP"),
    ],
)
def test_gzip_only_to_a_function_url(source: Deployment, url: str, encoding: str) -> None:
    """Firehose compresses only where no API Gateway is before the function."""
    made = source.configure(receiver_url=url).apply()
    stream = made["aws_kinesis_firehose_delivery_stream.delivery"]
    (request,) = stream["http_endpoint_configuration"][0]["request_configuration"]
    assert request["content_encoding"] == encoding


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"metrics_token": "none"}, "Set metrics_token, or token_secret_arn"),
        ({"token_secret_arn": ARN}, "not both"),
        ({"receiver_url": "http://metrics.example.com/"}, "must be an https:// URL"),
        ({"alarm_target": "someone"}, "must be empty, an e-mail address"),
    ],
    ids=str,
)
def test_wrong_variables(source: Deployment, variables: dict[str, Any], words: str) -> None:
    """What cannot work is refused before anything is made."""
    (said,) = source.configure(**{"receiver_url": URL, **variables}).refusals()
    assert words in said
