"""The text of WRITE_RELABEL_CONFIGS, YAML or JSON, as a list of rules that nobody has checked yet.

As in Prometheus, a number or a boolean is its text, so that `regex: 404` needs no quotes.
"""

import json
from typing import Any

import yaml

from converters.errors import RelabelError

MAX_CHARACTERS = 16_384
"""Four times what all environment variables of a Lambda function may have together."""

MAX_RULES = 100

_KEY = "write_relabel_configs"
_LIST = "must be YAML or JSON: a list of objects, each a relabel_config of Prometheus"


class Members(dict[str, Any]):
    """An object of the text.

    Attributes:
        repeated: A key that it has twice; empty if there is none.
    """

    repeated = ""


def read_rules(text: str) -> list[Any]:
    """Return the rules in a text: `Members`, lists, strings, and None for null.

    Raises:
        RelabelError: It is neither YAML nor JSON, no list of rules, or too long.
    """
    if len(text) > MAX_CHARACTERS:
        raise RelabelError(f"must have at most {MAX_CHARACTERS} characters, but has {len(text)}")
    try:
        # Text from JSON's escapes may hold half a surrogate pair, which no label can.
        rules = _parse(text)
        json.dumps(rules, ensure_ascii=False).encode()
    except RecursionError:
        raise RelabelError(f"is nested too deeply: it {_LIST}") from None
    except UnicodeEncodeError:
        raise RelabelError("must not hold half of a surrogate pair, such as \\ud83d") from None
    if isinstance(rules, Members):
        if rules.keys() != {_KEY} or rules.repeated:
            raise RelabelError(f"must have {_KEY} as its only key, or be that list itself")
        rules = rules[_KEY]
    if not isinstance(rules, list):
        raise RelabelError(_LIST)
    if len(rules) > MAX_RULES:
        raise RelabelError(f"must have at most {MAX_RULES} rules, but has {len(rules)}")
    return rules


def _parse(text: str) -> Any:
    if text.lstrip()[:1] in ("[", "{"):
        try:
            return _without_booleans(
                json.loads(
                    text,
                    object_pairs_hook=_members,
                    parse_int=str,
                    parse_float=str,
                    parse_constant=str,
                )
            )
        except json.JSONDecodeError:
            # It may be YAML's flow style, which needs no quotes.
            pass
    try:
        return _plain(yaml.compose(text, Loader=_Loader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise RelabelError(f"{_LIST}; {place}{error.problem}") from None
    except (yaml.YAMLError, ValueError) as error:
        if isinstance(error, RelabelError):
            raise
        raise RelabelError(f"{_LIST}; {' '.join(str(error).split())}") from None


class _Loader(yaml.SafeLoader):
    """Reads nodes; without aliases, a few of which can stand for millions of nodes."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Return the next node, as PyYAML calls it."""
        if self.check_event(yaml.AliasEvent):
            raise yaml.MarkedYAMLError(
                problem="an alias (*name) is not supported: repeat the text, or quote what begins "
                "with *",
                problem_mark=self.get_mark(),
            )
        return super().compose_node(parent, index)


def _plain(node: yaml.Node | None) -> Any:
    if isinstance(node, yaml.MappingNode):
        return _members([(_plain(key), _plain(value)) for key, value in node.value])
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item) for item in node.value]
    if node is None or node.tag == "tag:yaml.org,2002:null":
        return None
    return node.value


def _members(pairs: list[tuple[Any, Any]]) -> Members:
    members = Members()
    for key, value in pairs:
        if not isinstance(key, str):
            raise RelabelError(f"{_LIST}; a key must be text")
        if key in members:
            members.repeated = key
        members[key] = value
    return members


def _without_booleans(value: Any) -> Any:
    if isinstance(value, Members):
        for key, member in value.items():
            value[key] = _without_booleans(member)
        return value
    if isinstance(value, list):
        return [_without_booleans(item) for item in value]
    return str(value).lower() if isinstance(value, bool) else value
