"""
The endpoint that gives a role's credentials where the environment has none.

With SnapStart Lambda sets AWS_CONTAINER_CREDENTIALS_FULL_URI and
AWS_CONTAINER_AUTHORIZATION_TOKEN instead of the access keys (Lambda Developer Guide,
"Defined runtime environment variables").
"""

from __future__ import annotations

import re

from extension.destinations.destination import Request
from extension.errors import ExchangeError, SecretError
from extension.http_client import HttpClient

# The SDKs allow plain http to these addresses alone ("Container credential provider").
_URL = re.compile(
    r"http://(?P<host>localhost|127(?:\.[0-9]{1,3}){3}|169\.254(?:\.[0-9]{1,3}){2})"
    r"(?::(?P<port>[0-9]{1,5}))?(?P<path>/[\x21-\x7e]*)?"
)


def role_document(url: str, token: str, seconds: float) -> bytes:
    """
    Return the JSON document with the credentials, as the endpoint sends it.

    Args:
        url: Where it is; on the machine itself or link-local.
        token: The header Authorization.
        seconds: The time for all of it.

    Raises:
        SecretError: The endpoint is elsewhere, or does not give it in time.
    """
    match = _URL.fullmatch(url)
    if match is None:
        raise SecretError("AWS_CONTAINER_CREDENTIALS_FULL_URI is not http:// to this machine")
    host = match["host"].replace("localhost", "127.0.0.1")
    headers = {"Authorization": token} if token else {}
    path = match["path"] or "/"
    request = Request(f"http://{host}:{match['port'] or 80}{path}", headers, b"", "GET")
    client = HttpClient()
    try:
        response = client.send(request, seconds)
    except ExchangeError as error:
        raise SecretError(f"AWS_CONTAINER_CREDENTIALS_FULL_URI does not answer: {error}") from None
    finally:
        client.close()
    if response.status != 200:
        raise SecretError(f"AWS_CONTAINER_CREDENTIALS_FULL_URI answers HTTP {response.status}")
    return response.body
