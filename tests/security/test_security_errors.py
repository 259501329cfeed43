"""No error holds a secret: neither its text, nor its representation, nor its causes."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from extension.errors import ExtensionError
from extension.http_client import HttpClient, Request
from extension.secrets import fetch_secret
from handler.client import Client, NoResponseError
from testing.aws_environment import REGION
from tests.security.canaries import Listener, ascii_secrets, conversations, leaks
from tests.support.properties import examples

MISPLACED = "QX7zJkKvWqZvwx"
"""A token that stands where the name of a parameter belongs."""


def shown_of(action: Callable[[], object]) -> str:
    """Return all that may be written of how an exchange has failed; nothing if it has not."""
    try:
        action()
    except (NoResponseError, ExtensionError) as error:
        return f"{error!s} {error!r} {''.join(traceback.format_exception(error, chain=True))}"
    return ""


@examples(50)
@given(data=st.data())
def test_failed_exchanges(listener: Listener, data: st.DataObject) -> None:
    """An exchange that fails, of the function or of the extension, repeats nothing of it."""
    secret = data.draw(ascii_secrets)
    listener.converse = data.draw(conversations([secret]))
    headers = {"Authorization": f"Bearer {secret}"}
    shown = shown_of(lambda: Client(1).post(f"{listener.url}?x=1", b"body", headers, 5))
    with contextlib.closing(HttpClient()) as client:
        shown += shown_of(lambda: client.send(Request(listener.url, headers, b"body"), 5))
    assert leaks(shown, [secret]) == []


@examples(25)
@given(data=st.data())
def test_stores_of_the_extension(listener: Listener, data: st.DataObject) -> None:
    """Whatever a secret store says, no error has the secret, a credential or a misplaced token."""
    hidden = [data.draw(ascii_secrets) for _ in range(4)]
    listener.converse = data.draw(conversations(hidden))
    environ = {
        "AWS_ENDPOINT_URL": listener.url.removesuffix("/write"),
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": hidden[0],
        "AWS_SESSION_TOKEN": hidden[1],
        "AWS_REGION": REGION,
    }
    reference = data.draw(st.sampled_from(["/name/of/it", MISPLACED]))
    shown = shown_of(lambda: fetch_secret(reference, environ, now=lambda: 0))
    assert leaks(shown, [*hidden, MISPLACED]) == []
