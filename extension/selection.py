"""Which records are shipped, and what is redacted in them, before anything is queued."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from extension.json_text import json_text
from extension.line_formats import line_start
from extension.redaction import Redaction

_RANKS = {
    "TRACE": 1,
    "DEBUG": 2,
    "INFO": 3,
    "INFORMATION": 3,
    "NOTICE": 3,
    "WARN": 4,
    "WARNING": 4,
    "ERROR": 5,
    "FATAL": 6,
    "CRITICAL": 6,
    "PANIC": 6,
}
# The Python runtime writes this before a logged line in the text format:
# "[LEVEL]\ttime\trequest id\t"; the id is empty before the first invocation.
_TEXT_FORMAT = re.compile(r"\[([A-Z]{4,8})\]\t\S{20,30}\t([0-9a-f-]{36})?\t")
# And this before an exception that the handler did not catch; its JSON has a `log_level`.
_UNHANDLED = re.compile(r"\[([A-Z]{4,8})\] ")
_LEVEL_KEYS = ("level", "log_level")
_REQUEST_ID_KEYS = ("requestId", "AWSRequestId", "aws_request_id", "function_request_id")
_LONGEST_JSON_LINE = 65_536
# A longer value is something else of the user's; and destinations cache these values.
_LONGEST_LEVEL = 32
_LONGEST_REQUEST_ID = 128


class Context(NamedTuple):
    """What a record says about itself; None for what it does not say.

    Attributes:
        level: In capitals.
        request_id: If the user wrote it, it may be the id of anything.
        by_runtime: Whether the runtime wrote it: then it is the invocation's.
    """

    level: str | None
    request_id: str | None
    by_runtime: bool


_NOTHING = Context(None, None, by_runtime=False)


def context_of(record: Any, redact: Callable[[str], str] = str) -> Context:
    """Return the level and the request id that a `record` itself names.

    Args:
        record: The `record` member of an event.
        redact: Applied to a text that the user may have written.
    """
    if isinstance(record, str):
        if record.startswith("["):
            if found := _TEXT_FORMAT.match(record):
                return Context(found[1], found[2], by_runtime=True)
            found = _UNHANDLED.match(record)
            level = found[1] if found and found[1] in _RANKS else None
            return Context(level, None, by_runtime=False)
        if not record.startswith("{"):
            start = line_start(record)
            return Context(*start) if start else _NOTHING
        if len(record) > _LONGEST_JSON_LINE:
            return _NOTHING
        try:
            record = json.loads(record)
        except (ValueError, RecursionError):
            return _NOTHING
    if not isinstance(record, dict):
        return _NOTHING
    level = _first(record, _LEVEL_KEYS, _LONGEST_LEVEL)
    request_id = _first(record, _REQUEST_ID_KEYS, _LONGEST_REQUEST_ID) or _of_span(record)
    return Context(
        None if level is None else redact(level).upper(),
        None if request_id is None else redact(request_id),
        by_runtime=False,
    )


def _first(record: dict[str, Any], keys: Sequence[str], longest: int) -> str | None:
    """Return the first member that is a text and not too long."""
    named = (record.get(key) for key in keys)
    return next((it for it in named if isinstance(it, str) and len(it) <= longest), None)


def _of_span(record: dict[str, Any]) -> str | None:
    """Return the request id of Rust's `tracing`: its outermost span is the invocation."""
    spans = record.get("spans")
    outermost = spans[0] if isinstance(spans, list) and spans else record.get("span")
    if not isinstance(outermost, dict):
        return None
    return _first(outermost, _REQUEST_ID_KEYS, _LONGEST_REQUEST_ID)


class Selection:
    """The operator's choice of records; for one thread.

    Args:
        min_level: Records of the function that name a lower level are dropped.
        sample_rate: The share, from 0 to 1, of the function's records that is shipped.
        redact: Whatever these match is replaced in every text and number.
        exclude: Records of the function in which one of these is found are dropped.
    """

    def __init__(
        self,
        min_level: str | None,
        sample_rate: float,
        redact: Sequence[re.Pattern[str]],
        exclude: Sequence[re.Pattern[str]] = (),
    ) -> None:
        self._lowest = _RANKS.get(min_level or "", 0)
        self._rate = sample_rate
        self._share = 0.0
        self._exclude = tuple(exclude)
        self._redaction = Redaction(redact) if redact else None

    def reason_to_drop(self, level: str | None, record: Any = "") -> str:
        """Return why a record of the function is not shipped; empty if it is.

        Args:
            level: The level that it names.
            record: Its content, as the function wrote it.
        """
        if self._lowest and level and _RANKS.get(level, self._lowest) < self._lowest:
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
        return context_of(record, self._redaction.text) if self._redaction else context_of(record)

    def redacted(self, record: Any) -> Any:
        """Return a `record` without what the operator does not want to ship."""
        return self._redaction.record(record) if self._redaction else record
