"""
What each answer of a destination means, as a table.

The first row whose statuses include the answer's decides; a destination's own rows stand
before the common ones. A row may read the body for the records that were not taken.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from extension.destinations.destination import BatchResult, Meaning

if TYPE_CHECKING:
    from collections.abc import Callable

    from extension.destinations.destination import Response

# Whoever asks for more patience than this is asked again all the same.
LONGEST_WAIT_SECONDS = 300.0

_LOKI_IGNORED = re.compile(rb"total ignored: ([0-9]{1,9}) out of [0-9]{1,9}")
_LOKI_ALIKE = re.compile(rb"(?:\A|; )([0-9]{1,9}) errors like: ")
_LOKI_ONE = re.compile(
    rb"\A(?:entry for stream '.*' has timestamp too (?:old|new): "
    rb"|max entry size '[0-9]+' bytes exceeded for stream ')",
    re.DOTALL,
)
_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")


class Row(NamedTuple):
    """
    One row of the table.

    Attributes:
        first: The smallest status of the row.
        last: The largest status of the row.
        meaning: What it means for the batch.
        detail: What to tell the operator.
        refused: Reads from the body, and the number of records sent, how many of them were
            not taken. The row does not apply where it finds that the body does not tell.
    """

    first: int
    last: int
    meaning: Meaning
    detail: str = ""
    refused: Callable[[bytes, int], int | None] | None = None


def _logzio_refused(body: bytes, count: int) -> int | None:
    """Read the counts in a 400 of Logz.io's bulk listener (docs.logz.io, HTTP(S) bulk)."""
    answer = _parsed(body)
    if not isinstance(answer, dict):
        return None
    bad = [_count(answer.get(n)) for n in ("malformedLines", "oversizedLines", "emptyLogLines")]
    good = _count(answer.get("successfulLines"))
    if good is None and bad == [None] * 3:
        return None
    missing = 0 if good is None else count - good
    return max(sum(number or 0 for number in bad), missing)


def _loki_refused(body: bytes, _count: int) -> int | None:
    """
    Read what Loki answers where it took only some entries.

    Its ingester ends with "total ignored". Its distributor looks at each entry before, stores the
    good ones, and tells how many others there were of each kind, or of one alone what it is.
    """
    ignored = _LOKI_IGNORED.search(body)
    if ignored is not None:
        return int(ignored[1])
    alike = [int(count) for count in _LOKI_ALIKE.findall(body)]
    if alike:
        return sum(alike)
    return 1 if _LOKI_ONE.match(body) else None


def _openobserve_refused(body: bytes, _count: int) -> int | None:
    """Add up `failed` of all streams in an answer of the JSON ingestion API."""
    answer = _parsed(body)
    streams = answer.get("status") if isinstance(answer, dict) else None
    if not isinstance(streams, list):
        return None
    return sum(_failed(stream) for stream in streams)


def _failed(stream: Any) -> int:
    return (_count(stream.get("failed")) or 0) if isinstance(stream, dict) else 0


COMMON = (
    Row(200, 299, Meaning.SENT),
    Row(300, 399, Meaning.REFUSED, "redirects are not followed with a token; set the final URL"),
    Row(401, 401, Meaning.STOP, "the token is not accepted"),
    Row(403, 403, Meaning.STOP, "the token does not allow it"),
    Row(404, 404, Meaning.REFUSED, "nothing is there; check the URL"),
    Row(408, 408, Meaning.RETRY, "it gave up waiting for the request"),
    Row(413, 413, Meaning.HALVE, "the request is too large"),
    Row(429, 429, Meaning.RETRY, "too many requests"),
    Row(400, 499, Meaning.REFUSED, "the request is not accepted"),
    Row(500, 599, Meaning.RETRY, "it has a fault"),
    # Not HTTP; whatever stands in between may go away.
    Row(0, 999, Meaning.RETRY, "no answer of a log destination"),
)
"""For all destinations: each status has a row."""

LOGZIO = (
    # A part was taken: the bulk must not be sent again.
    Row(400, 400, Meaning.SENT, "lines are malformed or too long", _logzio_refused),
    *COMMON,
)
"""Logz.io's HTTPS bulk listener."""

LOKI = (
    # `blockIngestionStatusCode`, which Grafana Cloud sets to 260: nothing was stored.
    Row(260, 260, Meaning.RETRY, "ingestion is blocked for this tenant"),
    Row(400, 400, Meaning.SENT, "entries are too old, too long or out of order", _loki_refused),
    *COMMON,
)
"""Loki's push API ("HTTP API", POST /loki/api/v1/push)."""

OPENOBSERVE = (
    # It answers 200 even where it refused every record.
    Row(200, 299, Meaning.SENT, "records failed", _openobserve_refused),
    *COMMON,
)
"""OpenObserve's JSON ingestion API."""

DATATAP = COMMON
"""A Data Tap: a Lambda function URL."""


def interpret(
    answer: Response, count: int, rows: tuple[Row, ...], now: Callable[[], float]
) -> BatchResult:
    """
    Return what an answer to a request with `count` records means; never raises.

    Args:
        answer: What came back; its body may be anything.
        count: How many records the request had.
        rows: The destination's table.
        now: A clock in seconds since 1970, for a `Retry-After` that is a date.
    """
    status = answer.status
    for row in rows:
        if not row.first <= status <= row.last:
            continue
        refused = row.refused(answer.body, count) if row.refused else 0
        if refused is None:
            continue
        refused = min(max(refused, 0), count)
        if row.meaning is Meaning.SENT:
            return BatchResult(row.meaning, refused, detail=_detail(status, row) if refused else "")
        wait = _retry_after(answer, now) if row.meaning is Meaning.RETRY else None
        return BatchResult(row.meaning, 0, wait, _detail(status, row))
    return BatchResult(Meaning.RETRY, detail=f"HTTP {status}")


def _detail(status: int, row: Row) -> str:
    return f"HTTP {status}: {row.detail}"


def _retry_after(answer: Response, now: Callable[[], float]) -> float | None:
    """Read the header (RFC 9110, 10.2.3): seconds, or a date."""
    text = answer.headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(text):
        return min(float(text), LONGEST_WAIT_SECONDS)
    if not text:
        return None
    # Only a destination in trouble sends a date; the module takes as long as all others.
    from email.utils import mktime_tz, parsedate_tz  # noqa: PLC0415

    try:
        date = parsedate_tz(text)
        if date is None:
            return None
        return min(max(mktime_tz(date) - now(), 0.0), LONGEST_WAIT_SECONDS)
    except (ValueError, OverflowError, IndexError, TypeError):
        # A date such as the 99th of a month.
        return None


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _count(value: Any) -> int | None:
    return value if type(value) is int and value >= 0 else None
