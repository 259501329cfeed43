"""The selectors and label lists of PromQL queries: as much of the grammar as dashboards use."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_TOKEN = re.compile(
    r"""
    \s*(?:
        (?P<string> "(?:[^"\\]|\\.)*" )
      | (?P<range> \[ [^\]]* \] )
      | (?P<number> \d [\w.]* )
      | (?P<word> [A-Za-z_:] [\w:]* )
      | (?P<sign> =~ | !~ | != | == | [-+*/%^=<>(){},] )
    )
    """,
    re.VERBOSE,
)
_MATCHES: dict[str, Callable[[str, str], bool]] = {
    "=": lambda value, wanted: value == wanted,
    "!=": lambda value, wanted: value != wanted,
    "=~": lambda value, wanted: re.fullmatch(wanted, value) is not None,
    "!~": lambda value, wanted: re.fullmatch(wanted, value) is None,
}
_LABEL_LISTS = {"by", "without", "on", "ignoring", "group_left", "group_right"}


@dataclass(frozen=True)
class Selector:
    """What a query reads.

    Attributes:
        metric: The name; empty where only labels are given.
        matchers: Label, operator and value of each matcher.
    """

    metric: str
    matchers: tuple[tuple[str, str, str], ...]

    def selects(self, series: Mapping[str, str]) -> bool:
        """Tell whether a series is read; a label that is missing is an empty one."""
        return self.metric in ("", series["__name__"]) and all(
            _MATCHES[sign](series.get(name, ""), value) for name, sign, value in self.matchers
        )


@dataclass(frozen=True)
class Parsed:
    """What a query names.

    Attributes:
        selectors: What it reads.
        labels: The labels of its clauses `by`, `on` and their like.
        functions: Its functions and aggregations.
    """

    selectors: tuple[Selector, ...]
    labels: frozenset[str]
    functions: frozenset[str]


class _Tokens:
    """A query's tokens, taken one after the other."""

    def __init__(self, query: str) -> None:
        self._rest: list[tuple[str, str]] = []
        at, query = 0, query.rstrip()
        while at < len(query):
            found = _TOKEN.match(query, at)
            if found is None or found.lastgroup is None:
                raise ValueError(f"no PromQL: {query[at:]}")
            self._rest.append((found.lastgroup, found[found.lastgroup]))
            at = found.end()

    def __bool__(self) -> bool:
        return bool(self._rest)

    def next_is(self, text: str) -> bool:
        """Tell whether this is the next token."""
        return self._rest[:1] == [("sign", text)]

    def take(self, kind: str = "") -> tuple[str, str]:
        """Take the next token; one of another kind than `kind` is a ValueError."""
        if not self._rest or kind not in ("", self._rest[0][0]):
            raise ValueError(f"expected {kind or 'more'}, found {self._rest[:1]}")
        return self._rest.pop(0)

    def take_sign(self, text: str) -> None:
        """Take the next token, which has to be this one."""
        if self.take("sign")[1] != text:
            raise ValueError(f"expected {text}")


def parse(query: str) -> Parsed:
    """Read a query in which no variables are left."""
    tokens = _Tokens(query)
    selectors: list[Selector] = []
    labels: set[str] = set()
    functions: set[str] = set()
    while tokens:
        if tokens.next_is("{"):
            selectors.append(Selector("", _matchers(tokens)))
            continue
        kind, text = tokens.take()
        if kind != "word":
            continue
        if text in _LABEL_LISTS:
            labels.update(_label_list(tokens))
        elif tokens.next_is("("):
            functions.add(text)
        elif text in ("sum", "min", "max", "avg", "count", "group"):
            functions.add(text)  # `sum by (...) (...)`
        else:
            matchers = _matchers(tokens) if tokens.next_is("{") else ()
            selectors.append(Selector(text, matchers))
    return Parsed(tuple(selectors), frozenset(labels), frozenset(functions))


def _label_list(tokens: _Tokens) -> list[str]:
    labels = []
    tokens.take_sign("(")
    while not tokens.next_is(")"):
        labels.append(tokens.take("word")[1])
        if not tokens.next_is(")"):
            tokens.take_sign(",")
    tokens.take_sign(")")
    return labels


def _matchers(tokens: _Tokens) -> tuple[tuple[str, str, str], ...]:
    found = []
    tokens.take_sign("{")
    while not tokens.next_is("}"):
        name, sign = tokens.take("word")[1], tokens.take("sign")[1]
        if sign not in _MATCHES:
            raise ValueError(f"no matcher: {sign}")
        # A string of PromQL without single quotes is one of JSON, but for rare escapes.
        found.append((name, sign, json.loads(tokens.take("string")[1])))
        if not tokens.next_is("}"):
            tokens.take_sign(",")
    tokens.take_sign("}")
    return tuple(found)
