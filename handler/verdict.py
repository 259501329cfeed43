"""What each response of a listener means; one row of the table each."""

import enum
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

# Prometheus up to 2.44 answers 500 for samples that no later attempt can make
# acceptable, where it has an out-of-order window.
_REFUSED_WITH_500 = r"(?i)too old|out[ -]of[ -]order|duplicate"

# Terms of texts about samples, as opposed to a request to the wrong place.
_ABOUT_SAMPLES = r"(?i)too old|out[ -]of[ -]order|out of bounds|duplicate|label"


class Verdict(enum.Enum):
    """How to go on after a response."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNAUTHORISED = "unauthorised"
    UNAVAILABLE = "unavailable"
    MISDIRECTED = "misdirected"


def verdict_on(status: int, text: str) -> Verdict:
    """Return what a response means.

    "Senders MUST NOT retry on HTTP 4xx responses other than 429", "MUST retry
    on HTTP 5xx" - remote write 1.0, "Retries & Backoff".

    Args:
        status: The HTTP status.
        text: The beginning of the response's body.
    """
    if 200 <= status < 300:
        return Verdict.ACCEPTED
    if status in (400, 413, 422) or (status == 500 and re.search(_REFUSED_WITH_500, text)):
        return Verdict.REFUSED
    if status in (401, 403):
        return Verdict.UNAUTHORISED
    if status in (408, 429) or status >= 500:
        return Verdict.UNAVAILABLE
    # Redirects and the other 4xx: a wrong URL, not wrong samples.
    return Verdict.MISDIRECTED


def names_samples(text: str) -> bool:
    """Return whether a refusal is about the samples in the body."""
    return re.search(_ABOUT_SAMPLES, text) is not None


def retry_after_seconds(header: str | None, now: float) -> float:
    """Return how many seconds a Retry-After header asks to wait; 0 where it says nothing usable.

    "Retry-After = HTTP-date / delay-seconds" - RFC 9110, 10.2.3

    Args:
        header: The header's value.
        now: The time, in seconds since the epoch.
    """
    text = (header or "").strip()
    if re.fullmatch(r"[0-9]{1,9}", text):
        return float(text)
    try:
        date: datetime = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return 0.0
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return max(0.0, date.timestamp() - now)
