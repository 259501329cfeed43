"""Keeping secrets out of text that somebody else wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_REPLACEMENT = "[redacted]"


class Redactor:
    """
    Replaces secrets in texts, such as the answer of a listener that repeats a token.

    Args:
        secrets: The secrets; empty ones and None are left out.
    """

    def __init__(self, secrets: Iterable[str | None]) -> None:
        # The longest first: one secret may be a part of another.
        self._secrets = sorted({secret for secret in secrets if secret}, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """Return the text without any of the secrets."""
        for secret in self._secrets:
            text = text.replace(secret, _REPLACEMENT)
        return text
