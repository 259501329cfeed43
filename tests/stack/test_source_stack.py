"""The source stack: the part of template.yaml before the function, which another stack has."""

import json
from typing import Any

import pytest
from cfnlint import api as cfn_lint
from samtranslator.yaml_helper import yaml_parse

from tests.support.stack import ARN, KEY, ROOT, Stack
from tools.source_stack import TARGET, source_stack

TEXT = TARGET.read_text(encoding="utf-8")
TEMPLATE: dict[str, Any] = yaml_parse(TEXT)
TOKEN = {"MetricsToken": "a-token-of-tests"}
API = "https://HttpApi.execute-api.us-east-1.amazonaws.com/"
"""The receiver's address, which is that of the ingress in a whole stack that tests make."""

OPTIONS: dict[str, dict[str, str]] = {
    "a token": TOKEN,
    "a secret": {"TokenSecretArn": ARN},
    "a key": {"TokenSecretArn": ARN, "KmsKeyArn": KEY},
    "a backup of everything": {**TOKEN, "S3BackupMode": "AllData", "BackupRetentionDays": "3"},
    "other times": {**TOKEN, "BufferIntervalSeconds": "10", "RetryDurationSeconds": "7200"},
    "included metrics": {**TOKEN, "IncludeFilters": "AWS/EC2=CPUUtilization+NetworkIn,AWS/RDS"},
    "excluded metrics": {**TOKEN, "ExcludeFilters": "AWS/Usage"},
    "percentiles": {**TOKEN, "StatisticsMetrics": "AWS/ELB=Latency", "AdditionalStatistics": "p90"},
    "the other format": {**TOKEN, "OutputFormat": "opentelemetry0.7"},
    "linked accounts": {**TOKEN, "IncludeLinkedAccounts": "true"},
    "a boundary": {**TOKEN, "PermissionsBoundaryArn": "arn:aws:iam::111122223333:policy/b"},
    "mail": {**TOKEN, "AlarmTarget": "team@example.com"},
    "a topic": {**TOKEN, "AlarmTarget": "arn:aws:sns:us-east-1:111122223333:alarms"},
    "no alarms": {**TOKEN, "AlarmTarget": "none"},
    "a name": {**TOKEN, "P8sLogzioName": "production", "LogRetentionDays": "3"},
}


class SourceStack(Stack):
    """What CloudFormation would make of deploy/source.yaml."""

    def template(self) -> dict[str, Any]:
        """Give the template."""
        return TEMPLATE


def made(**values: str) -> Stack:
    """Make a source stack."""
    return SourceStack(**{"ReceiverUrl": API, **values})


def without_conditions(stack: Stack) -> dict[str, Any]:
    """Give what a stack makes, without the name of the condition that was met."""
    return {
        name: {key: value for key, value in resource.items() if key != "Condition"}
        for name, resource in stack.resources.items()
    }


def test_file_is_up_to_date() -> None:
    """The file in the tree is what `make docs` writes from template.yaml."""
    assert source_stack((ROOT / "template.yaml").read_text(encoding="utf-8")) == TEXT


def test_cfn_lint_accepts_it() -> None:
    """CloudFormation takes it without a transform, as service-managed StackSets require."""
    assert "Transform" not in TEMPLATE
    assert cfn_lint.lint(TEXT, regions=["us-east-1"]) == []


@pytest.mark.parametrize("options", OPTIONS)
def test_same_as_the_whole_stack(options: str) -> None:
    """What both stacks make is equal, and the outputs of the same name are."""
    source, whole = made(**OPTIONS[options]), Stack(**OPTIONS[options])
    assert source.broken_rules() == whole.broken_rules() == []
    assert without_conditions(source) == {
        name: resource
        for name, resource in without_conditions(whole).items()
        if name in source.resources
    }
    assert {name: o["Value"] for name, o in source.outputs.items()} == {
        name: whole.outputs[name]["Value"] for name in source.outputs
    }


@pytest.mark.parametrize("options", ["mail", "no alarms"])
def test_nothing_is_missing_but_what_belongs_to_the_function(options: str) -> None:
    """Every resource that it does not make is the function, its ingress, or about them."""
    whole, source = Stack(**OPTIONS[options]).resources, made(**OPTIONS[options]).resources
    missing = [whole[name] for name in whole.keys() - source.keys()]
    about = [resource["Type"] for resource in missing if "Function" not in json.dumps(resource)]
    assert sorted(about) == [
        *("AWS::ApiGatewayV2::Api", "AWS::ApiGatewayV2::Route", "AWS::ApiGatewayV2::Stage"),
        *("AWS::IAM::Policy", "AWS::IAM::Role", "AWS::Logs::LogGroup", "AWS::Logs::LogGroup"),
    ]


def test_no_code() -> None:
    """It makes no function, no layer and nothing public."""
    kinds = {resource["Type"] for resource in made(**OPTIONS["mail"]).resources.values()}
    services = {kind.split("::")[1] for kind in kinds}
    assert services == {
        "CloudWatch",
        "IAM",
        "KinesisFirehose",
        "Logs",
        "S3",
        "SNS",
        "SecretsManager",
    }


@pytest.mark.parametrize(
    ("url", "encoding"),
    [
        ("https://abc123.execute-api.eu-west-1.amazonaws.com/", "NONE"),
        ("https://abc123.execute-api.eu-west-1.amazonaws.com/v1/", "NONE"),
        ("https://abc123.lambda-url.eu-west-1.on.aws/", "GZIP"),
        ("https://metrics.example.com/", "NONE"),
        ("https://metrics.example/lambda-url", "NONE"),
    ],
)
def test_gzip_only_to_a_function_url(url: str, encoding: str) -> None:
    """Firehose delivers to the given URL, and compresses only where no API Gateway is there."""
    stream = made(ReceiverUrl=url, **TOKEN).properties("DeliveryStream")
    destination = stream["HttpEndpointDestinationConfiguration"]
    assert destination["EndpointConfiguration"]["Url"] == url
    assert destination["RequestConfiguration"]["ContentEncoding"] == encoding


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "Set MetricsToken, or TokenSecretArn"),
        ({**TOKEN, "TokenSecretArn": ARN}, "not both"),
        ({**TOKEN, "IncludeFilters": "AWS/EC2", "ExcludeFilters": "AWS/RDS"}, "not both"),
    ],
    ids=str,
)
def test_wrong_parameters(values: dict[str, str], words: str) -> None:
    """A receiver whose key is not given, or given twice, is refused before anything is made."""
    (said,) = made(**values).broken_rules()
    assert words in said


def test_parameters() -> None:
    """Each parameter is in one group; only the address of the receiver has to be given."""
    groups = TEMPLATE["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    listed = [name for group in groups for name in group["Parameters"]]
    assert sorted(listed) == sorted(TEMPLATE["Parameters"])
    required = [n for n, declared in TEMPLATE["Parameters"].items() if "Default" not in declared]
    hidden = [n for n, declared in TEMPLATE["Parameters"].items() if declared.get("NoEcho")]
    assert (required, hidden) == (["ReceiverUrl"], ["MetricsToken"])


def test_receiver_has_the_address_as_an_output() -> None:
    """The stack with the function has an output for source stacks, if these can deliver to it."""
    assert Stack(**TOKEN).outputs["ReceiverUrl"]["Value"] == API
    assert "ReceiverUrl" not in Stack(Ingress="Transformation", **TOKEN).outputs
