"""What an operator does not want to be shipped, taken out of records."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from extension.destinations.json_text import json_text

if TYPE_CHECKING:
    import re
    from collections.abc import Sequence

_REDACTED = "[redacted]"


class Redaction:
    """
    Replaces what some expressions find, in every text and number.

    Args:
        patterns: The expressions.
    """

    def __init__(self, patterns: Sequence[re.Pattern[str]]) -> None:
        self._patterns = tuple(patterns)

    def text(self, text: str) -> str:
        """Return a text without it."""
        for pattern in self._patterns:
            text = pattern.sub(_REDACTED, text)
        return text

    def record(self, record: Any) -> Any:
        """Return any `record` without it; the record itself is not changed."""
        return self._line(self.text(record)) if isinstance(record, str) else self._value(record)

    def _line(self, text: str) -> str:
        """Redact what escapes hide in a line of JSON, which a destination may read as JSON."""
        if "\\" not in text or text.lstrip()[:1] not in ("{", "["):
            return text
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return text
        cleaned = self._value(value)
        try:
            same = cleaned == value
        except RecursionError:
            same = False
        return text if same else json_text(cleaned)

    def _value(self, record: Any) -> Any:
        # Without recursion, for a record may be nested as deep as JSON can be read.
        holder = [record]
        waiting: list[Any] = [holder]
        while waiting:
            container = waiting.pop()
            for key in [*container] if isinstance(container, dict) else range(len(container)):
                value = container[key]
                if isinstance(value, str):
                    container[key] = self.text(value)
                elif type(value) in (int, float):
                    container[key] = self._number(value)
                elif isinstance(value, dict):
                    container[key] = copy = {self.text(k): v for k, v in value.items()}
                    waiting.append(copy)
                elif isinstance(value, list):
                    container[key] = copies = [*value]
                    waiting.append(copies)
        return holder[0]

    def _number(self, number: float) -> float | str:
        """Return a number, or a text where a part of it is redacted: in a line it would be, too."""
        text = json_text(number)
        clean = self.text(text)
        return number if clean == text else clean
