"""Who may deliver, and with which token to ship."""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

from handler.errors import AccessKeyMissing, AccessKeyWrong, SettingsError
from handler.listener import is_header_value
from handler.secret_stores import fetcher
from handler.secrets import FixedSecret, StoredSecret

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from handler.secrets import Secret
    from handler.settings import Settings

# Shorter values of the operator's own headers and queries are not taken for secrets.
_LONG = 8


class Keyring:
    """
    The operator's token and access key, wherever they are kept.

    Args:
        settings: The operator's settings.
        monotonic: A clock in seconds.

    Attributes:
        token: What to ship with; None for the access key.
        access_key: What Firehose has to send; None for no check.
    """

    def __init__(self, settings: Settings, monotonic: Callable[[], float]) -> None:
        self.token = _secret(
            "LOGZIO_METRICS_TOKEN_ARN", settings.token, settings.token_arn, monotonic
        )
        self.access_key = _secret(
            "FIREHOSE_ACCESS_KEY_ARN", settings.access_key, settings.access_key_arn, monotonic
        )

    def known(self) -> list[str]:
        """Return every version of both that has been seen."""
        secrets = [secret for secret in (self.token, self.access_key) if secret is not None]
        return [version for secret in secrets for version in secret.seen()]

    def failures(self) -> list[str]:
        """Return why looking for newer versions has failed, each time once."""
        secrets = [secret for secret in (self.token, self.access_key) if secret is not None]
        return [failure for secret in secrets for failure in secret.failures()]


def token_for_http(settings: Settings, keyring: Keyring, access_key: str | None) -> Secret | None:
    """
    Return the token to ship an HTTP delivery with; None where REMOTE_WRITE_AUTH is none.

    Args:
        settings: The operator's settings.
        keyring: The operator's token and access key.
        access_key: What Firehose sent in X-Amz-Firehose-Access-Key.

    Raises:
        SettingsError: Anybody could send in the operator's name.
        SecretError: A secret cannot be read.
        AccessKeyMissing: The request has no key where one is needed.
        AccessKeyWrong: It has another key than the expected one.
    """
    expected = keyring.access_key
    if keyring.token is not None and expected is None:
        raise SettingsError(
            "settings: LOGZIO_METRICS_TOKEN without FIREHOSE_ACCESS_KEY (or either of them as "
            "..._ARN) would let anybody who knows the URL send in your name; set "
            "FIREHOSE_ACCESS_KEY to Firehose's access key"
        )
    needed = expected is not None or (keyring.token is None and settings.scheme.needs_token)
    if needed and access_key is None:
        raise AccessKeyMissing(
            "the request has no access key: set the access key of the Firehose stream's "
            "HTTP endpoint"
        )
    if expected is not None and not _opens(expected, access_key or ""):
        raise AccessKeyWrong("the access key is not the expected one")
    if not settings.scheme.needs_token:
        return None
    if expected is None and not is_header_value(access_key or ""):
        raise AccessKeyWrong("the access key has characters that no token has")
    # The expected key rather than the one that came: after a rotation Firehose
    # sends the old one for a while, which the listener may not take any more.
    return keyring.token or expected or FixedSecret(access_key or "")


def token_for_transformation(settings: Settings, keyring: Keyring) -> Secret | None:
    """
    Return the token to ship a transformation with; IAM has let the caller in.

    Raises:
        SettingsError: There is no token.
    """
    if not settings.scheme.needs_token:
        return None
    if keyring.token is None:
        raise SettingsError(
            "settings: LOGZIO_METRICS_TOKEN (or LOGZIO_METRICS_TOKEN_ARN) is needed for a data "
            "transformation, which has no "
            "access key to ship with"
        )
    return keyring.token


def secrets_of(settings: Settings, keyring: Keyring, access_key: str | None, url: str) -> list[str]:
    """
    Return every text that nobody may read in a log or in an answer.

    Args:
        settings: The operator's settings.
        keyring: The operator's token and access key.
        access_key: What Firehose sent as its key.
        url: The listener, as the delivery names it; empty for the operator's.
    """
    known = [*keyring.known(), *([access_key] if access_key else [])]
    derived = [text for secret in known for text in settings.scheme.secrets_in(secret)]
    # A tenant's number is no secret, and without it words would lose their digits.
    headers = settings.headers.values()
    queries = _in_query(url or settings.listener)
    return [*known, *derived, *(v for v in (*headers, *queries) if len(v) >= _LONG)]


def unchecked_secrets(environ: Mapping[str, str]) -> list[str]:
    """Return what `secrets_of` would, of settings that are wrong and may repeat one another."""
    known = [environ.get(name, "") for name in ("LOGZIO_METRICS_TOKEN", "FIREHOSE_ACCESS_KEY")]
    # An object of headers or whatever it is: each text in quotes.
    headers = re.findall(r'"([^"]*)"', environ.get("REMOTE_WRITE_HEADERS", ""))
    queries = _in_query(environ.get("LOGZIO_METRICS_LISTENER", ""))
    passwords = [secret.partition(":")[2] for secret in known]
    long = [text for text in (*passwords, *headers, *queries) if len(text) >= _LONG]
    return [text.strip() for text in (*known, *long)]


def _in_query(url: str) -> list[str]:
    """Return what may be a key in a URL: a listener repeats it in the words of a 404."""
    pieces = [piece.partition("=") for piece in url.partition("?")[2].split("&")]
    values = [value or name for name, _, value in pieces]
    return [*values, *map(unquote_plus, values)]


def _secret(
    variable: str, value: str | None, arn: str | None, monotonic: Callable[[], float]
) -> Secret | None:
    if arn is not None:
        return StoredSecret(variable, fetcher(arn), monotonic)
    return None if value is None else FixedSecret(value)


def _opens(expected: Secret, given: str) -> bool:
    """Tell whether a key is the expected one, in its current or its previous version."""
    if _is_one_of(expected.versions(), given):
        return True
    # Another thread may have renewed it meanwhile: compare whatever this came to.
    expected.renew()
    return _is_one_of(expected.versions(), given)


def _is_one_of(versions: tuple[str, ...], given: str) -> bool:
    # Every version is compared, so that the time tells nothing.
    return sum(_equal(version, given) for version in versions) > 0


def _equal(expected: str, given: str) -> bool:
    # Of digests not even the lengths differ, which the time of a comparison would tell.
    return hmac.compare_digest(_digest(expected), _digest(given))


def _digest(key: str) -> bytes:
    # A header's value may hold any byte, and an event half of a surrogate pair.
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
