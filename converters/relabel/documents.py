"""The text of WRITE_RELABEL_CONFIGS, YAML or JSON, as a list of rules that nobody has checked yet.

As in Prometheus, a number or a boolean is its text, so that `regex: 404` needs no quotes.
"""

import json
from collections.abc import Iterable
from typing import Any

from converters.errors import RelabelError

MAX_CHARACTERS = 16_384
"""Four times what all environment variables of a Lambda function may have together."""

MAX_RULES = 100

NO_LIST = "must be YAML or JSON: a list of objects, each a relabel_config of Prometheus"

_KEY = "write_relabel_configs"


class Members(dict[str, Any]):
    """An object of the text.

    Args:
        pairs: Its keys and values.

    Attributes:
        repeated: A key that it has twice; empty if there is none.

    Raises:
        RelabelError: A key is no text.
    """

    def __init__(self, pairs: Iterable[tuple[Any, Any]]) -> None:
        super().__init__()
        self.repeated = ""
        for key, value in pairs:
            if not isinstance(key, str):
                raise RelabelError(f"{NO_LIST}; a key must be text")
            if key in self:
                self.repeated = key
            self[key] = value


def read_rules(text: str) -> list[Any]:
    """Return the rules in a text: `Members`, lists, strings, and None for null.

    Raises:
        RelabelError: It is neither YAML nor JSON, no list of rules, or too long.
    """
    if len(text) > MAX_CHARACTERS:
        raise RelabelError(f"must have at most {MAX_CHARACTERS} characters, but has {len(text)}")
    try:
        rules = _parse(text)
        # JSON's escapes can make half of a surrogate pair, which no label can hold.
        json.dumps(rules, ensure_ascii=False).encode()
    except RecursionError:
        raise RelabelError(f"is nested too deeply: it {NO_LIST}") from None
    except UnicodeEncodeError:
        raise RelabelError("must not hold half of a surrogate pair, such as \\ud83d") from None
    if isinstance(rules, Members):
        if rules.keys() != {_KEY} or rules.repeated:
            raise RelabelError(f"must have {_KEY} as its only key, or be that list itself")
        rules = rules[_KEY]
    if not isinstance(rules, list):
        raise RelabelError(NO_LIST)
    if len(rules) > MAX_RULES:
        raise RelabelError(f"must have at most {MAX_RULES} rules, but has {len(rules)}")
    return rules


def _parse(text: str) -> Any:
    if text.lstrip()[:1] in ("[", "{"):
        try:
            return _without_booleans(
                json.loads(
                    text,
                    object_pairs_hook=Members,
                    parse_int=str,
                    parse_float=str,
                    parse_constant=str,
                )
            )
        except json.JSONDecodeError:
            # It may be YAML's flow style, which needs no quotes.
            pass
    # PyYAML takes 13 ms to import, which rules in JSON save.
    from converters.relabel.yaml_text import parse_yaml  # noqa: PLC0415

    return parse_yaml(text)


def _without_booleans(value: Any) -> Any:
    if isinstance(value, Members):
        for key, member in value.items():
            value[key] = _without_booleans(member)
        return value
    if isinstance(value, list):
        return [_without_booleans(item) for item in value]
    return str(value).lower() if isinstance(value, bool) else value
