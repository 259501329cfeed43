"""Who may deliver, and with which token to ship."""

from __future__ import annotations

import base64
import hmac
from typing import TYPE_CHECKING

from handler.errors import AccessKeyMissing, AccessKeyWrong, SettingsError
from handler.settings import is_header_value

if TYPE_CHECKING:
    from handler.settings import Settings

# Shorter values of the operator's own headers are not taken for secrets.
_SECRET_LENGTH = 8


def token_for_http(settings: Settings, access_key: str | None) -> str | None:
    """
    Return the token to ship an HTTP delivery with; None where REMOTE_WRITE_AUTH is none.

    Args:
        settings: The operator's settings.
        access_key: What Firehose sent in X-Amz-Firehose-Access-Key.

    Raises:
        SettingsError: Anybody could send in the operator's name.
        AccessKeyMissing: The request has no key where one is needed.
        AccessKeyWrong: It has another key than the expected one.
    """
    if settings.token is not None and settings.access_key is None:
        raise SettingsError(
            "settings: LOGZIO_METRICS_TOKEN without FIREHOSE_ACCESS_KEY would let anybody who "
            "knows the URL send in your name; set FIREHOSE_ACCESS_KEY to Firehose's access key"
        )
    needed = settings.access_key is not None or (settings.token is None and settings.auth != "none")
    if needed and access_key is None:
        raise AccessKeyMissing(
            "the request has no access key: set the access key of the Firehose stream's "
            "HTTP endpoint"
        )
    if settings.access_key is not None and not _equal(settings.access_key, access_key or ""):
        raise AccessKeyWrong("the access key is not the expected one")
    if settings.auth == "none":
        return None
    token = settings.token or access_key or ""
    if not is_header_value(token):
        raise AccessKeyWrong("the access key has characters that no token has")
    return token


def token_for_transformation(settings: Settings) -> str | None:
    """
    Return the token to ship a transformation with; IAM has let the caller in.

    Raises:
        SettingsError: There is no token.
    """
    if settings.auth == "none":
        return None
    if settings.token is None:
        raise SettingsError(
            "settings: LOGZIO_METRICS_TOKEN is needed for a data transformation, which has no "
            "access key to ship with"
        )
    return settings.token


def authorization_header(auth: str, token: str | None) -> dict[str, str]:
    """Return the header Authorization, as REMOTE_WRITE_AUTH says; no header for none."""
    if token is None:
        return {}
    if auth == "basic":
        return {"Authorization": f"Basic {_encoded(token)}"}
    return {"Authorization": f"Bearer {token}"}


def secrets_of(settings: Settings, access_key: str | None) -> list[str]:
    """
    Return every text that nobody may read in a log or in an answer.

    Args:
        settings: The operator's settings.
        access_key: What Firehose sent as its key.
    """
    known = [s for s in (settings.token, settings.access_key, access_key) if s]
    # What no header can carry has not been sent, and nobody can repeat it.
    encoded = [_encoded(secret) for secret in known if is_header_value(secret)]
    passwords = [s.partition(":")[2] for s in known if settings.auth == "basic"]
    # A tenant's number is no secret, and without it words would lose their digits.
    headers = [value for value in settings.headers.values() if len(value) >= _SECRET_LENGTH]
    return [*known, *encoded, *passwords, *headers]


def _encoded(token: str) -> str:
    return base64.b64encode(token.encode("latin-1")).decode()


def _equal(expected: str, given: str) -> bool:
    # Header values may hold any byte; compare_digest takes text of ASCII alone.
    return hmac.compare_digest(
        expected.encode("utf-8", "surrogatepass"), given.encode("utf-8", "surrogatepass")
    )
