"""Keeping secrets out of log lines and answers."""

import html
import json
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

# What ends a text of which the rest is left out.
CUT_OFF = "…"

_REPLACEMENT = "[redacted]"

# A part of a secret this long is a part of it, not a coincidence.
_PART = 8


def cut(text: str, length: int) -> str:
    """Return a text of at most `length` characters and a mark, which a Redactor understands."""
    return text if len(text) <= length else text[:length] + CUT_OFF


class Redactor:
    """Replaces secrets, and parts of them, in texts such as a response that repeats a token.

    Its use takes time in proportion to the text. To make one takes longer: keep it for as long as
    the secrets are the same.

    Args:
        secrets: The secrets; empty ones and None are left out.
    """

    def __init__(self, secrets: Iterable[str | None] = ()) -> None:
        forms = {_lowered(form) for secret in secrets if secret for form in _forms(secret)}
        # All parts of a longer form cover the form itself.
        self._parts = {form[n : n + _PART] for form in forms for n in range(len(form) - _PART + 1)}
        # The longest first: one secret may be a part of another.
        short = sorted((form for form in forms if len(form) < _PART), key=len, reverse=True)
        # The lookahead also finds one that begins within another.
        self._short = re.compile(f"(?=({'|'.join(map(re.escape, short))}))") if short else None
        self._beginnings = {form[:n] for form in forms for n in range(1, min(len(form), _PART))}

    def __call__(self, text: str) -> str:
        """Return the text without any of the secrets, and with nothing that UTF-8 has not."""
        text = text.encode("utf-8", "backslashreplace").decode()
        pieces: list[str] = []
        end = 0
        for begin, stop in sorted(self._found(_lowered(text))):
            # What touches the last one is one replacement with it.
            if begin > end or not pieces:
                pieces += [text[end:begin], _REPLACEMENT]
            end = max(end, stop)
        return "".join([*pieces, text[end:]])

    def _found(self, lowered: str) -> Iterator[tuple[int, int]]:
        """Yield where secrets and parts of them begin and end; they may overlap."""
        for place in range(len(lowered) - _PART + 1):
            if lowered[place : place + _PART] in self._parts:
                yield place, place + _PART
        if self._short is not None:
            for match in self._short.finditer(lowered):
                yield match.span(1)
        if lowered.endswith(CUT_OFF):
            end = len(lowered) - len(CUT_OFF)
            for place in range(max(0, end - _PART + 1), end):
                if lowered[place:end] in self._beginnings:
                    yield place, end


def _lowered(text: str) -> str:
    """Return a text in lower case, each character in its place."""
    if text.isascii():
        return text.lower()
    # A letter whose small form is longer would move all places behind it.
    return "".join(c.lower() if len(c.lower()) == 1 else c for c in text)


def _forms(secret: str) -> set[str]:
    """Return how a secret looks as it is, in a Python traceback, in JSON, HTML and a URL.

    Its letters of Latin-1 go over the wire as one byte each. A server that takes them for UTF-8
    repeats other letters.
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
