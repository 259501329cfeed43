"""A listener that cannot be reached: the words say what is wrong."""

import socket

import pytest

from handler.client import Client, NoResponseError
from tests.support.clocks import SOON


def words_of(url: str) -> str:
    """Post to where nobody listens, and give what is said of it."""
    with pytest.raises(NoResponseError) as raised:
        Client(1).post(url, b"body", {}, SOON)
    return str(raised.value)


def test_refused_connection() -> None:
    """A port that nobody listens on is told as such."""
    with socket.socket() as bound:
        # Bound and not listening: connections are refused, and nobody else can take the port.
        bound.bind(("127.0.0.1", 0))
        words = words_of(f"http://127.0.0.1:{bound.getsockname()[1]}/")
    assert words == "the connection is refused: nothing listens at the URL's host and port"


def test_unknown_host() -> None:
    """So is a host name that nobody knows."""
    # A part with more than 63 characters is a name that no server has to be asked about.
    assert words_of(f"http://{'a' * 64}.invalid/") == "the URL's host name is not known"
