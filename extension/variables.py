"""How a setting is declared, and how its value is read from an environment variable.

A class declares its settings as attributes; an instance has their values (see `Configured`). A
wrong value never keeps the extension from starting, because then the function would not start
either. The default, or the nearest value that is allowed, is used instead, and one warning says so.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload
from urllib.parse import urlsplit

from extension.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from urllib.parse import SplitResult

T = TypeVar("T")

# Lambda's own limit for all variables together is 4 KB.
_LONGEST_LIST = 32_768
_YES = frozenset({"true", "1", "yes", "on"})
# No user part, no backslash, no white space, no query, as for the function's own listener.
_URL = re.compile(
    r"https?://(?:[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?\.?|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?"
    r"(?:/[!$-;=@-\[\]_a-z~]*)?",
    re.IGNORECASE | re.ASCII,
)
_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,15}")


class UnusableValueError(ValueError):
    """A parser cannot use a value, or not all of it.

    Args:
        rule: What the value must be, to be read after the variable's name. Never the value
            itself, which may be a secret.
        consequence: What happens instead; empty if the default is used.
        value: What is used instead; ignored if the default is used.
    """

    def __init__(self, rule: str, consequence: str = "", value: Any = None) -> None:
        super().__init__(rule)
        self.rule = rule
        self.consequence = consequence
        self.value = value


class Setting(Generic[T]):
    """One environment variable that the extension reads.

    Args:
        name: The variable; `PREFIX_*` for all variables with a prefix.
        parse: Returns the value of a text that is not empty; raises `UnusableValueError`.
        default: The value if the variable is not set, is empty or cannot be used.
        meaning: One sentence or two for the documentation, in Markdown.
        shown_default: The default as the documentation shows it, in Markdown; by default the
            value itself, unless it is empty.
    """

    def __init__(
        self,
        name: str,
        parse: Callable[[str], T],
        default: T,
        meaning: str,
        shown_default: str = "",
    ) -> None:
        self.name = name
        self.parse = parse
        self.default = default
        self.meaning = meaning
        is_empty = default is None or default in ("", (), {})
        self.shown_default = shown_default or ("" if is_empty else f"`{default}`".lower())

    def read(self, variables: Mapping[str, str], warn: Callable[[str], object]) -> T:
        """Return the value of the variable.

        Args:
            variables: The environment.
            warn: Called with one sentence if the value cannot be used as it is.
        """
        text = variables.get(self.name, "").strip()
        if not text:
            return self.default
        try:
            return self.parse(text)
        except UnusableValueError as error:
            default = self.shown_default.strip("`") or "the default"
            warn(f"{self.name} {error.rule}; {error.consequence or f'{default} is used'}")
            value: T = error.value if error.consequence else self.default
            return value

    @overload
    def __get__(self, instance: None, owner: type) -> Setting[T]: ...
    @overload
    def __get__(self, instance: object, owner: type) -> T: ...
    def __get__(self, instance: object, owner: type) -> Setting[T] | T:
        """Return the declaration; an instance of `Configured` has the value instead."""
        return self

    def is_set(self, variables: Mapping[str, str]) -> bool:
        """Return whether the variable holds more than white space."""
        return bool(variables.get(self.name, "").strip())


def text(name: str, meaning: str, default: str = "", shown_default: str = "") -> Setting[str]:
    """Declare a text."""
    return Setting(name, str, default, meaning, shown_default)


def flag(name: str, meaning: str) -> Setting[bool]:
    """Declare a flag, which `true` sets, as in the original extensions, or `1`."""
    return Setting(name, lambda value: value.lower() in _YES, False, meaning)


def number(
    name: str, meaning: str, default: int, limits: tuple[int, int], shown_default: str = ""
) -> Setting[int]:
    """Declare a whole number; one that is out of range is moved to the nearest limit."""
    least, most = limits

    def parse(value: str) -> int:
        if not _WHOLE_NUMBER.fullmatch(value):
            raise UnusableValueError(f"must be a whole number from {least} to {most}")
        given = int(value)
        nearest = min(max(given, least), most)
        if nearest != given:
            rule = f"must be from {least} to {most}"
            raise UnusableValueError(rule, f"{nearest} is used instead of {given}", nearest)
        return given

    return Setting(name, parse, default, f"{meaning} {least:,} to {most:,}.", shown_default)


def words(
    name: str, meaning: str, known: Iterable[str], shown_default: str
) -> Setting[tuple[str, ...]]:
    """Declare a list with commas, in any case; what is not among the known words is dropped."""
    allowed = tuple(known)

    def parse(value: str) -> tuple[str, ...]:
        listed = dict.fromkeys(part.strip().lower() for part in value.split(",") if part.strip())
        found = tuple(part for part in listed if part in allowed)
        if len(found) < len(listed):
            rule = f"must list some of {', '.join(allowed)}"
            raise UnusableValueError(rule, f"{','.join(found)} is used" if found else "", found)
        return found

    return Setting(name, parse, (), meaning, shown_default)


def pairs(name: str, meaning: str, names: re.Pattern[str]) -> Setting[dict[str, str]]:
    """Declare `name=value,name=value`; a value may contain `=`, and `names` matches the names."""

    def parse(value: str) -> dict[str, str]:
        if len(value) > _LONGEST_LIST:
            raise UnusableValueError(f"must have at most {_LONGEST_LIST} characters")
        found: dict[str, str] = {}
        ignored = 0
        for part in filter(str.strip, value.split(",")):
            key, equals, content = part.partition("=")
            if equals and names.fullmatch(key.strip()):
                found.setdefault(key.strip(), content.strip())
            else:
                ignored += 1
        if ignored:
            # The parts may be confidential: they are counted and not repeated.
            consequence = f"{ignored} part(s) are ignored"
            raise UnusableValueError("must be name=value,name=value", consequence, found)
        return found

    return Setting(name, parse, {}, meaning)


def token(name: str, meaning: str) -> tuple[Setting[str], Setting[str]]:
    """Declare a token: the variable, and the same name with `_ARN` for where it is stored."""
    return text(name, meaning), text(f"{name}_ARN", f"The secret or parameter with `{name}`.")


FLUSH_BUDGET_MS = number(
    "FLUSH_BUDGET_MS", "Longest time of a flush, in milliseconds.", 1_000, (10, 30_000)
)
EXTENSION_NAME = text("EXTENSION_NAME", "A label on records; it does not name the extension.")


def checked_url(name: str, address: str) -> SplitResult:
    """Return the URL that a variable holds, without a slash at its end.

    Raises:
        SettingsError: It is no http or https URL, or has a user part or a query.
    """
    try:
        url = urlsplit(address)
        usable = _URL.fullmatch(address) is not None and url.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise SettingsError(
            f"{name} must be a URL that begins with https:// (or http://) and has no user, query "
            "or fragment"
        )
    return url._replace(path=url.path.rstrip("/"))


class Configured:
    """Base of classes that declare settings as attributes of their own, in the documents' order.

    Args:
        variables: The environment.
        warn: Called with one sentence for each value that cannot be used as it is.
    """

    def __init__(self, variables: Mapping[str, str], warn: Callable[[str], object]) -> None:
        # A value hides its declaration, since `Setting` is a descriptor without `__set__`.
        for attribute, setting in vars(type(self)).items():
            if isinstance(setting, Setting):
                vars(self)[attribute] = setting.read(variables, warn)

    @classmethod
    def declared(cls) -> tuple[Setting[Any], ...]:
        """Return all settings."""
        return tuple(value for value in vars(cls).values() if isinstance(value, Setting))
