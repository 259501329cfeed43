"""The bodies that nobody has read yet: in their order, counted until they were read."""

import threading

from extension.receiver import Inbox
from tests.support.extension_parts import LONG


def test_in_order() -> None:
    """Bodies come out in the order in which they went in."""
    inbox = Inbox(100)
    for body in (b"1", b"2", b"3"):
        inbox.put(body)
    assert [inbox.take(), inbox.take(), inbox.take()] == [b"1", b"2", b"3"]


def test_nothing_comes() -> None:
    """Who waits for a body that does not come is told after the time."""
    assert Inbox(100).take(0.01) is None


def test_waits_for_a_body() -> None:
    """Who waits for a body gets it as soon as it comes."""
    inbox = Inbox(100)
    threading.Timer(0.02, inbox.put, (b"1",)).start()
    assert inbox.take(LONG) == b"1"


def test_read_only_once_done() -> None:
    """A body counts as not yet read until whoever took it says that it is done."""
    inbox = Inbox(100)
    inbox.put(b"1")
    assert not inbox.wait_until_parsed(0)
    inbox.take()
    assert not inbox.wait_until_parsed(0)
    inbox.done()
    assert inbox.wait_until_parsed(0)


def test_takes_every_body() -> None:
    """No body is refused, however full it is."""
    inbox = Inbox(10)
    for _ in range(5):
        inbox.put(b"x" * 100)
    assert inbox.take() == b"x" * 100


def test_waits_for_room() -> None:
    """Room is there again once enough was read."""
    inbox = Inbox(10)
    inbox.put(b"x" * 8)
    inbox.wait_for_space()
    inbox.put(b"x" * 8)
    has_room = threading.Event()

    def wait() -> None:
        inbox.wait_for_space()
        has_room.set()

    threading.Thread(target=wait, daemon=True).start()
    assert not has_room.wait(0.05)
    inbox.take()
    assert not has_room.wait(0.05)
    inbox.done()
    assert has_room.wait(LONG)
