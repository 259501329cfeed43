"""What the operator does not want to be shipped, removed from records."""

import json
import re
from collections.abc import Sequence
from typing import Any

from extension.json_text import json_text, parsed

_REDACTED = "[redacted]"
# The strings and numbers in JSON, names of members included.
_SCALAR = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|-?[0-9][0-9.eE+-]*')


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
        if not isinstance(record, str):
            text = _SCALAR.sub(self._scalar, json_text(record))
            try:
                return json.loads(text)
            except RecursionError:
                # Python writes a level or two more than it reads.
                return text
        line = self.text(record)
        # A destination may read the line as JSON, in which escapes can hide what is redacted.
        if "\\" in line and isinstance(parsed(line), (dict, list)):
            return _SCALAR.sub(self._scalar, line)
        return line

    def _scalar(self, found: re.Match[str]) -> str:
        """Redact a string without its escapes; a number as a text, as it would be in a line."""
        token = found[0]
        text = json.loads(token) if token.startswith('"') else token
        cleaned = self.text(text)
        return token if cleaned == text else json_text(cleaned)
