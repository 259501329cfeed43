"""`make check-parameters`: what would go wrong in `make deploy`, before anything is built.

It runs in SAM's own environment, since SAM decides how a file is read. Messages name parameters and
repeat no value, which may be a token.
"""

import re
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from extension.settings import DECLARED
from handler.errors import SettingsError
from handler.json_settings import members_in
from handler.settings import VARIABLES, read_settings
from tags.settings import read_tag_settings
from tools.children import ROOT

_NO_REGION = "no AWS region: set AWS_DEFAULT_REGION, or AWS_PROFILE to a profile that has one"

# What a parameter that is not in the file may have in the stack.
_ROLE = "arn:aws:iam::111122223333:role/any"
_WORKSPACE = "https://aps-workspaces.us-east-1.amazonaws.com/"

_OTHER_NAMES = {
    "Architecture": "is no parameter: `make deploy ARCHITECTURE=x86_64` builds for the other one",
    "ParameterKey": "is no parameter: SAM wants `Name: value`, without ParameterKey",
    "ParameterValue": "is no parameter: SAM wants `Name: value`, without ParameterValue",
}


class UnreadableError(Exception):
    """The file, or AWS's own configuration, cannot be read."""


def main(arguments: Sequence[str]) -> int:
    """Print every problem of a file with parameters, and return the exit code.

    Args:
        arguments: The file; nothing to check only that there is a region.
    """
    path = Path(arguments[0]) if arguments and arguments[0] else None
    try:
        from samcli.yamlhelper import yaml_parse  # noqa: PLC0415 - only SAM's environment has it

        template = yaml_parse((ROOT / "template.yaml").read_text(encoding="utf-8"))
        given = _read(path) if path else {}
        found = list(dict.fromkeys(problems(given, template, _region())))
    except UnreadableError as error:
        found = [str(error)]
    for problem in found:
        print(f"{path}: {problem}" if path else problem, file=sys.stderr)
    return 1 if found else 0


def problems(given: Mapping[str, str], template: Mapping[str, Any], region: str) -> Iterator[str]:
    """Yield what is wrong with parameters, as CloudFormation or the function would find it.

    Args:
        given: The text of each parameter in the file.
        template: The stack's template.
        region: The AWS region; empty if there is none.
    """
    declared = template["Parameters"]
    for name, text in given.items():
        if name in declared:
            yield from _value_problems(name, text, declared[name])
        else:
            reason = "is no parameter; docs/operations.md says which were renamed"
            yield f"{name} {_OTHER_NAMES.get(name, reason)}"
    yield from _function_problems(given, template)
    known = {**given, "AWS::Region": region} if region else given
    for rule in template["Rules"].values():
        for assertion in rule["Assertions"]:
            if _result(assertion["Assert"], known) is False:
                yield assertion["AssertDescription"]
    if not region:
        yield _NO_REGION


def _value_problems(name: str, text: str, declared: Mapping[str, Any]) -> Iterator[str]:
    several = declared["Type"] == "CommaDelimitedList"
    for item in text.split(",") if several else [text]:
        allowed = [str(value) for value in declared.get("AllowedValues", [item])]
        if item not in allowed:
            shown = ", ".join(value or "nothing" for value in allowed)
            quoted = "; write it in quotes" if item.lower() in allowed else ""
            yield f"{name} must be one of {shown}{quoted}"
        elif not re.fullmatch(declared.get("AllowedPattern", "(?s:.*)"), item):
            yield f"{name} {declared['ConstraintDescription']}"
        elif len(item) > declared.get("MaxLength", len(item)):
            yield f"{name} must have at most {declared['MaxLength']} characters"
    if "MinValue" in declared:
        low, high = declared["MinValue"], declared["MaxValue"]
        if not re.fullmatch(r"-?[0-9]{1,9}", text) or not low <= int(text) <= high:
            yield f"{name} must be a whole number from {low} to {high}"


def _function_problems(given: Mapping[str, str], template: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the functions and the logs extension would say to their variables."""
    text = given.get("Settings", "{}")
    try:
        members = members_in(text, VARIABLES)
    except ValueError as error:
        hint = "" if text.startswith('{"') else "; in YAML it stands in single quotes"
        yield f"SETTINGS {error}{hint}".replace("SETTINGS", "Settings")
        return
    declared = template["Parameters"]
    parameters = _parameters_by_variable(template)
    for variable in members:
        if variable in parameters:
            parameter = parameters[variable]
            yield f"Settings must not set {variable}, which the parameter {parameter} sets"
    # A parameter that is wrong by itself has been reported.
    valid = {
        it for it in given.keys() & declared if not [*_value_problems(it, given[it], declared[it])]
    }
    own = {variable: given[name] for variable, name in parameters.items() if name in valid}
    if given.get("PrometheusWorkspaceArn") or "SIGV4" in f"{own}{members}":
        # What the template makes of a workspace; one that is not in the file the stack may have.
        own |= {"REMOTE_WRITE_AUTH": "sigv4", "LOGZIO_METRICS_LISTENER": _WORKSPACE}
    own.setdefault("TAG_ROLE_ARNS", _ROLE)
    found: list[str] = []
    for read in (read_settings, read_tag_settings):
        try:
            read({"AWS_REGION": "us-east-1", **own, **members, "SETTINGS": ""})
        except SettingsError as error:
            # Each problem begins with a variable; a semicolon may also be within one.
            found += re.split(r"; (?=[A-Z_\d]+ )", str(error).removeprefix("settings: "))
    for settings in DECLARED.values():
        for setting in settings:
            setting.read(members, found.append)
    for problem in found:
        yield f"{parameters.get(problem.partition(' ')[0], 'Settings')}: {problem}"


def _parameters_by_variable(template: Mapping[str, Any]) -> dict[str, str]:
    """Return the parameter that each variable of a function comes from, if one does."""
    functions = [
        it["Properties"]
        for it in template["Resources"].values()
        if it["Type"] == "AWS::Serverless::Function"
    ]
    return {
        variable: parameter
        for properties in (template["Globals"]["Function"], *functions)
        for variable, value in properties["Environment"]["Variables"].items()
        for parameter in _references(value)
        if parameter in template["Parameters"]
    }


def _references(item: Any) -> Iterator[str]:
    """Yield what a value of the template refers to, in all branches of its conditions."""
    if isinstance(item, list):
        for inner in item:
            yield from _references(inner)
    elif isinstance(item, dict):
        for function, argument in item.items():
            yield from [argument] if function == "Ref" else _references(argument)


def _result(item: Any, known: Mapping[str, str]) -> Any:
    """Return the result of a rule's function.

    None where it depends on a parameter that is not given: that keeps the value of the stack.
    """
    if isinstance(item, list):
        return [_result(it, known) for it in item]
    if not isinstance(item, dict):
        return item
    ((function, argument),) = item.items()
    if function == "Ref":
        return known.get(argument)
    arguments = _result(argument, known)
    if function in ("Fn::And", "Fn::Or"):
        decisive = function == "Fn::Or"
        if decisive in arguments:
            return decisive
        return None if None in arguments else not decisive
    if None in arguments:
        return None
    if function == "Fn::Not":
        return not arguments[0]
    first, second = arguments
    if function == "Fn::Equals":
        return str(first) == str(second)
    assert function == "Fn::Contains", function
    return str(second) in map(str, first)


def _read(path: Path) -> dict[str, str]:
    """Return the parameters in a file, as SAM reads it."""
    import click  # noqa: PLC0415 - as in `main`
    from samcli.cli.types import CfnParameterOverridesType  # noqa: PLC0415
    from samcli.lib.config.exceptions import FileParseException  # noqa: PLC0415

    try:
        sam = CfnParameterOverridesType()
        # `Name=value` would be read too, but without what follows a space.
        sam.ordered_pattern_match = []
        read: dict[str, str] = sam.convert(f"file://{path}", None, None)
    except click.BadParameter as error:
        raise UnreadableError(_kind_of(path, error)) from None
    except FileParseException as error:
        # Its text repeats the line, and with it a token.
        cause: Any = error.__cause__
        mark = getattr(cause, "problem_mark", None)
        line = mark.line + 1 if mark else getattr(cause, "line", 1)
        raise UnreadableError(f"line {line} is not what its ending says, YAML or TOML") from None
    return read


def _kind_of(path: Path, error: Exception) -> str:
    if not path.is_file():
        return "SAM cannot read it: there is no such file"
    if "unsupported extension" in str(error):
        return "SAM cannot read it: its name must end in .yaml, also if it is JSON"
    return "write `Name: value` on each line, and not `Name=value`"


def _region() -> str:
    """Return the region that SAM would deploy to; empty if there is none."""
    import boto3  # noqa: PLC0415 - takes a while
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415

    config = tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))["default"]
    own = {
        **config.get("global", {}).get("parameters", {}),
        **config.get("deploy", {}).get("parameters", {}),
    }
    try:
        region = own.get("region") or boto3.Session(profile_name=own.get("profile")).region_name
    except BotoCoreError as error:
        raise UnreadableError(str(error)) from None
    return str(region or "")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
