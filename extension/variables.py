"""How a setting is declared, and how its value is read from an environment variable.

A class declares its settings as attributes; an instance has their values (see `Configured`). A
wrong value never keeps the extension from starting, because then the function would not start
either. The default, or the part that can be used, is used instead, and one warning says so.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar

from extension.json_text import parsed

T = TypeVar("T")

_YES = frozenset({"true", "1", "yes", "on"})
_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,15}")


class PartlyUsableError(ValueError):
    """A parser cannot use all of a value; its text says what is used instead, which is `usable`."""

    def __init__(self, text: str, usable: Any) -> None:
        super().__init__(text)
        self.usable = usable


class Setting(Generic[T]):
    """One environment variable that the extension reads.

    Args:
        name: The variable; `PREFIX_*` for all variables with a prefix.
        parse: Returns the value of a text, and of the default. Raises PartlyUsableError, or a
            ValueError that says what the value must be. Neither repeats it: it may be a secret.
        default: The text that counts if the variable is not set, is empty or cannot be used.
    """

    def __init__(self, name: str, parse: Callable[[str], T], default: str = "") -> None:
        self.name = name
        self.parse = parse
        self.default = default

    def read(self, variables: Mapping[str, str], warn: Callable[[str], object]) -> T:
        """Return the value of the variable; `warn` of one that cannot be used as it is."""
        try:
            return self.parse(variables.get(self.name, "").strip() or self.default)
        except PartlyUsableError as error:
            warn(f"{self.name} {error}")
            usable: T = error.usable
            return usable
        except ValueError as error:
            instead = f"{self.default} is used" if self.default else "it is ignored"
            warn(f"{self.name} {error}; {instead}")
            return self.parse(self.default)

    def __get__(self, instance: object, owner: type) -> T:
        """Only say what type a value has: instances of `Configured` have the value itself."""
        raise AttributeError(self.name)


def flag(value: str) -> bool:
    """Parse a flag, which `true` sets, as in the original extensions, or `1`."""
    return value.lower() in _YES


def number(least: int, most: int) -> Callable[[str], int]:
    """Return a parser of whole numbers; one that is out of range is moved to the nearest limit."""

    def parse(value: str) -> int:
        if not _WHOLE_NUMBER.fullmatch(value):
            raise ValueError(f"must be a whole number from {least} to {most}")
        nearest = min(max(int(value), least), most)
        if nearest != int(value):
            raise PartlyUsableError(f"must be from {least} to {most}; {nearest} is used", nearest)
        return nearest

    return parse


def words(known: Iterable[str]) -> Callable[[str], tuple[str, ...]]:
    """Return a parser of lists with commas, in any case; what is not a known word is dropped."""
    allowed = tuple(known)

    def parse(value: str) -> tuple[str, ...]:
        listed = dict.fromkeys(part.strip().lower() for part in value.split(",") if part.strip())
        found = tuple(part for part in listed if part in allowed)
        if len(found) < len(listed):
            rule = f"must list some of {', '.join(allowed)}"
            if found:
                raise PartlyUsableError(f"{rule}; {','.join(found)} is used", found)
            raise ValueError(rule)
        return found

    return parse


def pairs(names: re.Pattern[str]) -> Callable[[str], dict[str, str]]:
    """Return a parser of `name=value,name=value`; a value may contain `=`."""

    def parse(value: str) -> dict[str, str]:
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
            problem = f"must be name=value,name=value; {ignored} part(s) are ignored"
            raise PartlyUsableError(problem, found)
        return found

    return parse


def patterns(text: str) -> tuple[re.Pattern[str], ...]:
    """Compile a JSON array of regular expressions, or one on each line."""
    listed = parsed(text)
    if not isinstance(listed, list) or not all(isinstance(item, str) for item in listed):
        # The text may begin like JSON: with a set of characters.
        listed = [line.strip() for line in text.splitlines()]
    compiled = [_compiled(expression) for expression in listed if expression]
    usable = tuple(pattern for pattern in compiled if pattern is not None)
    if len(usable) < len(compiled):
        # By number, since an expression may show what it is to hide.
        numbers = [str(n) for n, pattern in enumerate(compiled, 1) if pattern is None]
        problem = "must be regular expressions of Python that do not match an empty text"
        raise PartlyUsableError(f"{problem}; ignored: {', '.join(numbers)}", usable)
    return usable


def _compiled(expression: str) -> re.Pattern[str] | None:
    try:
        with warnings.catch_warnings():
            # What a later Python may understand differently works today.
            warnings.simplefilter("ignore")
            pattern = re.compile(expression)
    except (re.error, OverflowError, RecursionError):
        return None
    return None if pattern.match("") else pattern


def token(name: str) -> tuple[Setting[str], Setting[str]]:
    """Declare a token: the variable, and the same name with `_ARN` for where it is stored."""
    return Setting(name, str), Setting(f"{name}_ARN", str)


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = -1.0
    # NaN is not between the two either.
    if not 0 <= rate <= 1:
        raise ValueError("must be a number from 0 to 1")
    return rate


SAMPLE_RATE = Setting("LOGS_SAMPLE_RATE", _rate, "1.0")


class Configured:
    """Base of classes that declare settings as attributes of their own, in the document's order.

    `warn` is called with one sentence for each value that cannot be used as it is.
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
