"""Tokens, given in a variable or read from Secrets Manager or SSM Parameter Store, without boto3.

What counts as the token in a secret's text is the same as for the function's own secrets: the
member `api_key` of a JSON object, or all of the text.
"""

import json
import re
import time
from base64 import b64decode
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any

from extension.errors import ExchangeError, SecretError, SettingsError
from extension.http_client import HttpClient, Request
from extension.json_text import parsed
from extension.sigv4 import Credentials, signed

SECONDS = 2.0
"""The time for everything that a fetch does: names, connections, TLS, responses."""

# What a header can carry; in a URL it is percent-encoded.
TOKEN = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
# A refused token must not make every batch a call to the secret store.
_RENEW_AFTER_SECONDS = 60.0
# Nor must a store that is down delay every flush by its two seconds.
_TRY_AGAIN_AFTER_SECONDS = 10.0

_ARN = re.compile(
    r"arn:aws[a-z-]*:(?:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:\S+"
    r"|ssm:[a-z0-9-]+:[0-9]{12}:parameter/\S+)"
)
# "Parameter names: a-zA-Z0-9_.-/" (SSM API reference, PutParameter).
_PARAMETER_NAME = re.compile(r"[a-zA-Z0-9_./-]{1,1011}")
_ENDPOINT = re.compile(r"https?://[^/\s?#@]+/?")
# The SDKs allow plain http to these addresses alone ("Container credential provider").
_ROLE_URL = re.compile(
    r"http://(?:localhost|127(?:\.[0-9]{1,3}){3}|169\.254(?:\.[0-9]{1,3}){2})"
    r"(?::[0-9]{1,5})?(?:/[\x21-\x7e]*)?"
)
_ERROR_CODE = re.compile(r"[A-Za-z.]{1,64}")
_OPERATIONS = {
    "secretsmanager": ("secretsmanager.GetSecretValue", "AWS_ENDPOINT_URL_SECRETS_MANAGER"),
    "ssm": ("AmazonSSM.GetParameter", "AWS_ENDPOINT_URL_SSM"),
}
_ROLE_VARIABLE = "AWS_CONTAINER_CREDENTIALS_FULL_URI"


class Token:
    """The token of a destination; if it is in a store, it is fetched when it is needed first.

    Args:
        variable: The variable that has the token; the same with `_ARN` says where it is stored.
        value: The token, if it is given.
        reference: Where it is stored, otherwise; both are empty if there is no token.
        fetch: Returns the token for a reference; raises SecretError.

    Attributes:
        stored: Whether the token is in a store.

    Raises:
        SettingsError: Both are set, or the one that is set cannot be used.
    """

    def __init__(
        self,
        variable: str,
        value: str,
        reference: str,
        fetch: Callable[[str], str],
        now: Callable[[], float],
    ) -> None:
        if value and reference:
            raise SettingsError(f"set {variable} or {variable}_ARN, not both")
        if value and not TOKEN.fullmatch(value):
            raise SettingsError(f"{variable} has characters that a request cannot carry")
        if reference and not (_ARN.fullmatch(reference) or _PARAMETER_NAME.fullmatch(reference)):
            raise SettingsError(
                f"{variable}_ARN must be the ARN of a secret in Secrets Manager, or the ARN or "
                "name of an SSM parameter"
            )
        self.stored = bool(reference)
        self._value = value
        self._reference = reference
        self._fetch = fetch
        self._now = now
        self._tried_at = self._renewed_at = float("-inf")
        self._failure = ""

    def __bool__(self) -> bool:
        """Return whether there is a token at all."""
        return bool(self._value or self.stored)

    def value(self) -> str:
        """Return the token.

        Raises:
            SecretError: The store does not return it, or did not a few seconds ago.
        """
        if self.stored and not self._value:
            if self._passed(self._tried_at, _TRY_AGAIN_AFTER_SECONDS):
                self._read_again()
            if not self._value:
                raise SecretError(self._failure)
        return self._value

    def renew(self) -> bool:
        """Look for a newer token, at most once a minute; return whether there is one."""
        if not self.stored or not self._passed(self._renewed_at, _RENEW_AFTER_SECONDS):
            return False
        self._renewed_at = self._now()
        before = self._value
        # If the store does not respond, the token stays what it is.
        self._read_again()
        return self._value != before

    def _passed(self, since: float, seconds: float) -> bool:
        # A clock that was set back counts as time that has passed.
        return not 0 <= self._now() - since < seconds

    def _read_again(self) -> None:
        """Fetch the token, or remember why that failed."""
        self._tried_at = self._now()
        self._failure = ""
        try:
            value = self._fetch(self._reference)
        except SecretError as error:
            self._failure = str(error)
            return
        if TOKEN.fullmatch(value):
            self._value = value
        else:
            self._failure = "the secret is empty or has characters that a header cannot carry"


def fetch_secret(
    reference: str,
    environ: Mapping[str, str],
    *,
    now: Callable[[], float],
    seconds: float = SECONDS,
) -> str:
    """Return the token that a secret or an SSM parameter holds.

    The environment gives the credentials, the region, and other endpoints if they are set. A
    signature has the time in it, from `now`.

    Raises:
        SecretError: The store does not return it, or not in time.
    """
    # A name may as well be the token, put into the wrong variable: it is not repeated.
    shown = reference if _ARN.fullmatch(reference) else "the SSM parameter that is named"
    end = time.monotonic() + seconds
    try:
        request = _request(reference, environ, now(), end)
        document = _response_to(request, end - time.monotonic())
    except (ExchangeError, SecretError) as error:
        raise SecretError(f"cannot read {shown}: {error}") from error
    try:
        return secret_value(_text(document))
    except ValueError as error:
        raise SecretError(f"the secret {shown} {error}") from None


def secret_value(text: str) -> str:
    """Return the token in a secret's text: the member `api_key` of a JSON object, or all of it.

    Raises:
        ValueError: There is none; the text is not repeated.
    """
    value = text.strip()
    if value.startswith("{"):
        value = _string(parsed(value), "api_key")
        if not value:
            raise ValueError('is a JSON object without the text "api_key"')
    if not value:
        raise ValueError("is empty")
    return value


def _request(reference: str, environ: Mapping[str, str], now: float, end: float) -> Request:
    """Return the signed request for a secret; credentials have to be there by `end`."""
    is_arn = _ARN.fullmatch(reference)
    service, region = reference.split(":")[2:4] if is_arn else ("ssm", "")
    region = region or environ.get("AWS_REGION", "") or environ.get("AWS_DEFAULT_REGION", "")
    if not region:
        raise SecretError("set AWS_REGION")
    operation, variable = _OPERATIONS[service]
    url = environ.get(variable, "") or environ.get("AWS_ENDPOINT_URL", "")
    if not url:
        suffix = ".cn" if region.startswith("cn-") else ""
        url = f"https://{service}.{region}.amazonaws.com{suffix}"
    elif not _ENDPOINT.fullmatch(url):
        raise SecretError(f"{variable} or AWS_ENDPOINT_URL must be https:// and a host")
    question: dict[str, Any] = {"SecretId": reference}
    if service == "ssm":
        question = {"Name": reference, "WithDecryption": True}
    body = json.dumps(question).encode()
    headers = {
        "host": url.partition("://")[2].rstrip("/"),
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": operation,
    }
    credentials = _credentials(environ, end - time.monotonic())
    headers = signed(headers, body, credentials, service, region, now)
    return Request(f"{url.rstrip('/')}/", headers, body)


def _credentials(environ: Mapping[str, str], seconds: float) -> Credentials:
    """Return the role's credentials: from the environment or, with SnapStart, from an endpoint.

    With SnapStart Lambda sets AWS_CONTAINER_CREDENTIALS_FULL_URI and
    AWS_CONTAINER_AUTHORIZATION_TOKEN instead of the access keys (Lambda Developer Guide, "Defined
    runtime environment variables").
    """
    key, secret = environ.get("AWS_ACCESS_KEY_ID", ""), environ.get("AWS_SECRET_ACCESS_KEY", "")
    if key and secret:
        return Credentials(key, secret, environ.get("AWS_SESSION_TOKEN", ""))
    url = environ.get(_ROLE_VARIABLE, "")
    if not url:
        raise SecretError("there are no credentials: neither AWS_ACCESS_KEY_ID nor an endpoint")
    if not _ROLE_URL.fullmatch(url):
        raise SecretError(f"{_ROLE_VARIABLE} is not http:// to this machine")
    authorization = environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN", "")
    headers = {"authorization": authorization} if authorization else {}
    try:
        document = _response_to(Request(url, headers, b"", "GET"), seconds)
    except (ExchangeError, SecretError) as error:
        raise SecretError(f"{_ROLE_VARIABLE} does not respond with HTTP 200: {error}") from error
    members = ("AccessKeyId", "SecretAccessKey", "Token")
    key, secret, token = (_string(document, member) for member in members)
    if not key or not secret:
        raise SecretError(f"{_ROLE_VARIABLE} does not return credentials")
    return Credentials(key, secret, token)


def _response_to(request: Request, seconds: float) -> dict[str, Any]:
    """Return the JSON object in the response to a request; an empty one if it is no object.

    Raises ExchangeError; and SecretError if the status is not 200. Then its text is the store's own
    name for the error, if `__type` has one, with or without a namespace before a #.
    """
    with closing(HttpClient()) as client:
        response = client.send(request, seconds)
    document = parsed(response.body)
    if response.status != 200:
        name = _string(document, "__type").rpartition("#")[2]
        raise SecretError(name if _ERROR_CODE.fullmatch(name) else f"HTTP {response.status}")
    return document if isinstance(document, dict) else {}


def _text(document: dict[str, Any]) -> str:
    """Return the secret in the response of a store."""
    text = _string(document.get("Parameter"), "Value") or _string(document, "SecretString")
    try:
        return text or b64decode(_string(document, "SecretBinary")).decode()
    except ValueError:
        raise ValueError("is binary and no text") from None


def _string(document: Any, name: str) -> str:
    """Return the string that a JSON object has under a name; an empty one if it has none."""
    value = document.get(name) if isinstance(document, dict) else None
    return value if isinstance(value, str) else ""
