"""The settings that name series: which statistics they have, and the labels of all."""

import re
from collections.abc import Mapping
from types import MappingProxyType

from converters.profiles import PROFILES
from converters.profiles.profile import NamingProfile
from converters.statistics import Selection, selection_of
from handler.json_objects import object_in
from handler.variables import choice

_LABEL_NAME = re.compile("[a-zA-Z_][a-zA-Z0-9_]*")

# JSON may hold half a character, which no encoding has.
_SURROGATE = re.compile("[\ud800-\udfff]")

# Labels that distinguish the series of one data point.
_OWN_LABELS = ("__name__", "quantile", "le")


def profile(text: str) -> type[NamingProfile]:
    """Return the class of a naming profile."""
    return PROFILES[choice(*PROFILES)(text)]


def statistics(text: str) -> Selection:
    """Return the statistics in a list that commas separate."""
    return selection_of([name.strip() for name in text.split(",")])


def external_labels(text: str) -> Mapping[str, str]:
    """Return the labels of a JSON object; an empty value means no label."""
    labels = object_in(text)
    if labels is None or not all(map(_is_text, labels.values())):
        raise ValueError(
            'must be a JSON object of label names and values, all text, like {"env":"production"}'
        )
    if not all(map(_LABEL_NAME.fullmatch, labels)):
        raise ValueError(
            "must have label names of letters, digits and underscores that begin with no digit"
        )
    for name in _OWN_LABELS:
        if name in labels:
            raise ValueError(f"must not have the label {name}, which each series sets itself")
    return MappingProxyType(labels)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and not _SURROGATE.search(value)


def profile_name(profile: type[NamingProfile]) -> str:
    """Return the name of a naming profile."""
    return next(name for name, known in PROFILES.items() if known is profile)
