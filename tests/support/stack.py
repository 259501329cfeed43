"""The stack that CloudFormation would make of template.yaml, for given parameters.

SAM's own translator expands the template. Conditions and intrinsic functions are evaluated here,
those of them that the template uses; any other one is an error.
"""

import copy
import functools
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import boto3
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

ROOT = Path(__file__).parents[2]
REGION = "us-east-1"
ACCOUNT = "111122223333"
ARN = "arn:aws:secretsmanager:us-east-1:111122223333:secret:own-a1B2c3"
KEY = "arn:aws:kms:us-east-1:111122223333:key/own"
WORKSPACE = "arn:aws:aps:eu-west-1:111122223333:workspace/ws-0a1b2c3d-4e5f-6789-abcd-ef0123456789"
ROLE = "arn:aws:iam::222233334444:role/prometheus-writer"
"""What an operator has already: a secret, a key, a workspace, and a role of another account."""

FUNCTIONS = ("MetricStreamFunction", "ReplayFunction", "TagsFunction")

INGRESSES = ("HttpApi", "RestApi", "FunctionUrl", "Transformation")

_PSEUDO_PARAMETERS = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::StackName": "metric-stream-lambda",
    "AWS::URLSuffix": "amazonaws.com",
}
_SUBSTITUTED = re.compile(r"\$\{([^!}][^}]*)\}")
_NOTHING = object()


@functools.cache
def source() -> dict[str, Any]:
    """Give the template as it is written."""
    template: dict[str, Any] = yaml_parse((ROOT / "template.yaml").read_text(encoding="utf-8"))
    return template


@functools.cache
def transformed() -> dict[str, Any]:
    """Give the template as SAM hands it to CloudFormation."""
    template = copy.deepcopy(source())
    # `sam deploy` uploads the artifact and puts its address here.
    for function in FUNCTIONS:
        template["Resources"][function]["Properties"]["CodeUri"] = "s3://code/function"
    template["Resources"]["LogsExtensionLayer"]["Properties"]["ContentUri"] = "s3://code/layer"
    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name=REGION))
    made: dict[str, Any] = translator.translate(template, parameter_values={})
    return made


def parameters() -> dict[str, dict[str, Any]]:
    """Give the template's parameters."""
    declared: dict[str, dict[str, Any]] = transformed()["Parameters"]
    return declared


def listed(value: Any) -> list[Any]:
    """Return what may stand alone or in a list as a list."""
    return value if isinstance(value, list) else [value]


class Stack:
    """What CloudFormation would make.

    Args:
        region: Where it is made.
        values: Parameters that differ from their defaults.

    Attributes:
        resources: Every resource that is made, without functions in it.
        outputs: The outputs that are given, likewise.
    """

    def __init__(self, region: str = REGION, **values: str) -> None:
        template = self.template()
        unknown = values.keys() - template["Parameters"].keys()
        assert not unknown, unknown
        self._values: dict[str, Any] = {
            name: str(values.get(name, declared.get("Default", "")))
            for name, declared in template["Parameters"].items()
        }
        for name, declared in template["Parameters"].items():
            if declared["Type"] == "CommaDelimitedList":
                self._values[name] = self._values[name].split(",")
        self._pseudo_parameters = {**_PSEUDO_PARAMETERS, "AWS::Region": region}
        if region.startswith("cn-"):
            china = {"AWS::Partition": "aws-cn", "AWS::URLSuffix": "amazonaws.com.cn"}
            self._pseudo_parameters |= china
        self._rules: dict[str, Any] = template["Rules"]
        self._mappings: dict[str, Any] = template.get("Mappings", {})
        self._conditions: dict[str, Any] = template["Conditions"]
        self._made = self._conditional(template["Resources"])
        self.resources: dict[str, Any] = {n: self.value(r) for n, r in self._made.items()}
        self.outputs: dict[str, Any] = {
            name: self.value(output)
            for name, output in self._conditional(template["Outputs"]).items()
        }

    def template(self) -> dict[str, Any]:
        """Give the template that it is made of."""
        return transformed()

    def holds(self, condition: str) -> bool:
        """Whether a condition is met."""
        return bool(self.value(self._conditions[condition]))

    def broken_rules(self) -> list[str]:
        """Give what CloudFormation says to these parameters before it makes anything."""
        assertions = [a for rule in self._rules.values() for a in rule["Assertions"]]
        return [a["AssertDescription"] for a in assertions if not self.value(a["Assert"])]

    def _conditional(self, items: dict[str, Any]) -> dict[str, Any]:
        """Leave out what has a condition that is not met."""
        return {
            name: item
            for name, item in items.items()
            if "Condition" not in item or self.holds(item["Condition"])
        }

    def of_type(self, kind: str) -> dict[str, Any]:
        """Give the properties of all resources of a type, by name."""
        return {
            name: resource.get("Properties", {})
            for name, resource in self.resources.items()
            if resource["Type"] == kind
        }

    def properties(self, name: str) -> Any:
        """Give the properties of one resource."""
        return self.resources[name]["Properties"]

    def environment(self, function: str = "MetricStreamFunction") -> dict[str, str]:
        """Give the environment of a function, as Lambda completes it."""
        return {"AWS_REGION": REGION, **self.properties(function)["Environment"]["Variables"]}

    def value(self, item: Any) -> Any:
        """Evaluate everything in an item."""
        if isinstance(item, list):
            return [value for value in map(self.value, item) if value is not _NOTHING]
        if not isinstance(item, Mapping):
            return item
        if len(item) == 1:
            (name, argument), *_ = item.items()
            if name == "Condition" and isinstance(argument, str):
                return self.holds(argument)
            if name == "Ref" or name.startswith("Fn::"):
                return self._functions()[name](argument)
        values = {key: self.value(value) for key, value in item.items()}
        return {key: value for key, value in values.items() if value is not _NOTHING}

    def _functions(self) -> dict[str, Callable[[Any], Any]]:
        return {
            "Ref": self._ref,
            "Fn::GetAtt": self._attribute,
            "Fn::Sub": self._substituted,
            "Fn::If": lambda args: self.value(args[1] if self.holds(args[0]) else args[2]),
            "Fn::Equals": lambda args: str(self.value(args[0])) == str(self.value(args[1])),
            "Fn::Not": lambda args: not self.value(args[0]),
            "Fn::And": lambda args: all(map(self.value, args)),
            "Fn::Or": lambda args: any(map(self.value, args)),
            "Fn::Contains": lambda args: self.value(args[1]) in args[0],
            "Fn::Select": lambda args: self.value(args[1])[args[0]],
            "Fn::FindInMap": lambda args: self._mappings[args[0]][self.value(args[1])][args[2]],
            "Fn::Split": lambda args: self.value(args[1]).split(args[0]),
        }

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return _NOTHING
        if name in self._pseudo_parameters:
            return self._pseudo_parameters[name]
        if name in self._values:
            return self._values[name]
        assert name in self._made, f"{name} is referred to and not made"
        if self._made[name]["Type"] == "AWS::SecretsManager::Secret":
            return f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{name}-a1B2c3"
        return name

    def _attribute(self, argument: list[str] | str) -> str:
        name, _, attribute = (
            argument if isinstance(argument, str) else ".".join(argument)
        ).partition(".")
        assert name in self._made, f"{name}.{attribute} is referred to and not made"
        return f"arn:of:{name}" if attribute == "Arn" else f"{name}.{attribute}"

    def _substituted(self, argument: str | list[Any]) -> str:
        text, local = (argument, {}) if isinstance(argument, str) else argument

        def found(match: re.Match[str]) -> str:
            name = match[1]
            if name in local:
                return str(self.value(local[name]))
            return str(self._attribute(name) if "." in name else self._ref(name))

        return _SUBSTITUTED.sub(found, text).replace("${!", "${")
