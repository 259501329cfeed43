"""What Loki's responses mean, and what its words about a refusal point to."""

from __future__ import annotations

import re
from itertools import groupby

from extension.destinations.responses import COMMON_RESPONSES, Meaning, Row

_IGNORED = re.compile(rb"total ignored: ([0-9]{1,9}) out of [0-9]{1,9}")
_ALIKE = re.compile(rb"(?:\A|; )([0-9]{1,9}) errors like: ")
_ONE = re.compile(
    rb"\A(?:entry for stream '.*' has timestamp too (?:old|new): "
    rb"|max entry size '[0-9]+' bytes exceeded for stream ')",
    re.DOTALL,
)
# What Loki and the gateways before it say about refusals (loki, pkg/validation/validate.go and
# pkg/distributor; dskit, tenant.go). Any other word may be a line, a label or a token.
_WORDS = """
    a acceptable access active adding an and are at attempting authentication authorization be
    behind blocked body bytes can cannot character characters contact contains credentials
    decreased deleted denied disabled disallowed due duplicate empty entry error exceeded expired
    failed far feature for forbidden found gateway greater has id if in includes ingest ingester
    ingestion invalid is it label labels large least length limit line lines log logs loki long
    many max maximum metadata missing name names new no not number of old oldest one only or org
    out page pair parse password per permission policy provided push rate reached read reduce
    request required scope see sec service size stream streams structured tenant than the this
    timestamp to token too totaling unauthorized unavailable unsupported upstream user value
    values volume while with write your administrator increased 404
"""
_VOCABULARY = frozenset(_WORDS.split())
_SEPARATORS = re.compile(r"[\s,;:.()'/-]+")
_LONGEST_WORDS = 200
_LABELS = "see LOKI_LABELS and OTEL_LABEL_*"
_HINTS = {
    "no org id": "set LOKI_TENANT_ID",
    "tenant id": "LOKI_TENANT_ID is not one that Loki accepts",
    "label name": _LABELS,
    "label value": _LABELS,
    "structured metadata": (
        "allow structured metadata in Loki, or set LOKI_STRUCTURED_METADATA=false"
    ),
    "page not found": "LOKI_URL must be Loki's address, without /loki/api/v1/push",
    "rate limit": "raise the tenant's ingestion_rate_mb and ingestion_burst_size_mb",
    "stream limit": "raise the tenant's per_stream_rate_limit",
}


def _refused(body: bytes, count: int) -> int | None:
    """Return how many entries Loki did not accept, if it accepted the others.

    Its ingester ends with "total ignored". Its distributor checks each entry before and stores
    the good ones. It says how many others there were of each kind, or describes one of them.
    """
    ignored = _IGNORED.search(body)
    if ignored is not None:
        return int(ignored[1])
    alike = [int(number) for number in _ALIKE.findall(body)]
    if alike:
        return sum(alike)
    return 1 if count == 1 and _ONE.match(body) else None


def _one_described(body: bytes, _count: int) -> int | None:
    return 0 if _ONE.match(body) else None


LOKI_RESPONSES = (
    # `blockIngestionStatusCode`, which Grafana Cloud sets to 260: nothing was stored.
    Row(260, 260, Meaning.RETRY, "ingestion is blocked for this tenant"),
    Row(400, 400, Meaning.SENT, "entries are too old, too long or out of order", _refused),
    # How many there are shows in smaller pushes. Loki stores an entry that it has only once.
    Row(400, 400, Meaning.HALVE, "entries are too old or too long", _one_described),
    *COMMON_RESPONSES,
)


def words_of(body: bytes) -> str:
    """Return what Loki says, each unknown word as `…`, and what helps; empty if it says nothing.

    Nothing of a line or a token is in it.
    """
    text = body[: 10 * _LONGEST_WORDS].decode("utf-8", "replace")
    known = (
        word if word.lower() in _VOCABULARY else "…" for word in _SEPARATORS.split(text) if word
    )
    words = " ".join(word for word, _ in groupby(known))[:_LONGEST_WORDS]
    hint = next((hint for sign, hint in _HINTS.items() if sign in text.lower()), "")
    return f"{words}; {hint}" if hint else words
