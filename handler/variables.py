"""How a setting is declared, and the parsers of its text.

A parser returns the value, or raises a ValueError that says what the variable must be. Its message
repeats no part of the text: a token may be in the wrong variable.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Generic, NoReturn, Protocol, TypeVar

from handler.listener import is_header_value, is_listener_url
from handler.secrets import is_secret_arn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_T = TypeVar("_T")

_ALLOWED_HOST = re.compile(r"(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*|\[[0-9a-f:.]+\]")


class HasValues(Protocol):
    """A class whose attributes are settings: `Settings`, or `TagSettings` of the tags function.

    Attributes:
        values: The value of each variable.
    """

    values: Mapping[str, Any]


class Setting(Generic[_T]):
    """One setting: how it is read, and its value as an attribute of the class that declares it.

    Args:
        variable: The environment variable.
        parse: The parser of its text.
        default: What counts if the variable is unset or blank.
    """

    def __init__(self, variable: str, parse: Callable[[str], _T], default: str = "") -> None:
        self.variable = variable
        self.parse = parse
        self.default = default

    # With `__set__`, an attribute of an instance cannot hide the setting.
    def __get__(self, settings: HasValues, _: type[HasValues]) -> _T:
        value: _T = settings.values[self.variable]
        return value

    def __set__(self, settings: HasValues, value: object) -> NoReturn:
        raise AttributeError("settings cannot be changed")


def choice(*choices: str) -> Callable[[str], str]:
    """Return a parser of one of several words, in any case."""

    def parse(text: str) -> str:
        for choice in choices:
            if text.lower() == choice.lower():
                return choice
        raise ValueError(f"must be one of {', '.join(choices)}")

    return parse


def true_or_false(text: str) -> bool:
    """Return a truth value."""
    return choice("true", "false")(text) == "true"


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """Return a parser of a whole number within bounds."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or not least <= int(text) <= most:
            raise ValueError(f"must be a whole number from {least:,} to {most:,}")
        return int(text)

    return parse


def optional(parse: Callable[[str], _T]) -> Callable[[str], _T | None]:
    """Return a parser of the same that takes an empty text for None."""
    return lambda text: parse(text) if text else None


def seconds(text: str) -> float:
    """Return a number of seconds above zero."""
    if not re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,6})?", text) or float(text) <= 0:
        raise ValueError("must be a number of seconds above zero")
    return float(text)


def seconds_from(least: int) -> Callable[[str], float]:
    """Return a parser of a number of seconds that is not below `least`."""

    def parse(text: str) -> float:
        if seconds(text) < least:
            raise ValueError(f"must be at least {least} seconds")
        return seconds(text)

    return parse


def listener_url(text: str) -> str:
    """Return the URL of a listener, or an empty text."""
    if text and not is_listener_url(text):
        raise ValueError("must be an https:// URL without user, password, fragment or white space")
    return text


def secret(text: str) -> str | None:
    """Return a token or key that an HTTP header can carry; None for an empty text."""
    if text and not is_header_value(text):
        raise ValueError("has characters that an HTTP header cannot carry")
    return text or None


def secret_arn(text: str) -> str | None:
    """Return the ARN of a secret or of an SSM parameter; None for an empty text."""
    if text and not is_secret_arn(text):
        raise ValueError("must be the ARN of a secret or of an SSM parameter")
    return text or None


def utf_8(text: str) -> str:
    """Return a text that can be a label's value: an environment may hold other bytes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("must be text in UTF-8") from None
    return text


def host_patterns(text: str) -> tuple[str, ...]:
    """Return host names, in lower case; `*.` and a domain stand for each host below it."""
    hosts = tuple(host.strip().lower() for host in text.split(",") if host.strip())
    if not all(map(_ALLOWED_HOST.fullmatch, hosts)):
        raise ValueError("must list host names or *.domain")
    return hosts


def mebibytes(text: str) -> int | None:
    """Return a size in bytes; None where the text is no number, as outside of Lambda."""
    return int(text) << 20 if re.fullmatch("[1-9][0-9]{0,6}", text) else None
