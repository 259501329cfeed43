"""Keeping secrets out of text that somebody else wrote."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# What ends a text of which the rest is left out.
CUT_OFF = "…"

_REPLACEMENT = "[redacted]"


class Redactor:
    """
    Replaces secrets in texts, such as the answer of a listener that repeats a token.

    Args:
        secrets: The secrets; empty ones and None are left out.
    """

    def __init__(self, secrets: Iterable[str | None] = ()) -> None:
        # The longest first: one secret may be a part of another.
        forms = {form for secret in secrets if secret for form in _forms(secret)}
        self._secrets = sorted(forms, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """Return the text without any of the secrets, and with nothing that UTF-8 has not."""
        for secret in self._secrets:
            text = text.replace(secret, _REPLACEMENT)
        if text.endswith(CUT_OFF):
            text = self._without_beginning(text.removesuffix(CUT_OFF)) + CUT_OFF
        return text.encode("utf-8", "backslashreplace").decode()

    def _without_beginning(self, text: str) -> str:
        """Return a cut off text without the first part of a secret at its end."""
        longest = max(
            (
                length
                for secret in self._secrets
                for length in range(1, len(secret))
                if text.endswith(secret[:length])
            ),
            default=0,
        )
        return text[: len(text) - longest] + _REPLACEMENT if longest else text


def _forms(secret: str) -> set[str]:
    """Return how a secret looks as it is, in a Python traceback, and in JSON."""
    return {secret, repr(secret)[1:-1], json.dumps(secret)[1:-1]}
