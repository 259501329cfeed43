"""Which records are shipped, and with what taken out of them: before anything is queued."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from extension.redaction import Redaction

_RANKS = {
    "TRACE": 1,
    "DEBUG": 2,
    "INFO": 3,
    "NOTICE": 3,
    "WARN": 4,
    "WARNING": 4,
    "ERROR": 5,
    "FATAL": 6,
    "CRITICAL": 6,
}
# What the Python runtime writes before a logged line in the text format:
# "[LEVEL]\ttime\trequest id\t".
_TEXT_FORMAT = re.compile(r"\[([A-Z]{4,8})\]\t\S{20,30}\t([0-9a-f-]{36})\t")
_REQUEST_ID_KEYS = ("requestId", "AWSRequestId", "aws_request_id", "function_request_id")
_LONGEST_JSON_LINE = 65_536
# What is longer is something else of the user's; and destinations remember what they have met.
_LONGEST_LEVEL = 32
_LONGEST_REQUEST_ID = 128


class Said(NamedTuple):
    """
    What a record says about itself; None where it says nothing.

    Attributes:
        level: In capitals.
        request_id: May be that of anything, where the user wrote it.
        by_runtime: Whether the runtime wrote it: then it is the invocation's.
    """

    level: str | None
    request_id: str | None
    by_runtime: bool


_NOTHING = Said(None, None, by_runtime=False)


def said(record: Any, shown: Callable[[str], str] = str) -> Said:
    """
    Return the level, in capitals, and the request id that a `record` itself names.

    Args:
        record: The `record` member of an event.
        shown: Gives what may be shipped of a text that the user may have written.
    """
    if isinstance(record, str):
        first = record[:1]
        if first == "[":
            found = _TEXT_FORMAT.match(record)
            return Said(found[1], found[2], by_runtime=True) if found else _NOTHING
        if first != "{" or len(record) > _LONGEST_JSON_LINE:
            return _NOTHING
        try:
            record = json.loads(record)
        except (ValueError, RecursionError):
            return _NOTHING
    if not isinstance(record, dict):
        return _NOTHING
    level = _short(record.get("level"), _LONGEST_LEVEL)
    named = (_short(record.get(key), _LONGEST_REQUEST_ID) for key in _REQUEST_ID_KEYS)
    request_id = next((text for text in named if text is not None), None)
    return Said(
        None if level is None else shown(level).upper(),
        None if request_id is None else shown(request_id),
        by_runtime=False,
    )


def _short(value: Any, longest: int) -> str | None:
    return value if isinstance(value, str) and len(value) <= longest else None


def _redaction(patterns: Sequence[re.Pattern[str]]) -> Redaction:
    # Most functions have nothing to redact, and their start need not wait for this.
    from extension.redaction import Redaction  # noqa: PLC0415

    return Redaction(patterns)


class Selection:
    """
    The operator's choice; for one thread.

    Args:
        min_level: Records of the function that name a lower level are left out.
        sample_rate: The share, from 0 to 1, of the function's records that is shipped.
        redact: What these find is replaced in every text and number.

    Attributes:
        redacts: Whether anything may have to be replaced.
        leaves_out: Whether any record may have to be left out.
    """

    def __init__(
        self, min_level: str | None, sample_rate: float, redact: Sequence[re.Pattern[str]]
    ) -> None:
        self._least = _RANKS.get(min_level or "", 0)
        self._rate = sample_rate
        self._share = 0.0
        self._redaction = _redaction(redact) if redact else None
        self.redacts = bool(redact)
        self.leaves_out = bool(self._least) or sample_rate < 1

    def reason_to_leave_out(self, level: str | None) -> str:
        """Return why a record of the function is not shipped; empty where it is."""
        if self._least and level and _RANKS.get(level, self._least) < self._least:
            return "below_level"
        if self._rate < 1:
            # Evenly and without chance: of 1000 records a tenth is 100.
            self._share += self._rate
            if self._share < 1 - 1e-9:
                return "sampled"
            self._share -= 1
        return ""

    def said(self, record: Any) -> Said:
        """Return what a record of a user's says about itself, without what is redacted."""
        return said(record, self._redaction.text) if self._redaction else said(record)

    def redacted(self, record: Any) -> Any:
        """Return a `record` without what the operator does not want to be shipped."""
        return self._redaction.record(record) if self._redaction else record
