"""
The token and the access key, given as they are or kept in Secrets Manager or SSM.

What a secret store holds may be replaced at any time while deliveries come in.
So a secret is fetched once and then again when somebody refuses it, and the
version before the current one still opens the door: Firehose may send it for
some minutes more.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections import deque
from typing import TYPE_CHECKING, Protocol

from handler.errors import SecretError
from handler.listener import is_header_value
from handler.secret_stores import error_code

if TYPE_CHECKING:
    from collections.abc import Callable

# A refused key must not make every request a call to the secret store.
_FETCH_AGAIN_AFTER_SECONDS = 60.0

# Whoever reads them does so after each delivery, which cannot take a minute.
_FAILURES_KEPT = 4


class Secret(Protocol):
    """A token or key."""

    def versions(self) -> tuple[str, ...]:
        """
        Return what it is and, where known, what it was before; the current version first.

        Raises:
            SecretError: It cannot be fetched.
        """

    def seen(self) -> tuple[str, ...]:
        """Return the versions that are known without fetching any."""

    def renew(self) -> bool:
        """Look for a newer version, where one can be looked for; tell whether anything changed."""

    def failures(self) -> list[str]:
        """Return what an operator must know of failed looks, each once."""


class FixedSecret:
    """A secret that is known and does not change."""

    def __init__(self, value: str) -> None:
        self._value = value

    def versions(self) -> tuple[str, ...]:
        """Return the one version."""
        return (self._value,)

    def seen(self) -> tuple[str, ...]:
        """Return the one version."""
        return (self._value,)

    def renew(self) -> bool:
        """Return that nothing changed."""
        return False

    def failures(self) -> list[str]:
        """Return that nothing failed."""
        return []


class StoredSecret:
    """
    A secret in a secret store; safe for several threads.

    Args:
        variable: The setting that names it, for messages.
        fetch: Fetches its versions, the current one first.
        monotonic: A clock in seconds.
    """

    def __init__(
        self,
        variable: str,
        fetch: Callable[[], tuple[str, ...]],
        monotonic: Callable[[], float],
    ) -> None:
        self._variable = variable
        self._fetch = fetch
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._versions: tuple[str, ...] = ()
        self._fetched = 0.0
        self._failures: deque[str] = deque(maxlen=_FAILURES_KEPT)

    def versions(self) -> tuple[str, ...]:
        """Return the versions as they were fetched last; fetch them where they never were."""
        known = self._versions
        if known:
            # Somebody may hold the lock who is looking again, for as long as the store takes.
            return known
        with self._lock:
            if not self._versions:
                self._load()
            return self._versions

    def seen(self) -> tuple[str, ...]:
        """Return the versions as they were fetched last; none where they never were."""
        return self._versions

    def renew(self) -> bool:
        """
        Fetch the versions again, at most once a minute; tell whether anything changed.

        A store that does not answer leaves what is known as it is; `failures` tells of it.
        """
        with self._lock:
            if self._monotonic() - self._fetched < _FETCH_AGAIN_AFTER_SECONDS:
                return False
            before = self._versions
            try:
                self._load()
            except SecretError as error:
                self._failures.append(f"{error}; the one that is known stays in use")
            return self._versions != before

    def failures(self) -> list[str]:
        """Return why looking for a newer version has failed, each time once; no part of it."""
        failures = []
        while self._failures:
            failures.append(self._failures.popleft())
        return failures

    def _load(self) -> None:
        self._fetched = self._monotonic()
        # What was current a moment ago opens the door too, whatever the store still tells.
        known = self._versions[:1]
        try:
            current, *previous = self._fetch()
        except Exception as error:  # noqa: BLE001 - told as a SecretError
            # Each store has errors of its own, which boto3 makes at run time.
            code = error_code(error)
            raise SecretError(f"cannot read the secret of {self._variable}: {code}") from None
        try:
            fetched = [secret_value(current)]
        except ValueError as error:
            raise SecretError(f"the secret of {self._variable} {error}") from None
        # Before the token there may have been a place holder.
        for text in previous:
            with contextlib.suppress(ValueError):
                fetched.append(secret_value(text))
        self._versions = tuple(dict.fromkeys((*fetched, *known)))


def secret_value(text: str) -> str:
    """
    Return the token in a secret's text: the member `api_key` of a JSON object, or all of it.

    Raises:
        ValueError: There is none, or no HTTP header can carry it; the text is not repeated.
    """
    value = text.strip()
    if value.startswith("{"):
        try:
            parsed = json.loads(value)
        except (ValueError, RecursionError):
            raise ValueError("begins with { and is not JSON") from None
        value = parsed.get("api_key", "") if isinstance(parsed, dict) else ""
        if not isinstance(value, str) or not value:
            raise ValueError('is a JSON object without the text "api_key"')
    if not value or not is_header_value(value):
        raise ValueError("is empty or has characters that an HTTP header cannot carry")
    return value
