"""What the response of a destination means: tables of statuses, and what its body says."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Any, NamedTuple

from extension.http_client import Response

LONGEST_WAIT_SECONDS = 300.0
"""The longest wait that a `Retry-After` can cause."""

_TOO_MANY_REQUESTS = 429
_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")


class Meaning(Enum):
    """What a response means for the batch that was sent."""

    SENT = "sent"
    """The batch has arrived, except for the records that `BatchResult.refused` counts."""
    HALVE = "halve"
    """The batch is too large: both halves are sent instead; one record alone is dropped."""
    STOP = "stop"
    """The token is refused: nothing more is sent to this destination."""
    RETRY = "retry"
    """The batch stays queued and is sent again later."""
    REFUSED = "refused"
    """The batch will never be accepted; it is dropped, and counted."""


class BatchResult(NamedTuple):
    """What a response means, and further facts in it.

    Attributes:
        refused: How many records of a batch that is `SENT` were not accepted.
        retry_after: Seconds that the destination asks to wait, if it does.
        detail: One short clause for the extension's own log, without a token or a user's line.
        too_fast: Whether it was refused for the rate of what was sent.
    """

    meaning: Meaning
    refused: int = 0
    retry_after: float | None = None
    detail: str = ""
    too_fast: bool = False


class Row(NamedTuple):
    """One row of a table of responses; the first row that applies decides.

    Attributes:
        first: The smallest status of the row; `last` is the largest.
        detail: What to report to the operator.
        refused: Returns, for the body and the number of records sent, how many of them were not
            accepted; None if the body does not say so, and then the row does not apply.
    """

    first: int
    last: int
    meaning: Meaning
    detail: str = ""
    refused: Callable[[bytes, int], int | None] | None = None


COMMON_RESPONSES = (
    Row(200, 299, Meaning.SENT),
    Row(300, 399, Meaning.REFUSED, "redirects are not followed with a token; set the final URL"),
    Row(401, 401, Meaning.STOP, "the token is not accepted"),
    Row(403, 403, Meaning.STOP, "the token does not allow it"),
    Row(404, 404, Meaning.REFUSED, "nothing is there; check the URL"),
    Row(408, 408, Meaning.RETRY, "it stopped waiting for the request"),
    Row(413, 413, Meaning.HALVE, "the request is too large"),
    Row(429, 429, Meaning.RETRY, "too many requests"),
    Row(400, 499, Meaning.REFUSED, "the request is not accepted"),
    Row(500, 599, Meaning.RETRY, "it has a fault"),
    # Not HTTP; whatever stands in between may go away.
    Row(0, 999, Meaning.RETRY, "no response of a log destination"),
)
"""For all destinations: each status has a row."""


def meaning_of(response: Response, count: int, rows: Iterable[Row], now: float) -> BatchResult:
    """Return what the response to a request with `count` records means; never raises.

    The last of the rows has to apply to every response. A `Retry-After` may be a date, so `now` is
    in seconds since 1970.
    """
    status = response.status
    for row in rows:
        if not row.first <= status <= row.last:
            continue
        refused = row.refused(response.body, count) if row.refused else 0
        if refused is not None:
            break
    detail = f"HTTP {status}: {row.detail}"
    if row.meaning is Meaning.SENT:
        refused = min(max(refused or 0, 0), count)
        return BatchResult(row.meaning, refused, detail=detail if refused else "")
    wait = _retry_after(response, now) if row.meaning is Meaning.RETRY else None
    return BatchResult(row.meaning, 0, wait, detail, too_fast=status == _TOO_MANY_REQUESTS)


def _retry_after(response: Response, now: float) -> float | None:
    """Return the seconds of the header (RFC 9110, 10.2.3), which may be a date."""
    text = response.headers.get("retry-after", "").strip()
    try:
        if _SECONDS.fullmatch(text):
            seconds = float(text)
        else:
            seconds = parsedate_to_datetime(text).timestamp() - now
    except (ValueError, OverflowError, IndexError, TypeError):
        # A date such as the 99th of a month.
        return None
    return min(max(seconds, 0.0), LONGEST_WAIT_SECONDS)


def count_in(response: Any, name: str) -> int | None:
    """Return the count that an object in a response has under a name; None if it has none."""
    value = response.get(name) if isinstance(response, dict) else None
    return value if type(value) is int and value >= 0 else None
