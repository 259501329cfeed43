"""The Terraform module and template.yaml, read far enough to be held against each other."""

import json
import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
MODULE = ROOT / "deploy" / "terraform"
FILES = sorted(MODULE.glob("*.tf"))
SOURCE = "\n".join(path.read_text(encoding="utf-8") for path in FILES)
LINES = re.MULTILINE


def tagged(loader: Any, tag: str, node: Any) -> Any:
    """Read what a tag like !Ref stands before as {"Ref": ...}."""
    if isinstance(node, yaml.ScalarNode):
        return {tag: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {tag: loader.construct_sequence(node, deep=True)}
    return {tag: loader.construct_mapping(node, deep=True)}


LOADER = type("TemplateLoader", (yaml.SafeLoader,), {})
yaml.add_multi_constructor("!", tagged, Loader=LOADER)
TEMPLATE: dict[str, Any] = yaml.load(
    (ROOT / "template.yaml").read_text(encoding="utf-8"), Loader=LOADER
)
PARAMETERS: dict[str, dict[str, Any]] = TEMPLATE["Parameters"]
RESOURCES: dict[str, dict[str, Any]] = TEMPLATE["Resources"]
GLOBALS: dict[str, Any] = TEMPLATE["Globals"]["Function"]

STRUCTURED = {
    "IncludeFilters",
    "ExcludeFilters",
    "StatisticsMetrics",
    "AdditionalStatistics",
    "ExternalLabels",
    "Settings",
    "SubnetIds",
    "SecurityGroupIds",
    "TagRoleArns",
}
"""Parameters that are texts in CloudFormation, where Terraform takes lists and maps."""

ONLY_HERE = {"name", "architecture", "function_zip", "logs_extension_zip"}
"""What CloudFormation takes from the stack and the build."""

ORDINARY = sorted(set(PARAMETERS) - STRUCTURED)

KINDS = {
    "AWS::ApiGateway::Deployment": "aws_api_gateway_deployment",
    "AWS::ApiGateway::Method": "aws_api_gateway_method",
    "AWS::ApiGateway::RestApi": "aws_api_gateway_rest_api",
    "AWS::ApiGateway::Stage": "aws_api_gateway_stage",
    "AWS::ApiGatewayV2::Api": "aws_apigatewayv2_api",
    "AWS::ApiGatewayV2::Integration": "aws_apigatewayv2_integration",
    "AWS::ApiGatewayV2::Route": "aws_apigatewayv2_route",
    "AWS::ApiGatewayV2::Stage": "aws_apigatewayv2_stage",
    "AWS::CloudWatch::Alarm": "aws_cloudwatch_metric_alarm",
    "AWS::CloudWatch::Dashboard": "aws_cloudwatch_dashboard",
    "AWS::CloudWatch::MetricStream": "aws_cloudwatch_metric_stream",
    "AWS::IAM::Role": "aws_iam_role",
    "AWS::KinesisFirehose::DeliveryStream": "aws_kinesis_firehose_delivery_stream",
    "AWS::Lambda::EventInvokeConfig": "aws_lambda_function_event_invoke_config",
    "AWS::Lambda::Function": "aws_lambda_function",
    "AWS::Lambda::LayerVersion": "aws_lambda_layer_version",
    "AWS::Lambda::Permission": "aws_lambda_permission",
    "AWS::Lambda::Url": "aws_lambda_function_url",
    "AWS::Logs::LogGroup": "aws_cloudwatch_log_group",
    "AWS::Logs::LogStream": "aws_cloudwatch_log_stream",
    "AWS::Logs::MetricFilter": "aws_cloudwatch_log_metric_filter",
    "AWS::SNS::Subscription": "aws_sns_topic_subscription",
    "AWS::SNS::Topic": "aws_sns_topic",
    "AWS::Scheduler::Schedule": "aws_scheduler_schedule",
    "AWS::S3::Bucket": "aws_s3_bucket",
    "AWS::S3::BucketPolicy": "aws_s3_bucket_policy",
    "AWS::SecretsManager::Secret": "aws_secretsmanager_secret",
}
"""Types of which both have as many; inline policies are compared by what they hold."""


def snake(name: str) -> str:
    """Turn a parameter's name into that of its variable."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name.replace("MB", "Mb")).lower()


def in_words_of_terraform(text: str) -> str:
    """Call the parameters in a text by the names of their variables."""
    for name in sorted(PARAMETERS, key=len, reverse=True):
        text = re.sub(rf"\b{name}\b", snake(name), text)
    return text


def blocks(kind: str) -> dict[str, str]:
    """Give the bodies of the module's blocks of one kind, by their labels."""
    found = re.findall(rf"^{kind} (\"[^{{]+\") \{{\n(.*?)^\}}", SOURCE, flags=LINES | re.DOTALL)
    return {labels.replace('"', "").replace(" ", "."): body for labels, body in found}


VARIABLES = blocks("variable")
OUTPUTS = blocks("output")
OBJECTS = blocks("resource")


def argument(body: str, name: str) -> str:
    """Give the expression of a block's argument, which is on one line."""
    found = re.search(rf"^\s*{name}\s+= (.*)$", body, flags=LINES)
    assert found, f"{name} is not in {body}"
    return found[1]


def text_argument(body: str, name: str) -> str:
    """Give the value of a block's argument, a literal string."""
    value = json.loads(argument(body, name))
    assert isinstance(value, str)
    return value


def literal(expression: str) -> Any:
    """Read a list of literals, in which a local value stays a word and an object has keys."""
    quoted = re.sub(r"\blocal\.(\w+)", r'"local.\1"', expression)
    keyed = re.sub(r"(\w+) = ", r'"\1": ', quoted)
    return json.loads(re.sub(r",(\s*\])", r"\1", keyed))


def statements(node: Any) -> list[dict[str, Any]]:
    """Find all statements of policies in a part of the template."""
    if isinstance(node, dict):
        own = [node] if "Effect" in node else []
        return own + [found for value in node.values() for found in statements(value)]
    if isinstance(node, list):
        return [found for value in node for found in statements(value)]
    return []


FUNCTION_TEXTS = {"description": "Description", "handler": "Handler", "runtime": "Runtime"}
"""What is the same text for a function here and there."""


def assert_same_texts(body: str, properties: dict[str, Any], names: dict[str, str]) -> None:
    """Fail unless arguments of a block have the texts of properties, by our name and theirs."""
    ours = {theirs: text_argument(body, our) for our, theirs in names.items()}
    assert ours == {theirs: properties[theirs] for theirs in names.values()}
