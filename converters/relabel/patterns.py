"""Regular expressions and replacements as Prometheus has them.

An expression is RE2, has to match all of a text, and its `.` matches a line break too. Prometheus
uses Go's package regexp, which has RE2's syntax but for one construct. Every match takes time in
proportion to the length of the text.
"""

import re
from collections.abc import Callable, Sequence
from typing import TypeVar

import re2

from converters.errors import LabelsTooLargeError, RelabelError

MAX_LENGTH = 65_536
"""Most characters of a text that rules make: each could double a label, again and again."""

DEFAULT_REGEX = "(.*)"

# Of one regular expression, also while it matches.
_MAX_BYTES = 2**20

# Label names and metric names repeat. Texts of this length are worth keeping.
_MEMORY = 1_024
_MEMORABLE = 256

_ESCAPE = re.compile(r"\\(.)", re.DOTALL)

# "$$", "${name}" and "$name", where the name is the longest possible (Go's Regexp.Expand).
_REFERENCE = re.compile(r"\$(?:(\$)|\{(\w+)\}|(\w+))")
_NUMBER = re.compile("0|[1-9][0-9]{0,8}")

_Result = TypeVar("_Result")


def remembered(function: Callable[[str], _Result]) -> Callable[[str], _Result]:
    """Return the function with a memory for its last results of short texts."""
    return _Memory(function).__getitem__


class _Memory(dict[str, _Result]):
    """Results of a function by text; to look one up takes a third of a call of Python code."""

    def __init__(self, function: Callable[[str], _Result]) -> None:
        super().__init__()
        self._function = function

    def __missing__(self, text: str) -> _Result:
        result = self._function(text)
        if len(text) <= _MEMORABLE:
            if len(self) >= _MEMORY:
                self.clear()
            self[text] = result
        return result


class Pattern:
    """A regular expression.

    Args:
        text: In RE2's syntax.
        place: Which rule it is in, for errors.

    Attributes:
        names: The number of each group with a name.
        groups: How many groups there are.

    Raises:
        RelabelError: It is not RE2.
    """

    def __init__(self, text: str, place: str) -> None:
        self._default = text == DEFAULT_REGEX
        options = re2.Options()
        options.dot_nl = True
        options.log_errors = False
        options.max_mem = _MAX_BYTES
        if "C" in _ESCAPE.findall(text):
            # It matches a byte, which may be a part of a character. Go has no \C.
            raise RelabelError(f"{place}: regex must not hold \\C: use .")
        try:
            # Bytes take half the time of text, for which offsets have to be counted anew.
            self._compiled = re2.compile(text.encode(), options)
        except re2.error as error:
            problem = error.args[0].decode(errors="replace")
            raise RelabelError(
                f"{place}: regex must be RE2, which has no lookaround, no backreferences and no "
                f"possessive or atomic groups: {problem}"
            ) from None
        self.names: dict[str, int] = {
            name.decode(): it for name, it in self._compiled.groupindex.items()
        }
        self.groups: int = self._compiled.groups

    def matches(self, text: str) -> bool:
        """Whether the expression matches all of a text."""
        return self._compiled.fullmatch(text.encode()) is not None

    def match(self, text: str) -> list[str] | None:
        """Return the text and its groups, empty if they take no part; None if nothing matches."""
        if self._default:
            return [text, text]
        match = self._compiled.fullmatch(text.encode())
        if match is None:
            return None
        return [text, *(group.decode() for group in match.groups(b""))]


class Template:
    """Text with references to groups, such as `${1}`; unknown groups are empty, `$$` is a dollar.

    Args:
        text: The text.
        pattern: The expression that it refers to.
    """

    def __init__(self, text: str, pattern: Pattern) -> None:
        self._pieces: list[str | int] = []
        end = 0
        for reference in _REFERENCE.finditer(text):
            dollar, name, bare = reference.groups()
            self._pieces += [text[end : reference.start()], dollar or _group(name or bare, pattern)]
            end = reference.end()
        self._pieces.append(text[end:])

    def expand(self, groups: Sequence[str]) -> str:
        """Return the text with these groups in it.

        Raises:
            LabelsTooLargeError: It is longer than `MAX_LENGTH`.
        """
        texts = [groups[it] if isinstance(it, int) else it for it in self._pieces]
        if sum(map(len, texts)) > MAX_LENGTH:
            raise LabelsTooLargeError
        return "".join(texts)


def _group(name: str, pattern: Pattern) -> str | int:
    """Return the number of a group; nothing if there is no such group."""
    if _NUMBER.fullmatch(name):
        return int(name) if int(name) <= pattern.groups else ""
    return pattern.names.get(name, "")
