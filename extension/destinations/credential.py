"""The token of a destination, given as it is or kept in a secret store."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from extension.errors import SecretError, SettingsError
from extension.secrets import is_reference

if TYPE_CHECKING:
    from collections.abc import Callable

    from extension.destinations.surroundings import Surroundings

# A refused token must not make every batch a call to the secret store.
_RENEW_AFTER_SECONDS = 60.0
# Nor must a store that is down hold every flush for its two seconds.
_TRY_AGAIN_AFTER_SECONDS = 10.0
# What can stand in a header; URLs carry it percent-encoded.
_TOKEN = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")


class Credential:
    """
    A token; it is fetched when it is needed first.

    Args:
        value: The token, where it is given as it is.
        reference: Where it is kept, instead.
        fetch: Returns the token for a reference; raises SecretError.
        now: A clock in seconds.
    """

    def __init__(
        self,
        value: str,
        reference: str,
        fetch: Callable[[str], str],
        now: Callable[[], float],
    ) -> None:
        self._value = value
        self._reference = reference
        self._fetch = fetch
        self._now = now
        self._asked = float("-inf")
        self._renewed = float("-inf")
        self._failure = ""

    def __bool__(self) -> bool:
        """Return whether there is a token at all."""
        return bool(self._value or self._reference)

    @property
    def stored(self) -> bool:
        """Whether the token is in a store."""
        return bool(self._reference)

    def value(self) -> str:
        """
        Return the token.

        Raises:
            SecretError: The store does not give it, or did not a few seconds ago.
        """
        if not self._value and self._reference:
            if self._failure and 0 <= self._now() - self._asked < _TRY_AGAIN_AFTER_SECONDS:
                raise SecretError(self._failure)
            self._value = self._fetched()
        return self._value

    def renew(self) -> bool:
        """Look for a newer token, at most once a minute; tell whether there is one."""
        if not self._reference or 0 <= self._now() - self._renewed < _RENEW_AFTER_SECONDS:
            return False
        self._renewed = self._now()
        before = self._value
        try:
            self._value = self._fetched()
        except SecretError:
            # The store does not tell; the token stays what it is.
            return False
        return self._value != before

    def _fetched(self) -> str:
        self._asked = self._now()
        try:
            value = self._fetch(self._reference)
        except SecretError as error:
            self._failure = str(error)
            raise
        if not _TOKEN.fullmatch(value):
            self._failure = "the secret is empty or has characters that a header cannot carry"
            raise SecretError(self._failure)
        self._failure = ""
        return value


def read_credential(around: Surroundings, variable: str, *, required: bool = True) -> Credential:
    """
    Return the token that a variable holds, or whose place `<variable>_ARN` names.

    Raises:
        SettingsError: There is none although one is required; or both variables are set,
            or one of them cannot be what it should be.
    """
    value = around.text(variable)
    reference = around.text(f"{variable}_ARN")
    if value and reference:
        raise SettingsError(f"set {variable} or {variable}_ARN, not both")
    if required and not value and not reference:
        raise SettingsError(f"set {variable} to the token, or {variable}_ARN to where it is kept")
    if value and not _TOKEN.fullmatch(value):
        raise SettingsError(f"{variable} has characters that a request cannot carry")
    if reference and not is_reference(reference):
        raise SettingsError(
            f"{variable}_ARN must be the ARN of a secret in Secrets Manager, or the ARN or name "
            "of an SSM parameter"
        )
    return Credential(value, reference, around.fetch_secret, around.now)
