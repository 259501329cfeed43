"""The source stack, written from template.yaml: `make docs`.

It is the part of the stack before the function: metric stream, Firehose, backup and their alarms.
It delivers to the function of another stack. What it has in common with template.yaml is the same,
since it is taken from there.
"""

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from tools.children import ROOT

TARGET = ROOT / "deploy" / "source.yaml"

_BEGIN = """\
# `make docs` writes this file from template.yaml; tools/source_stack.py decides what is in it.
AWSTemplateFormatVersion: "2010-09-09"
Description: >-
  metric-stream-lambda, source stack: a CloudWatch metric stream through Firehose to the function of
  another stack, with a backup of everything that was not delivered.
"""

_OWN = Path(__file__).with_suffix(".yaml")

# There is one ingress, of another stack, whose URL is given. Tags are read there too.
_URL = ("!GetAtt FunctionUrl.FunctionUrl", "!Ref ReceiverUrl")
_SETTLED = {
    "IsTransformation": False,
    "IsHttpApi": False,
    "IsRestApi": False,
    "GeneratesKey": False,
    "CreatesTags": False,
}

# These are taken, with everything that they refer to, unless that is a function.
_WANTED = ("MetricStream", "BackupBucketPolicy")
_WANTED_TYPES = ("AWS::CloudWatch::Alarm", "AWS::Logs::MetricFilter", "AWS::SNS::Subscription")
_FUNCTIONS = ("AWS::Serverless::Function", "AWS::Serverless::LayerVersion")

_STR = "tag:yaml.org,2002:str"
_MAP = "tag:yaml.org,2002:map"

Nodes = dict[str, yaml.Node]
Settled = dict[str, bool | str]
"""What a condition always is, or the other condition that it is equal to."""


def source_stack(template: str) -> str:
    """Return the source stack.

    Args:
        template: What template.yaml says.
    """
    whole = _sections(template.replace(*_URL))
    own = _sections(_OWN.read_text(encoding="utf-8"))
    conditions, settled = _settle(whole["Conditions"] | own["Conditions"])
    resources = _taken(
        {
            name: _simplified(resource, settled)
            for name, resource in whole["Resources"].items()
            if settled.get(_text(resource, "Condition")) is not False
        }
    )
    outputs = {
        name: _simplified(output, settled)
        for name, output in (whole["Outputs"] | own["Outputs"]).items()
        if _names(output) & resources.keys()
    }
    needed = _names(*resources.values(), *outputs.values())
    # A condition is declared after those that it refers to.
    for name in reversed(conditions):
        needed |= _names(conditions[name]) if name in needed else set()
    # The own ones come first.
    parameters = own["Parameters"] | whole["Parameters"] | own["Parameters"]
    rules = {
        name: rule
        for name, rule in (whole["Rules"] | own["Rules"]).items()
        if _names(rule) & parameters.keys() <= needed
    }
    made = {
        "Metadata": own["Metadata"],
        "Parameters": {name: node for name, node in parameters.items() if name in needed},
        "Rules": rules,
        "Conditions": {name: node for name, node in conditions.items() if name in needed},
        "Resources": resources,
        "Outputs": outputs,
    }
    return _BEGIN + "".join(f"\n{name}:\n{_written(nodes)}" for name, nodes in made.items())


def _sections(template: str) -> dict[str, Nodes]:
    """Give the items of each section that has items."""
    root = yaml.compose(template)
    assert root, "an empty template"
    return {
        name: _items(section)
        for name, section in _items(root).items()
        if isinstance(section, yaml.MappingNode)
    }


def _items(node: yaml.Node) -> Nodes:
    return {key.value: value for key, value in node.value}


def _text(node: yaml.Node, key: str) -> str:
    """Give a text in a mapping; empty without one."""
    found = _items(node).get(key)
    return str(found.value) if found else ""


def _settle(conditions: Nodes) -> tuple[Nodes, Settled]:
    """Divide conditions into those that remain and those that are settled by others."""
    remaining: Nodes = {}
    settled: Settled = {**_SETTLED}
    for name, node in conditions.items():
        value = settled[name] if name in settled else _decided(node, settled)
        if isinstance(value, yaml.Node) and value.tag != "!Condition":
            remaining[name] = value
        else:
            settled[name] = value.value if isinstance(value, yaml.Node) else value
    return remaining, settled


def _decided(node: yaml.Node, settled: Settled) -> yaml.Node | bool:
    """Give a condition without the parts of it that are settled."""
    if node.tag == "!Condition":
        value = settled.get(node.value, node.value)
        return value if isinstance(value, bool) else yaml.ScalarNode(node.tag, value)
    if not isinstance(node, yaml.SequenceNode) or node.tag not in {"!And", "!Or", "!Not"}:
        return node
    parts = [_decided(part, settled) for part in node.value]
    if node.tag == "!Not" and isinstance(parts[0], bool):
        return not parts[0]
    if node.tag == "!Not":
        return node
    neutral = node.tag == "!And"
    if (not neutral) in parts:
        return not neutral
    parts = [part for part in parts if part is not neutral]
    return parts[0] if len(parts) == 1 else _like(node, parts)


def _simplified(node: yaml.Node, settled: Settled) -> yaml.Node:
    """Give a node without conditions that are settled."""
    if isinstance(node, yaml.MappingNode):
        pairs = []
        for key, value in node.value:
            made = _simplified(value, settled)
            if key.value == "Condition" and isinstance(made, yaml.ScalarNode):
                known = settled.get(made.value, made.value)
                if isinstance(known, bool):
                    continue
                made = yaml.ScalarNode(made.tag, known)
            if not _is_nothing(made):
                pairs.append((key, made))
        return _like(node, pairs)
    if isinstance(node, yaml.SequenceNode) and node.tag == "!If":
        name = node.value[0].value
        known = settled.get(name, name)
        if isinstance(known, bool):
            return _simplified(node.value[1 if known else 2], settled)
        branches = [_simplified(branch, settled) for branch in node.value[1:]]
        return _like(node, [yaml.ScalarNode(node.value[0].tag, known), *branches])
    if isinstance(node, yaml.SequenceNode):
        items = [_simplified(item, settled) for item in node.value]
        return _like(node, [item for item in items if not _is_nothing(item)])
    return node


def _like(node: yaml.CollectionNode, value: Sequence[Any]) -> yaml.Node:
    """Give a collection of the same kind and style with other items."""
    return type(node)(node.tag, value, flow_style=node.flow_style)


def _is_nothing(node: yaml.Node) -> bool:
    return (node.tag, node.value) == ("!Ref", "AWS::NoValue")


def _names(*nodes: yaml.Node) -> set[str]:
    """Give the names of what nodes refer to: parameters, conditions and resources."""
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, yaml.MappingNode):
            items = _items(node)
            for key in ("Condition", "DependsOn"):
                values = items[key].value if key in items else []
                found |= {values} if isinstance(values, str) else set()
                found |= {v.value for v in values if isinstance(v, yaml.ScalarNode)}
            found |= _names(*items.values())
        elif isinstance(node, yaml.SequenceNode):
            found |= {node.value[0].value} if node.tag == "!If" else set()
            found |= _names(*node.value)
        else:
            found |= set(re.findall(r"\$\{(\w+)", node.value))
            found |= {node.value.partition(".")[0]} if node.tag.startswith("!") else set()
    return found


def _taken(resources: Nodes) -> Nodes:
    """Give the wanted resources with all that they refer to, but nothing of the functions."""
    taken: set[str] = set()
    for name, resource in resources.items():
        if name in _WANTED or _text(resource, "Type") in _WANTED_TYPES:
            needs = {name}
            while more := _names(*(resources[n] for n in needs)) & resources.keys() - needs:
                needs |= more
            if not any(_text(resources[n], "Type") in _FUNCTIONS for n in needs):
                taken |= needs
    return {name: resource for name, resource in resources.items() if name in taken}


class _Dumper(yaml.SafeDumper):
    """Writes short forms such as `!Ref Name` without quotes, and indents lists."""

    def choose_scalar_style(self) -> str:
        event = self.event
        assert isinstance(event, yaml.ScalarEvent)
        if (event.tag or "").startswith("!") and re.fullmatch(r"[\w.:]+", event.value):
            return ""
        return str(super().choose_scalar_style())

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        super().increase_indent(flow, False)


def _written(nodes: Nodes) -> str:
    """Give the items of a section as text, with empty lines between those that are long."""
    written = []
    for name, node in nodes.items():
        item = yaml.MappingNode(_MAP, [(yaml.ScalarNode(_STR, name), node)], flow_style=False)
        written.append(yaml.serialize(item, Dumper=_Dumper, width=1_000_000))
    between = "\n" if any("\n  Type: AWS::" in item for item in written) else ""
    return re.sub(r"^(?=.)", "  ", between.join(written), flags=re.MULTILINE)


def main() -> int:
    """Write the source stack."""
    template = (ROOT / "template.yaml").read_text(encoding="utf-8")
    TARGET.write_text(source_stack(template), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
