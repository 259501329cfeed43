"""
An answer where the function itself cannot give one, not even to say what is wrong.

Nothing of the function is needed here that may have failed: neither its
settings nor its log.
"""

from __future__ import annotations

import json
import sys
import traceback
from typing import TYPE_CHECKING, Any

from handler.access import unchecked_secrets
from handler.errors import IngressError
from handler.ingress import HttpIngress, Ingress, open_ingress
from handler.outcome import Outcome
from handler.redaction import Redactor, cut

if TYPE_CHECKING:
    from collections.abc import Mapping

# Firehose's has 36 characters.
_MAX_REQUEST_ID = 1000


def unforeseen(error: BaseException) -> Outcome:
    """Return the outcome of what nobody foresaw: Firehose keeps the batch and sends it again."""
    # The error's own text may repeat anything; the log has it, searched for secrets.
    text = f"unforeseen error, see the function's log: {type(error).__name__}"
    return Outcome(500, (text,), failed_records=None)


def traceback_of(error: BaseException) -> str:
    """Return where an error was raised, and why, as Python writes it."""
    return "".join(traceback.format_exception(error))


def places_of(error: BaseException) -> str:
    """Return where an error was raised, without its text."""
    return "".join(traceback.format_tb(error.__traceback__))


def answer_all_the_same(
    error: Exception, words: str, event: Any, environ: Mapping[str, str], now_ms: int
) -> dict[str, Any]:
    """
    Return the ingress's answer to an event at which the function has failed as a whole.

    Args:
        error: How it has failed.
        words: What the log is told of that.
        event: Of any ingress, or of none.
        environ: The function's environment; its secrets are kept out of the log.
        now_ms: The time since the epoch.
    """
    try:
        ingress: Ingress = open_ingress(event)
    except IngressError:
        # As everywhere, an event of another kind is answered like an HTTP request.
        ingress = HttpIngress({})
    redact = Redactor([*unchecked_secrets(environ), ingress.access_key])
    line = {
        "level": "ERROR",
        "message": "unforeseen error",
        "firehose_request_id": redact(cut(ingress.request_id, _MAX_REQUEST_ID)),
        "traceback": redact(words),
    }
    sys.stdout.write(json.dumps(line) + "\n")
    return ingress.answer(unforeseen(error), now_ms)
