"""What each response of a listener means; one row of a table each."""

import enum
import re
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from handler.redaction import CUT_OFF


class Verdict(enum.Enum):
    """How to go on after a response.

    Attributes:
        ACCEPTED: The listener has stored everything.
        SETTLED: It has stored all that it wants, and refused the rest for good.
        REFUSED: It has stored nothing, because of some of the samples.
        UNEXPLAINED: It has stored nothing, and its words are not about samples.
        UNAUTHORISED: It wants another credential.
        UNAVAILABLE: It may accept the same request later.
        FAILED: It has not stored it, and its protocol forbids to send it again.
        MISDIRECTED: The URL is wrong.
        UNKNOWN_MESSAGE: It does not know the message of remote write 2.0.
    """

    ACCEPTED = "accepted"
    SETTLED = "settled"
    REFUSED = "refused"
    UNEXPLAINED = "unexplained"
    UNAUTHORISED = "unauthorised"
    UNAVAILABLE = "unavailable"
    FAILED = "failed"
    MISDIRECTED = "misdirected"
    UNKNOWN_MESSAGE = "unknown message"


class Reason(enum.StrEnum):
    """Why a listener does not want samples; the values of the metrics' dimension `Reason`."""

    SUPERSEDED = "superseded"
    TOO_OLD = "too_old"
    IN_THE_FUTURE = "in_the_future"
    LIMIT = "limit"
    INVALID = "invalid"
    OTHER = "other"

    @property
    def lasts(self) -> bool:
        """Whether the same sample will be refused again, however much later."""
        return self not in (Reason.LIMIT, Reason.IN_THE_FUTURE)


# How servers say that they have stored the good samples beside those that they refuse, by status.
# Each matches before a user's labels begin, which may look like anything.
_SETTLED: tuple[tuple[frozenset[int], str], ...] = (
    # Mimir, Grafana Cloud: pkg/ingester/errors.go, pkg/distributor/validate.go. Some of its ten ids
    # stand behind the labels only, so their sentences count too.
    (
        frozenset({400, 429}),
        (
            r"\(err-mimir-(?:sample-out-of-order|sample-timestamp-too-old"
            r"|sample-duplicate-timestamp|too-far-in-future|too-far-in-past"
            r"|max-series-per-user|max-series-per-metric|max-label-names-per-series"
            r"|label-name-too-long|label-value-too-long)\)"
            r"|received a series whose (?:number of labels|label (?:name|value) length) "
            r"|received a sample whose timestamp is too far in the (?:future|past)"
            r"|\d+ series were rejected from this request"
        ),
    ),
    # Cortex, Amazon Managed Prometheus: pkg/ingester/ingester.go, pkg/util/validation/errors.go.
    (
        frozenset({400, 429}),
        (
            r"user=\S+: err: |timestamp too (?:new|old): \d+"
            r"|series has too many labels \(|label (?:name|value) too long for metric \("
            r"|per-(?:user|metric) series limit of \d+ exceeded"
        ),
    ),
    # Any other limit of series beside which the known ones are stored; Thanos stores nothing
    # where a tenant is "above" it.
    (frozenset({429}), r"series limit .*exceeded|exceeded .*series limit"),
    # Thanos Receive: pkg/receive/writer_errors.go.
    (frozenset({409}), r"add \d+ (?:samples|series): "),
    # M3: src/query/api/v1/handler/prometheus/remote/write.go.
    (frozenset({400}), r"bad_request_errors: count=\d+"),
)

# Where Thanos' commit fails, nothing is stored; words that are cut off may not say so.
_NOT_COMMITTED = rf"commit|{CUT_OFF}$"

_REFUSAL_STATUSES = (400, 409, 413, 422)
_REFUSALS = (Verdict.SETTLED, Verdict.REFUSED, Verdict.UNEXPLAINED)

# Prometheus up to 2.44 answers 500 for samples that no later attempt can make
# acceptable, where it has an out-of-order window.
_REFUSED_WITH_500 = r"(?i)too old|out[ -]of[ -]order|duplicate (?:sample|timestamp)"

# The words of each reason; beside these, none is about samples.
_REASONS: Mapping[Reason, str] = {
    Reason.SUPERSEDED: r"out[ -]of[ -]order(?! time window)|duplicate[ -](?:sample|timestamp)",
    Reason.TOO_OLD: (
        r"too[ -]old|too[ -]far[ -]in[ -](?:the[ -])?past"
        # Not those of an array.
        r"|out of bounds(?! for (?!series|$)|: timestamp is too far)"
    ),
    Reason.IN_THE_FUTURE: r"too[ -]far[ -]in[ -](?:the[ -])?future|too new",
    Reason.LIMIT: r"series limit|max-series-per",
    Reason.INVALID: (
        r"label[ -]name|label[ -]value|invalid label|number of labels|too many labels"
    ),
}

# M3, and others, write an error into a JSON object.
_JSON = re.compile(r'\A\s*\{"status":\s*"error",.*?"error":\s*"')
# Where a user's labels begin.
_LABELS = re.compile(r"[{\"']|\bseries\b(?! limit| whose| has| were|:)")

# "add N samples: <reason>", once for each reason - Thanos.
_REFUSED_FOR = re.compile(r"add (\d+) (?:samples|series): ([^;]*)")
# "bad_request_errors: count=N, last=<the last one's reason>" - M3.
_REFUSED_LAST = re.compile(r"bad_request_errors: count=(\d+)")


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
    if text.lstrip().startswith("<"):
        # A page of HTML is not a remote-write server's, whatever words are in it.
        text = ""
    own = _own_words(text)
    if any(status in known and re.search(words, own) for known, words in _SETTLED) and not (
        status == 409 and re.search(_NOT_COMMITTED, text)
    ):
        return Verdict.SETTLED
    if status in _REFUSAL_STATUSES or (status == 500 and re.search(_REFUSED_WITH_500, own)):
        return Verdict.REFUSED if _reasons_in(text) else Verdict.UNEXPLAINED
    if status in (401, 403):
        return Verdict.UNAUTHORISED
    if status in (408, 429) or status >= 500:
        return Verdict.UNAVAILABLE
    # Redirects and the other 4xx: a wrong URL, not wrong samples.
    return Verdict.MISDIRECTED


def verdict_on_2_0(status: int, text: str, written: int | None, samples: int) -> Verdict:
    """Return what a response to a request of remote write 2.0 means.

    A server that knows only 1.0 reads such a request as an empty one, and accepts it. So a success
    is none unless the listener says how much it has written - 2.0, "Required Written Response
    Headers". It says so after each request that it could read, also if it refuses samples.

    Args:
        status: The HTTP status.
        text: The beginning of the response's body.
        written: How many samples and histograms the listener says that it has written.
        samples: How many it got.
    """
    verdict = verdict_on(status, text)
    if verdict is Verdict.ACCEPTED:
        if not written:
            return Verdict.UNKNOWN_MESSAGE
        return Verdict.ACCEPTED if written >= samples else Verdict.SETTLED
    if status < 500 and written is not None and verdict in _REFUSALS:
        return Verdict.SETTLED
    # "Senders SHOULD expect 400 [...] from 1.x Receivers" for what they cannot read.
    if status == 415 or (status == 400 and verdict is Verdict.UNEXPLAINED):
        return Verdict.UNKNOWN_MESSAGE
    return verdict


def reason_in(text: str) -> Reason:
    """Return why a listener does not want samples, by its words; OTHER where they are not clear."""
    reasons = _reasons_in(_own_words(text)) or _reasons_in(text)
    return reasons[0] if len(reasons) == 1 else Reason.OTHER


def refused_by_reason(text: str, samples: int) -> Mapping[Reason, int] | None:
    """Return how many samples a listener has refused that stored the others; None if unknown.

    Args:
        text: The listener's words.
        samples: How many samples it got.
    """
    own = _own_words(text)
    found = [(int(number), words) for number, words in _REFUSED_FOR.findall(own)]
    if last := _REFUSED_LAST.search(own):
        found += [(1, text.partition(last[0])[2]), (int(last[1]) - 1, "")]
    if not found:
        return None
    refused: Counter[Reason] = Counter()
    for number, words in found:
        refused[reason_in(words)] += min(number, samples - refused.total())
    return +refused


def _own_words(text: str) -> str:
    """Return what a server says before it repeats a user's labels."""
    return _LABELS.split(_JSON.sub("", text, count=1), maxsplit=1)[0]


def _reasons_in(text: str) -> list[Reason]:
    return [it for it, words in _REASONS.items() if re.search(words, text, re.IGNORECASE)]


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
