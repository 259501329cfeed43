"""
A token out of Secrets Manager or the SSM Parameter Store, without boto3.

What counts as the token in a secret's text is the same as for the function's own
secrets: the member `api_key` of a JSON object, or all of the text.
"""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from extension.errors import ExchangeError, SecretError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from extension.sigv4 import Credentials

SECONDS = 2.0
"""The time for everything that a fetch does: names, connections, TLS, answers."""

_ARN = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):(?P<service>secretsmanager|ssm):(?P<region>[a-z0-9-]+):"
    r"[0-9]{12}:(?:secret:\S+|parameter/\S+)"
)
# "Parameter names: a-zA-Z0-9_.-/" (SSM API reference, PutParameter).
_PARAMETER_NAME = re.compile(r"[a-zA-Z0-9_./-]{1,1011}")
_ENDPOINT = re.compile(r"https?://[^/\s?#@]+/?")
_ERROR_CODE = re.compile(r"[A-Za-z.]{1,64}")

_OPERATIONS = {
    "secretsmanager": ("secretsmanager.GetSecretValue", "AWS_ENDPOINT_URL_SECRETS_MANAGER"),
    "ssm": ("AmazonSSM.GetParameter", "AWS_ENDPOINT_URL_SSM"),
}


class _Place(NamedTuple):
    service: str
    region: str
    url: str


def is_reference(text: str) -> bool:
    """Tell whether a text is the ARN of a secret or parameter, or the name of a parameter."""
    match = _ARN.fullmatch(text)
    if match is None:
        return _PARAMETER_NAME.fullmatch(text) is not None
    return (match["service"] == "ssm") == (":parameter/" in text)


def fetch_secret(
    reference: str,
    environ: Mapping[str, str],
    *,
    now: Callable[[], float],
    seconds: float = SECONDS,
) -> str:
    """
    Return the token that a secret holds.

    Args:
        reference: The ARN of a secret or of an SSM parameter, or a parameter's name.
        environ: Gives the credentials, the region, and other endpoints where they are set.
        now: A clock in seconds since 1970; a signature has the time in it.
        seconds: The time for all of it.

    Raises:
        SecretError: The store does not give it, or not in time.
    """
    # Only an extension whose token is in a store pays for this.
    from extension.http_client import HttpClient  # noqa: PLC0415

    end = time.monotonic() + seconds
    place = _place(reference, environ)
    credentials = _credentials(environ, end - time.monotonic())
    client = HttpClient()
    try:
        request = _request(place, reference, credentials, now())
        answer = client.send(request, end - time.monotonic())
    except ExchangeError as error:
        raise SecretError(f"cannot read {_told(reference)}: {error}") from None
    finally:
        client.close()
    document = _object(answer.body)
    if answer.status != 200:
        raise SecretError(f"cannot read {_told(reference)}: {_code(document, answer.status)}")
    try:
        return secret_value(_text(document))
    except ValueError as error:
        raise SecretError(f"the secret {_told(reference)} {error}") from None


def secret_value(text: str) -> str:
    """
    Return the token in a secret's text: the member `api_key` of a JSON object, or all of it.

    Raises:
        ValueError: There is none; the text is not repeated.
    """
    value = text.strip()
    if value.startswith("{"):
        parsed = _object(value.encode("utf-8", "replace"))
        value = parsed.get("api_key", "")
        if not isinstance(value, str) or not value:
            raise ValueError('is a JSON object without the text "api_key"')
    if not value:
        raise ValueError("is empty")
    return value


def _told(reference: str) -> str:
    """Return an ARN; a name that may as well be the token, put into the wrong variable, is not."""
    return reference if _ARN.fullmatch(reference) else "the SSM parameter that is named"


def _place(reference: str, environ: Mapping[str, str]) -> _Place:
    match = _ARN.fullmatch(reference)
    service = match["service"] if match else "ssm"
    region = match["region"] if match else ""
    region = region or environ.get("AWS_REGION", "") or environ.get("AWS_DEFAULT_REGION", "")
    if not region:
        raise SecretError(f"cannot read {_told(reference)}: set AWS_REGION")
    variable = _OPERATIONS[service][1]
    url = environ.get(variable, "") or environ.get("AWS_ENDPOINT_URL", "")
    if not url:
        chinese = region.startswith("cn-")
        url = f"https://{service}.{region}.amazonaws.com{'.cn' if chinese else ''}"
    elif not _ENDPOINT.fullmatch(url):
        raise SecretError(f"{variable} or AWS_ENDPOINT_URL must be https:// and a host")
    return _Place(service, region, url.rstrip("/"))


def _request(place: _Place, reference: str, credentials: Credentials, now: float) -> Any:
    from extension.destinations.destination import Request  # noqa: PLC0415 -- as above
    from extension.sigv4 import Scope, signed  # noqa: PLC0415 -- as above

    asked: dict[str, Any] = {"SecretId": reference}
    if place.service == "ssm":
        asked = {"Name": reference, "WithDecryption": True}
    body = json.dumps(asked).encode()
    headers = {
        "host": place.url.partition("://")[2],
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": _OPERATIONS[place.service][0],
    }
    scope = Scope(place.region, place.service, now)
    return Request(f"{place.url}/", signed(headers, body, credentials, scope), body)


def _credentials(environ: Mapping[str, str], seconds: float) -> Credentials:
    """Return the role's credentials: from the environment or, with SnapStart, from its endpoint."""
    from extension.sigv4 import Credentials  # noqa: PLC0415 -- as above

    key, secret = environ.get("AWS_ACCESS_KEY_ID", ""), environ.get("AWS_SECRET_ACCESS_KEY", "")
    if key and secret:
        return Credentials(key, secret, environ.get("AWS_SESSION_TOKEN", ""))
    url = environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI", "")
    if not url:
        raise SecretError("there are no credentials: neither AWS_ACCESS_KEY_ID nor an endpoint")
    from extension.role_endpoint import role_document  # noqa: PLC0415 -- as above

    document = _object(
        role_document(url, environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN", ""), seconds)
    )
    members = [document.get(name) for name in ("AccessKeyId", "SecretAccessKey", "Token")]
    key, secret, token = (member if isinstance(member, str) else "" for member in members)
    if not key or not secret:
        raise SecretError("AWS_CONTAINER_CREDENTIALS_FULL_URI does not give credentials")
    return Credentials(key, secret, token)


def _text(document: dict[str, Any]) -> str:
    """Return the secret in the answer of a store."""
    parameter = document.get("Parameter")
    text = parameter.get("Value") if isinstance(parameter, dict) else document.get("SecretString")
    binary = document.get("SecretBinary")
    if not isinstance(text, str) and isinstance(binary, str):
        import binascii  # noqa: PLC0415 -- few secrets are binary

        try:
            text = binascii.a2b_base64(binary).decode()
        except ValueError:
            raise ValueError("is binary and no text") from None
    return text if isinstance(text, str) else ""


def _object(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _code(document: dict[str, Any], status: int) -> str:
    """Return what a store calls an error: `__type`, with or without a namespace before a #."""
    code = document.get("__type")
    name = code.rpartition("#")[2] if isinstance(code, str) else ""
    return name if _ERROR_CODE.fullmatch(name) else f"HTTP {status}"
