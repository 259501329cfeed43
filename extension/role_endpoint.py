"""
The endpoint that gives a role's credentials where the environment has none.

With SnapStart Lambda sets AWS_CONTAINER_CREDENTIALS_FULL_URI and
AWS_CONTAINER_AUTHORIZATION_TOKEN instead of the access keys (Lambda Developer Guide,
"Defined runtime environment variables").
"""

from __future__ import annotations

import http.client
import re
import socket
import time

from extension.bounded_socket import BoundedSocket, Deadline
from extension.errors import SecretError

# The SDKs allow plain http to these addresses alone ("Container credential provider").
_URL = re.compile(
    r"http://(?P<host>localhost|127(?:\.[0-9]{1,3}){3}|169\.254(?:\.[0-9]{1,3}){2})"
    r"(?::(?P<port>[0-9]{1,5}))?(?P<path>/[\x21-\x7e]*)?"
)
_LARGEST_ANSWER_BYTES = 65_536


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
    host, port = match["host"].replace("localhost", "127.0.0.1"), int(match["port"] or 80)
    connection = http.client.HTTPConnection(host, port)
    sock = BoundedSocket(socket.AF_INET, socket.SOCK_STREAM)
    connection.sock = sock
    try:
        sock.deadline = Deadline(time.monotonic() + seconds)
        sock.settimeout(sock.deadline.left())
        sock.connect((host, port))
        headers = {"Authorization": token} if token else {}
        connection.request("GET", match["path"] or "/", headers=headers)
        response = connection.getresponse()
        body = response.read(_LARGEST_ANSWER_BYTES)
    except (OSError, ValueError, http.client.HTTPException) as error:
        # Not its text: that of a ValueError may repeat the header.
        raise SecretError(
            f"AWS_CONTAINER_CREDENTIALS_FULL_URI does not answer: {type(error).__name__}"
        ) from None
    finally:
        connection.close()
    if response.status != 200:
        raise SecretError(f"AWS_CONTAINER_CREDENTIALS_FULL_URI answers HTTP {response.status}")
    return body
