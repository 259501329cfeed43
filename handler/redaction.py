"""Keeping secrets out of text that somebody else wrote."""

from __future__ import annotations

import html
import itertools
import json
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterable

# What ends a text of which the rest is left out.
CUT_OFF = "…"

_REPLACEMENT = "[redacted]"

# A part of a secret this long is a part of it, not a coincidence.
_PART = 8


def cut(text: str, length: int) -> str:
    """Return a text of at most so many characters and a mark, which a Redactor understands."""
    return text if len(text) <= length else text[:length] + CUT_OFF


class Redactor:
    """
    Replaces secrets, and parts of them, in texts such as an answer that repeats a token.

    Args:
        secrets: The secrets; empty ones and None are left out.
    """

    def __init__(self, secrets: Iterable[str | None] = ()) -> None:
        forms = {form.lower() for secret in secrets if secret for form in _forms(secret)}
        # The longest first: one secret may be a part of another.
        self._whole = sorted(forms, key=len, reverse=True)
        self._parts = {form[n : n + _PART] for form in forms for n in range(len(form) - _PART + 1)}

    def __call__(self, text: str) -> str:
        """Return the text without any of the secrets, and with nothing that UTF-8 has not."""
        text = text.encode("utf-8", "backslashreplace").decode()
        # A letter whose small form is longer would move all places behind it.
        lowered = "".join(c.lower() if len(c.lower()) == 1 else c for c in text)
        hidden = bytearray(len(text))
        for form in self._whole:
            _hide(lowered, form, hidden)
        for place in range(len(text) - _PART + 1):
            if lowered[place : place + _PART] in self._parts:
                hidden[place : place + _PART] = b"\1" * _PART
        if text.endswith(CUT_OFF):
            self._hide_beginning(lowered.removesuffix(CUT_OFF), hidden)
        runs = itertools.groupby(zip(text, hidden, strict=True), key=lambda pair: pair[1])
        return "".join(
            _REPLACEMENT if is_hidden else "".join(c for c, _ in run) for is_hidden, run in runs
        )

    def _hide_beginning(self, lowered: str, hidden: bytearray) -> None:
        """Hide the first part of a secret at the end of a text that was cut off there."""
        for form in self._whole:
            for length in range(1, len(form)):
                if lowered.endswith(form[:length]):
                    hidden[len(lowered) - length : len(lowered)] = b"\1" * length


def _hide(lowered: str, form: str, hidden: bytearray) -> None:
    place = lowered.find(form)
    while place >= 0:
        hidden[place : place + len(form)] = b"\1" * len(form)
        place = lowered.find(form, place + 1)


def _forms(secret: str) -> set[str]:
    """
    Return how a secret looks as it is, in a Python traceback, in JSON, HTML and a URL.

    Its letters of Latin-1 go over the wire as one byte each, which whoever takes them for
    UTF-8 shows otherwise.
    """
    in_json = json.dumps(secret)[1:-1]
    # Go escapes these three in JSON too.
    for character in "<>&":
        in_json = in_json.replace(character, f"\\u{ord(character):04x}")
    encoded = secret.encode("utf-8", "backslashreplace")
    wire = secret.encode("latin-1", "replace")
    return {
        secret,
        repr(secret)[1:-1],
        # Between quotes of both kinds, a traceback has a backslash before one of them.
        repr(f"\"{secret}'")[2:-3],
        repr(wire)[2:-1],
        wire.decode("utf-8", "replace"),
        encoded.decode("latin-1"),
        quote(wire),
        json.dumps(secret)[1:-1],
        in_json,
        html.escape(secret),
        quote(encoded),
        quote_plus(encoded),
        quote(encoded, safe=""),
    }
