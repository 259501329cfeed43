"""Who may deliver, with which token to ship, and which texts are secret."""

import functools
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping
from urllib.parse import unquote, unquote_plus

from handler import otlp_settings
from handler.errors import AccessKeyMissing, AccessKeyWrong, SettingsError
from handler.ingress import Ingress
from handler.listener import further_headers, is_credential, is_header_value
from handler.redaction import Redactor
from handler.schemes import name_of
from handler.secrets import Secret, StoredSecret, fetcher
from handler.settings import Settings, known_variables, read_settings

# Shorter values of the operator's own headers and queries do not count as secrets.
_LONG = 8

# "access key: [...] up to 4096 characters" - Firehose, "HttpEndpointConfiguration". What a stranger
# sends must not cost more.
_MAX_KEY = 4096


_HEADERS_ARN = "REMOTE_WRITE_HEADERS_ARN"


class Keyring:
    """The operator's token, access key and stored headers, wherever they are kept.

    Args:
        settings: The operator's settings.
        monotonic: A clock in seconds.
        warn: Takes why looking for a newer version has failed.

    Attributes:
        token: What to ship with; None for the access key.
        access_key: What Firehose has to send; None for no check.
        own: What a scheme without a token authenticates with; None if with nothing.
        headers: Further headers in a secret; None without one.
    """

    def __init__(
        self,
        settings: Settings,
        monotonic: Callable[[], float],
        warn: Callable[[str], None] = lambda _: None,
    ) -> None:
        def secret(variable: str, value: str | None, arn: str | None) -> Secret | None:
            if arn is not None:
                return StoredSecret(variable, fetcher(arn), monotonic, warn)
            return None if value is None else Secret(value)

        def headers_in(text: str) -> str:
            problem = settings.scheme.problem_with_headers(further_headers(text))
            if problem:
                raise ValueError(problem)
            return text

        self.token = secret("LOGZIO_METRICS_TOKEN_ARN", settings.token, settings.token_arn)
        self.access_key = secret(
            "FIREHOSE_ACCESS_KEY_ARN", settings.access_key, settings.access_key_arn
        )
        self.own = settings.scheme.own_credential(settings, monotonic, warn)
        self.headers: Secret | None = None
        if settings.headers_arn is not None:
            fetch = fetcher(settings.headers_arn)
            self.headers = StoredSecret(_HEADERS_ARN, fetch, monotonic, warn, headers_in)

    def known(self) -> list[str]:
        """Return every version of the token, the access key and AWS's credentials that was seen."""
        secrets = (self.token, self.access_key, self.own)
        return [version for secret in secrets if secret is not None for version in secret.seen()]

    def known_headers(self) -> list[str]:
        """Return the values of the stored headers, in every version that has been seen."""
        versions = self.headers.seen() if self.headers else ()
        return [value for text in versions for value in json.loads(text).values()]


def token_for(ingress: Ingress, settings: Settings, keyring: Keyring) -> Secret | None:
    """Check who delivers; return what to authenticate with, None where REMOTE_WRITE_AUTH is none.

    Args:
        ingress: What the delivery came through.
        settings: The operator's settings.
        keyring: The operator's token and access key.

    Raises:
        SettingsError: There is no token for a transformation, or anybody could send over HTTP in
            the operator's name.
        SecretError: A secret cannot be read.
        AccessKeyMissing: The request has no key where one is needed.
        AccessKeyWrong: It has a different key than expected.
    """
    if ingress.is_http:
        return _token_for_http(settings, keyring, ingress.access_key)
    if not settings.scheme.needs_token:
        return keyring.own
    if keyring.token is None:
        raise SettingsError(
            "settings: a data transformation has no access key to ship with and needs "
            "LOGZIO_METRICS_TOKEN (or LOGZIO_METRICS_TOKEN_ARN)"
        )
    # IAM has authenticated the caller.
    return keyring.token


def _token_for_http(settings: Settings, keyring: Keyring, given: str | None) -> Secret | None:
    expected = keyring.access_key
    opening = _what_opens(settings, keyring)
    if expected is None and opening:
        raise SettingsError(
            f"settings: {opening} without FIREHOSE_ACCESS_KEY (or FIREHOSE_ACCESS_KEY_ARN) would "
            "let anybody who knows the URL send in your name; set FIREHOSE_ACCESS_KEY to "
            "Firehose's access key"
        )
    if given is None:
        raise AccessKeyMissing(
            "the request has no access key: set the access key of the Firehose stream's "
            "HTTP endpoint"
        )
    if len(given) > _MAX_KEY:
        raise AccessKeyWrong(f"the access key is longer than {_MAX_KEY} characters")
    if expected is not None and not _matches(expected, given):
        raise AccessKeyWrong("the access key is not the expected one")
    if not settings.scheme.needs_token:
        return keyring.own
    if expected is None and not is_header_value(given):
        raise AccessKeyWrong("the access key has characters that no token has")
    # The expected key rather than the one that came: after a rotation Firehose sends the old
    # one for a while, which the listener may not accept any more.
    return keyring.token or expected or Secret(given)


def own_token(settings: Settings, keyring: Keyring) -> Secret | None:
    """Return what to authenticate with where no request brings a key; None if with nothing.

    Raises:
        SettingsError: There is no token.
        SecretError, CredentialsError: It cannot be fetched.
    """
    # A stack keeps one secret for both, and sends with the key if there is no token.
    token = keyring.token or keyring.access_key
    if not settings.scheme.needs_token:
        token = keyring.own
    elif token is None:
        raise SettingsError(
            "settings: there is no token: set LOGZIO_METRICS_TOKEN or LOGZIO_METRICS_TOKEN_ARN, "
            "or REMOTE_WRITE_AUTH=none"
        )
    if token is not None:
        token.versions()
    return token


def _what_opens(settings: Settings, keyring: Keyring) -> str:
    """Return the setting that lets a request through without its own credential; empty if none."""
    if keyring.token is not None:
        return "LOGZIO_METRICS_TOKEN (or LOGZIO_METRICS_TOKEN_ARN)"
    if not settings.scheme.needs_token:
        return f"REMOTE_WRITE_AUTH={name_of(settings.scheme)}"
    if keyring.headers is not None:
        return _HEADERS_ARN
    names = [name for name in settings.headers if is_credential(name)]
    variable = otlp_settings.HEADERS if settings.otlp_endpoint else otlp_settings.LISTENER_HEADERS
    return f"the header {names[0]} in {variable}" if names else ""


def secrets_of(settings: Settings, keyring: Keyring, token: Secret | None, url: str) -> list[str]:
    """Return every text that no log line and no answer may repeat.

    Args:
        settings: The operator's settings.
        keyring: The operator's token and access key.
        token: What the delivery is sent with, which may be the access key of its request.
        url: The listener, as the delivery names it; empty for the operator's.
    """
    known = [*keyring.known(), *(token.seen() if token else ())]
    derived = [text for secret in known for text in settings.scheme.secrets_in(secret)]
    # A tenant's number is no secret, and redacting it would take the digits out of every text.
    headers = [*settings.headers.values(), *keyring.known_headers()]
    queries = _query_values(url or settings.listener)
    return [*known, *derived, *(v for v in (*headers, *queries) if len(v) >= _LONG)]


@functools.lru_cache(maxsize=2)
def redactor_of(secrets: tuple[str, ...]) -> Redactor:
    """Return a redactor; most deliveries have the same secrets, and building one takes time."""
    return Redactor(secrets)


def unchecked_secrets(environ: Mapping[str, str]) -> list[str]:
    """Return what `secrets_of` would, if the settings are wrong and cannot be relied on."""
    known = [environ.get(name, "") for name in ("LOGZIO_METRICS_TOKEN", "FIREHOSE_ACCESS_KEY")]
    # Whether or not these are JSON objects: each text in quotes, of SETTINGS the values alone,
    # since a message about it repeats names.
    headers = re.findall(r'"([^"]*)"', environ.get("REMOTE_WRITE_HEADERS", ""))
    members = re.findall(r':\s*\\*"([^"\\]*)', environ.get("SETTINGS", ""))
    # Each as it is written, and as it is sent.
    headers += re.findall(r"=([^,]*)", environ.get(otlp_settings.HEADERS, ""))
    headers += [unquote(header) for header in headers]
    queries = [
        value
        for name in (otlp_settings.LISTENER, otlp_settings.ENDPOINT)
        for value in _query_values(environ.get(name, ""))
    ]
    passwords = [secret.partition(":")[2] for secret in known]
    long = [text for text in (*passwords, *headers, *members, *queries) if len(text) >= _LONG]
    return [text.strip() for text in (*known, *long)]


def read_settings_redacted(environ: Mapping[str, str]) -> Settings:
    """Return the settings of an environment, where an error about them leaves the process.

    Raises:
        SettingsError: One message with every problem found, and without secrets.
    """
    try:
        return read_settings(known_variables(environ))
    except SettingsError as error:
        # The message repeats a wrong setting, which may be a token in the wrong variable.
        redact = Redactor(unchecked_secrets(environ))
        raise SettingsError(redact(str(error))) from None


def _query_values(url: str) -> list[str]:
    """Return what may be a key in a URL, which a listener may repeat in the text of a 404."""
    pieces = [piece.partition("=") for piece in url.partition("?")[2].split("&")]
    values = [value or name for name, _, value in pieces]
    return [*values, *map(unquote_plus, values)]


def _matches(expected: Secret, given: str) -> bool:
    """Return whether a key is the expected one, in its current or its previous version."""
    if _is_one_of(expected.versions(), given):
        return True
    # Compare again whatever this returns: another thread may just have renewed it.
    expected.renew()
    return _is_one_of(expected.versions(), given)


def _is_one_of(versions: tuple[str, ...], given: str) -> bool:
    # Every version is compared, so that the time taken says nothing about which one matched.
    return sum(_equal(version, given) for version in versions) > 0


def _equal(expected: str, given: str) -> bool:
    # Digests have one length; the time of comparing texts would depend on theirs.
    return hmac.compare_digest(_digest(expected), _digest(given))


def _digest(key: str) -> bytes:
    # A header's value may hold any byte, and an event half of a surrogate pair.
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
