"""What the operator does not want to be shipped, removed from records."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from extension.destinations.limits import json_text

if TYPE_CHECKING:
    import re
    from collections.abc import Sequence

_REDACTED = "[redacted]"


class Redaction:
    """Replaces what some expressions find, in every text and number.

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
        # Without recursion: a record may be nested as deeply as JSON can be read.
        holder = [record]
        waiting: list[Any] = [holder]
        while waiting:
            container = waiting.pop()
            for key in [*container] if isinstance(container, dict) else range(len(container)):
                value = container[key]
                if isinstance(value, dict):
                    value = {self.text(name): member for name, member in value.items()}
                    waiting.append(value)
                elif isinstance(value, list):
                    value = [*value]
                    waiting.append(value)
                else:
                    value = self._scalar(value)
                container[key] = value
        return holder[0]

    def _scalar(self, value: Any) -> Any:
        """Return a text or number without it; of a number a text, as it would be in a line."""
        if isinstance(value, str):
            return self.text(value)
        if type(value) not in (int, float):
            return value
        text = json_text(value)
        clean = self.text(text)
        return value if clean == text else clean
