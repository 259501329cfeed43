"""The settings of the tags function, beside those of the receiver, which it has too.

The receiver does not read them, so that a mistake in one stops no delivery. `make docs` writes the
table of docs/settings.md from their docstrings.
"""

import json
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from handler.errors import SettingsError
from handler.json_objects import object_in
from handler.settings import known_variables
from handler.sigv4 import external_id, role_arn
from handler.variables import Setting, utf_8

ALL = "*"

Filters = Mapping[str, tuple[str, ...]]
"""By key, the values of which a resource must have one; none: any value."""

# "A request can include up to 50 keys, and each key can include up to 20 values." Lengths: shapes
# TagKey and TagValue. - Resource Groups Tagging API Reference, "GetResources"
_MOST_KEYS, _MOST_VALUES = 50, 20
_KEY, _VALUE = re.compile("(?s).{1,128}"), re.compile("(?s).{0,256}")


def _texts(text: str) -> list[str]:
    """Return the texts in a comma list or a JSON array."""
    if not utf_8(text).startswith("["):
        return [item.strip() for item in text.split(",") if item.strip()]
    try:
        items = json.loads(text)
    except (ValueError, RecursionError):
        items = [None]
    if not all(isinstance(item, str) and item for item in items):
        raise ValueError("must be a comma list or a JSON array of texts")
    return list(items)


def _exported(text: str) -> frozenset[str] | None:
    keys = frozenset(_texts(text))
    if not keys:
        raise ValueError(f"must be {ALL} or name tag keys")
    return None if ALL in keys else keys


def _filters(text: str) -> Filters:
    members = object_in(utf_8(text), number=str)
    if members is None or not all(map(_is_filter, members, members.values())):
        raise ValueError(
            'must be a JSON object of tag keys and lists of values, like {"Team":["a","b"]}; '
            "an empty list means any value"
        )
    if len(members) > _MOST_KEYS or any(len(values) > _MOST_VALUES for values in members.values()):
        raise ValueError(f"must have at most {_MOST_KEYS} keys, and {_MOST_VALUES} values of each")
    return MappingProxyType({key: tuple(values) for key, values in members.items()})


def _is_filter(key: str, values: Any) -> bool:
    return (
        _KEY.fullmatch(key) is not None
        and isinstance(values, list)
        and all(isinstance(value, str) and _VALUE.fullmatch(value) for value in values)
    )


def _role_arns(text: str) -> tuple[str, ...]:
    arns = _texts(text)
    for arn in arns:
        role_arn(arn)
    return tuple(dict.fromkeys(arns))


class TagSettings:
    """The settings that say which tags are read, and which of them become labels.

    Args:
        values: The value of each variable in `DECLARED`.
    """

    exported_tags = Setting("EXPORTED_TAGS", _exported, ALL)
    """Comma list or JSON array of the tag keys that become labels; `*` for all. A resource without
    any of them has no info series."""

    filters = Setting("TAG_FILTERS", _filters, "{}")
    """JSON object that selects resources by their tags, such as `{"Team":["a","b"],"Env":[]}`: they
    must have each key, with one of its values; an empty list means any value."""

    role_arns = Setting("TAG_ROLE_ARNS", _role_arns)
    """Comma list or JSON array of roles, one in each linked account whose tags are read too."""

    external_id = Setting("TAG_EXTERNAL_ID", external_id)
    """External id that the trust policies of these roles ask for."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = values

    def exports(self, key: str) -> bool:
        """Return whether a tag of this key becomes a label."""
        return self.exported_tags is None or key in self.exported_tags

    def selects(self, tags: Mapping[str, str]) -> bool:
        """Return whether TAG_FILTERS selects a resource with these tags."""
        return all(
            key in tags and (not values or tags[key] in values)
            for key, values in self.filters.items()
        )


DECLARED = tuple(value for value in vars(TagSettings).values() if isinstance(value, Setting))
"""Every setting, in the order of the documents."""


def read_tag_settings(environ: Mapping[str, str]) -> TagSettings:
    """Return the settings of an environment, in which SETTINGS counts too.

    Raises:
        SettingsError: One message with every problem found in them.
    """
    given = {**environ, **known_variables(environ)}
    values: dict[str, Any] = {}
    problems: list[str] = []
    for setting in DECLARED:
        try:
            text = given.get(setting.variable, "").strip() or setting.default
            values[setting.variable] = setting.parse(text)
        except ValueError as error:
            problems.append(f"{setting.variable} {error}")
    if values.get("TAG_EXTERNAL_ID") and not values.get("TAG_ROLE_ARNS", "wrong"):
        problems.append("TAG_EXTERNAL_ID needs TAG_ROLE_ARNS")
    if problems:
        raise SettingsError("settings: " + "; ".join(problems))
    return TagSettings(values)
