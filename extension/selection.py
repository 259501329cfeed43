"""Which records are shipped, and what is redacted in them, before anything is queued."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from extension.json_text import json_text, parsed
from extension.line_formats import RANKS, Context, context_of

_REDACTED = "[redacted]"
# The strings and numbers in JSON, names of members included.
_SCALAR = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|-?[0-9][0-9.eE+-]*')


class Selection:
    """The operator's choice of records, as `Settings` describes it; for one thread."""

    def __init__(
        self,
        min_level: str,
        sample_rate: float,
        redact: Sequence[re.Pattern[str]],
        exclude: Sequence[re.Pattern[str]] = (),
    ) -> None:
        self._lowest = RANKS.get(min_level, 0)
        self._rate = sample_rate
        self._share = 0.0
        self._exclude = tuple(exclude)
        self._redact = tuple(redact)

    def reason_to_drop(self, level: str | None, record: Any = "") -> str:
        """Return why a `record` of the function, with its level, is not shipped; empty if it is."""
        if self._lowest and level and RANKS.get(level, self._lowest) < self._lowest:
            return "below_level"
        if self._exclude:
            text = record if isinstance(record, str) else json_text(record)
            if any(pattern.search(text) for pattern in self._exclude):
                return "excluded"
        if self._rate < 1:
            # Evenly, without randomness: a tenth of 1000 records is exactly 100.
            self._share += self._rate
            if self._share < 1 - 1e-9:
                return "sampled"
            self._share -= 1
        return ""

    def context_of(self, record: Any) -> Context:
        """Return what a record of the user's says about itself, redacted."""
        return context_of(record, self._redacted_text)

    def redacted(self, record: Any) -> Any:
        """Return a copy of a `record` without what the operator does not want to ship."""
        if not self._redact:
            return record
        if not isinstance(record, str):
            text = _SCALAR.sub(self._scalar, json_text(record))
            try:
                return json.loads(text)
            except RecursionError:
                # Python writes a level or two more than it reads.
                return text
        line = self._redacted_text(record)
        # A destination may read the line as JSON, in which escapes can hide what is redacted.
        if "\\" in line and isinstance(parsed(line), (dict, list)):
            return _SCALAR.sub(self._scalar, line)
        return line

    def _redacted_text(self, text: str) -> str:
        for pattern in self._redact:
            text = pattern.sub(_REDACTED, text)
        return text

    def _scalar(self, found: re.Match[str]) -> str:
        """Redact a string without its escapes; a number as a text, as it would be in a line."""
        token = found[0]
        text = json.loads(token) if token.startswith('"') else token
        cleaned = self._redacted_text(text)
        return token if cleaned == text else json_text(cleaned)
