"""Exchanges whose name has several addresses, and exchanges that are abandoned."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from extension.errors import AbandonedExchange, ExchangeError
from extension.exchange import Exchanges
from extension.messages import Request
from extension.resolver import Resolver
from testing.misbehaving import black_hole, raw_listener
from tests.support.extension_listeners import listener, silent
from tests.support.extension_parts import LONG

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
SEVERAL = Request("http://several.invalid/", {}, b"hello")


def answered(_connection: socket.socket, _request: bytes) -> bytes:
    """Answer every request."""
    return OK


def answered_once(connection: socket.socket, _request: bytes) -> None:
    """Answer the first request of a connection, and close it."""
    connection.sendall(OK)


@pytest.fixture
def exchanges() -> Iterator[Exchanges]:
    """Give exchanges without a connection."""
    with contextlib.closing(Exchanges()) as made:
        yield made


class Addresses(Resolver):
    """Finds what a test says.

    Args:
        found: Family and address of each.
    """

    def __init__(self, *found: tuple[Any, Any]) -> None:
        super().__init__("several.invalid", 80)
        self._addresses = list(found)
        self.looked_up = 0

    def _look(self, looking: threading.Event) -> None:
        self.looked_up += 1
        self._found = list(self._addresses)
        self._looking = None
        looking.set()


def test_address_that_swallows(exchanges: Exchanges) -> None:
    """An address that swallows everything leaves time for the next one."""
    with black_hole() as hole, raw_listener(answered) as url:
        good, bad = (("127.0.0.1", urlsplit(it).port) for it in (url, hole))
        exchanges._resolvers["several.invalid", 80] = Addresses(
            (socket.AF_INET, bad), (socket.AF_INET, good)
        )
        assert exchanges.post(SEVERAL, 8).status == 200


def test_family_that_is_not_there(exchanges: Exchanges) -> None:
    """An address of a family that the kernel lacks, as IPv6 may be, leaves the next one."""
    with raw_listener(answered) as url:
        good = ("127.0.0.1", urlsplit(url).port)
        exchanges._resolvers["several.invalid", 80] = Addresses((99, good), (socket.AF_INET, good))
        assert exchanges.post(SEVERAL, LONG).status == 200


def test_looked_up_again(exchanges: Exchanges) -> None:
    """An address is kept as long as it answers, and looked up anew once it does not."""
    with raw_listener(answered_once) as url:
        resolver = Addresses((socket.AF_INET, ("127.0.0.1", urlsplit(url).port)))
        exchanges._resolvers["several.invalid", 80] = resolver
        for _ in range(2):
            exchanges.post(SEVERAL, LONG)
    assert resolver.looked_up == 1
    for expected in (1, 2, 3):
        with pytest.raises(ExchangeError):
            exchanges.post(SEVERAL, LONG)
        assert resolver.looked_up == expected


def abandoned(exchanges: Exchanges, url: str, may_abandon: Callable[[], bool]) -> None:
    """Check that an exchange that would last for minutes ends when it is abandoned."""
    errors: list[Exception] = []

    def post() -> None:
        try:
            exchanges.post(Request(url, {}, b"hello"), 3 * LONG)
        except ExchangeError as error:
            errors.append(error)

    thread = threading.Thread(target=post)
    thread.start()
    while not may_abandon():
        time.sleep(0.001)
    exchanges.abandon()
    thread.join(LONG)
    in_time = not thread.is_alive()
    thread.join()
    assert in_time, "it lasted as long as if it had not been abandoned"
    assert [type(error) for error in errors] == [AbandonedExchange]


def test_abandon_what_is_not_answered(exchanges: Exchanges) -> None:
    """An exchange whose answer does not come is abandoned, and the next one is as any."""
    said = threading.Event()

    def stall(connection: socket.socket, _request: bytes) -> bytes | None:
        said.set()
        silent(connection)
        return None

    with raw_listener(stall) as url:
        abandoned(exchanges, url, said.is_set)
    with raw_listener(answered) as url:
        assert exchanges.post(Request(url, {}, b"hello"), LONG).status == 200


def test_abandon_what_does_not_connect(exchanges: Exchanges) -> None:
    """A connection that is not made is abandoned at once, too."""
    with black_hole() as url:
        abandoned(exchanges, url, lambda: exchanges._connection is not None)


def test_abandon_a_handshake(exchanges: Exchanges) -> None:
    """A handshake that does not go on is abandoned at once, too."""
    with listener(silent) as port:
        url = f"https://127.0.0.1:{port}/"
        abandoned(exchanges, url, lambda: exchanges._connection is not None)


class Abandoning:
    """
    A clock that abandons an exchange when it is read for the so manieth time.

    Args:
        reading: Which one, from 1; the first is at the beginning of the exchange.
    """

    def __init__(self, reading: int) -> None:
        self._left = reading
        self.exchanges = Exchanges(self)

    def __call__(self) -> float:
        """Return the seconds."""
        self._left -= 1
        if self._left == 0:
            self.exchanges.abandon()
        return time.monotonic()


@pytest.mark.parametrize("reading", [2, 3, 4])
def test_abandon_at_any_moment(reading: int) -> None:
    """Between the steps of a connection, too, one that would never be made is abandoned."""
    with listener(silent) as port, black_hole() as hole:
        for url in (f"https://127.0.0.1:{port}/", *([hole] if reading < 4 else [])):
            exchanges = Abandoning(reading).exchanges
            began = time.monotonic()
            with contextlib.closing(exchanges), pytest.raises(AbandonedExchange):
                exchanges.post(Request(url, {}, b"hello"), 3 * LONG)
            assert time.monotonic() - began < LONG


def test_abandon_nothing(exchanges: Exchanges) -> None:
    """Abandoning between two exchanges costs at most the kept connection."""
    exchanges.abandon()
    with raw_listener(answered) as url:
        assert exchanges.post(Request(url, {}, b"hello"), LONG).status == 200
        exchanges.abandon()
        with contextlib.suppress(AbandonedExchange):
            exchanges.post(Request(url, {}, b"hello"), LONG)
        assert exchanges.post(Request(url, {}, b"hello"), LONG).status == 200
