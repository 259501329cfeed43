"""How a request shows who sends it: one class for each value of REMOTE_WRITE_AUTH.

`handler/schemes.py` lists them.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, ClassVar, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from handler.secrets import Secret
    from handler.settings import Settings

# What API Gateway, and with it Amazon Managed Prometheus, answers with 403.
_UNSIGNED = "Missing Authentication Token"


class AuthRequest(NamedTuple):
    """A request that is about to be made, as far as a signature may cover it."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


class Auth:
    """`none`, and what the other schemes extend: the credential of one delivery's requests.

    Its methods are called from several threads.

    Args:
        token: What to authenticate with; None where the scheme needs nothing.

    Attributes:
        needs_token: Whether there must be a token, of the operator or of the delivery.
        sends: What the scheme sends, for messages.
        header_names: The headers that the scheme sets, in lower case.
    """

    needs_token: ClassVar[bool] = False
    sends: str = "token"
    header_names: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, token: Secret | None) -> None:
        self._token = token
        # The first token that was sent since the last refusal.
        self._sent = ""

    @classmethod
    def own_credential(
        cls, settings: Settings, monotonic: Callable[[], float], warn: Callable[[str], None]
    ) -> Secret | None:
        """Return what the scheme authenticates with without a token; None if with nothing.

        Args:
            settings: The operator's settings.
            monotonic: A clock in seconds.
            warn: Takes why looking for a newer version has failed.
        """
        del settings, monotonic, warn
        return None

    @classmethod
    def at(cls, url: str, settings: Settings, token: Secret | None) -> Auth:
        """Return the authentication of requests to a URL.

        Args:
            url: The remote-write URL.
            settings: The operator's settings.
            token: The token, or the scheme's own credential.
        """
        del url, settings
        return cls(token)

    @property
    def credential(self) -> str:
        """What distinguishes the sender from others, such as the token; it may be a secret."""
        return self._token.versions()[0] if self._token else ""

    def headers(self, request: AuthRequest) -> Mapping[str, str]:
        """Return the headers that authenticate one attempt.

        Args:
            request: The attempt, with all its other headers.
        """
        del request
        return {}

    def refused(self) -> bool:
        """Look for a fresh credential after a 401 or 403; return whether there is one.

        Called at most once for a delivery, whatever the headers look like.
        """
        if self._token is None:
            return False
        sent, self._sent = self._sent, ""
        # A thread of an earlier delivery may have renewed it since.
        if self._token.versions()[0] == sent:
            self._token.renew()
        return self._token.versions()[0] != sent

    def hint(self, words: str) -> str:
        """Return what an operator may do about a refusal; empty where only the words say it.

        Args:
            words: What the listener says.
        """
        return "it wants REMOTE_WRITE_AUTH=sigv4" if _UNSIGNED in words else ""

    @classmethod
    def problem_with(cls, token: str) -> str:
        """Return why a token cannot be used; empty if it can. No part of it is repeated."""
        del token
        return ""

    @classmethod
    def problem_with_headers(cls, headers: Iterable[str]) -> str:
        """Return why headers of these names cannot be added; empty if they can."""
        own = [name for name in headers if name.lower() in cls.header_names]
        return f"must not set {own[0]}, which REMOTE_WRITE_AUTH sets" if own else ""

    @classmethod
    def secrets_in(cls, token: str) -> tuple[str, ...]:
        """Return the texts beside the token itself that give it away."""
        del token
        return ()


class BearerAuth(Auth):
    """`bearer`: the token as it is (RFC 6750, 2.1)."""

    needs_token = True
    header_names = frozenset({"authorization"})

    def headers(self, request: AuthRequest) -> Mapping[str, str]:
        """Return the header Authorization."""
        del request
        if self._token is None:
            return {}
        token = self._token.versions()[0]
        self._sent = self._sent or token
        return {"Authorization": self._credentials(token)}

    def _credentials(self, token: str) -> str:
        return f"Bearer {token}"


class BasicAuth(BearerAuth):
    """`basic`: the token is `user:password` (RFC 7617)."""

    def _credentials(self, token: str) -> str:
        return f"Basic {_base64(token)}"

    @classmethod
    def problem_with(cls, token: str) -> str:
        """Return why a token cannot be used: it has no colon."""
        return "" if ":" in token else "must be user:password with REMOTE_WRITE_AUTH=basic"

    @classmethod
    def secrets_in(cls, token: str) -> tuple[str, ...]:
        """Return what the header holds, and the password alone."""
        return (_base64(token), token.partition(":")[2])


class StoredHeaders(Auth):
    """Headers that are kept in a secret, beside those of a scheme.

    Args:
        headers: The secret; its text is a JSON object.
        scheme: The scheme.
    """

    def __init__(self, headers: Secret, scheme: Auth) -> None:
        super().__init__(headers)
        self.sends = scheme.sends
        self._headers = headers
        self._scheme = scheme

    @property
    def credential(self) -> str:
        """What distinguishes the sender: the headers and the scheme's own credential."""
        return f"{super().credential} {self._scheme.credential}"

    def headers(self, request: AuthRequest) -> Mapping[str, str]:
        """Return the headers of the secret and of the scheme."""
        text = self._headers.versions()[0]
        self._sent = self._sent or text
        stored = json.loads(text)
        request = request._replace(headers={**request.headers, **stored})
        return {**stored, **self._scheme.headers(request)}

    def hint(self, words: str) -> str:
        """Return what an operator may do, as the scheme says."""
        return self._scheme.hint(words)

    def refused(self) -> bool:
        """Look for fresh headers and a fresh credential; return whether there are any."""
        # Both, since nobody knows which of them was refused.
        renewed = self._scheme.refused()
        return super().refused() or renewed


def _base64(token: str) -> str:
    # What no header can carry is never sent; the key of a delivery may be such a text.
    return base64.b64encode(token.encode("latin-1", "replace")).decode()
