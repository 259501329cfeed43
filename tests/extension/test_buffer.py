"""The buffer: bounded in bytes, the oldest first, and never a record unaccounted for."""

import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extension.buffer import BUFFER_FULL, RECORD_OVERHEAD_BYTES, Buffer, RecordAccount
from tests.support.extension_parts import is_balanced, lines
from tests.support.properties import examples

NO_TIME = float
"""A clock that says 0.0."""


def size_of(records: list[bytes]) -> int:
    """Return the size of a buffer that holds exactly these."""
    return sum(map(len, records)) + RECORD_OVERHEAD_BYTES * len(records)


SIZES = st.lists(st.integers(0, 300), max_size=12)
OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), SIZES),
        st.tuples(st.just("leave_out"), st.integers(0, 9)),
        st.tuples(st.just("take"), st.integers(0, 900)),
        st.tuples(st.just("sent"), st.integers(0, 9)),
        st.tuples(st.just("refused"), st.integers(0, 9)),
        st.tuples(st.just("put_back"), st.none()),
        st.tuples(st.just("drop_all"), st.none()),
    ),
    max_size=60,
)


class Steps:
    """Does operations, and knows what a buffer without a bound would have received.

    Args:
        max_bytes: Of the buffer.
    """

    def __init__(self, max_bytes: int) -> None:
        self.buffer = Buffer(max_bytes, NO_TIME)
        self.received = 0
        self.sent: list[int] = []
        self._number = 0

    def do(self, name: str, argument: Any) -> None:
        """Do one operation as a delivery may."""
        buffer = self.buffer
        if isinstance(argument, list):
            self.received += len(argument)
            buffer.add([self._record(size) for size in argument])
        elif name == "put_back":
            buffer.put_back()
        elif name == "drop_all":
            buffer.put_back()
            buffer.drop_all("unauthorized")
        elif name == "leave_out":
            self.received += argument
            buffer.leave_out("sampled", argument)
        elif name == "take" and not buffer.in_batch:
            buffer.take(argument)
        elif name in ("sent", "refused"):
            count = min(argument, buffer.in_batch)
            if name == "sent":
                self.sent += [int(record[:8]) for record in list(buffer._batch)[:count]]
            buffer.resolve(count, "" if name == "sent" else "refused")

    def _record(self, size: int) -> bytes:
        self._number += 1
        return b"%08d" % self._number + b"x" * size


@examples(300)
@given(operations=OPERATIONS, max_bytes=st.integers(0, 4000))
def test_always_balanced_and_bounded(operations: list[tuple[str, object]], max_bytes: int) -> None:
    """After any operations: received = sent + dropped + pending, bytes in bounds, in order."""
    steps = Steps(max_bytes)
    for name, argument in operations:
        steps.do(name, argument)
        account = steps.buffer.account()
        assert is_balanced(account), account
        assert account.received == steps.received
        assert account.pending == steps.buffer.pending
        assert 0 <= steps.buffer.bytes <= max_bytes
        assert (steps.buffer.bytes == 0) == (account.pending == 0)
    assert steps.sent == sorted(set(steps.sent))


def test_balanced_while_threads_work() -> None:
    """The account is balanced at every moment also while records come, go and are dropped."""
    buffer = Buffer(20_000, NO_TIME)
    over = threading.Event()

    def add() -> None:
        for number in range(300):
            buffer.add(lines(number, number + 20))
            buffer.leave_out("sampled", 2)

    def send() -> None:
        while not over.is_set() or buffer.pending:
            batch = buffer.take(500)
            buffer.resolve((len(batch) + 1) // 2)
            buffer.put_back()

    adders = [threading.Thread(target=add) for _ in range(3)]
    sender = threading.Thread(target=send)
    for thread in (*adders, sender):
        thread.start()
    while any(thread.is_alive() for thread in adders):
        account = buffer.account()
        assert is_balanced(account), account
    over.set()
    for thread in (*adders, sender):
        thread.join()
    account = buffer.account()
    assert is_balanced(account)
    assert (account.received, account.pending) == (3 * 300 * 23, 0)


def test_oldest_go_first() -> None:
    """If there is no space the oldest records are dropped, and counted by that reason."""
    buffer = Buffer(size_of(lines(11, 14)), NO_TIME)
    buffer.add(lines(11, 14))
    buffer.add(lines(15, 16))
    assert buffer.take(1000) == lines(13, 16)
    assert buffer.account() == RecordAccount(6, 0, {BUFFER_FULL: 2}, 4)


def test_batch_on_its_way_is_kept() -> None:
    """Records on their way count as bytes, and are not dropped before the answer is there."""
    buffer = Buffer(size_of(lines(1, 4)), NO_TIME)
    buffer.add(lines(1, 3))
    assert buffer.take(1000) == lines(1, 3)
    buffer.add(lines(4, 6))
    assert buffer.account().dropped == {BUFFER_FULL: 2}
    buffer.put_back()
    assert buffer.take(1000) == [*lines(1, 3), *lines(6, 6)]


@pytest.mark.parametrize("limit", range(7, 60))
def test_take_keeps_the_limit(limit: int) -> None:
    """A batch and one byte between each two records is not larger than was asked for."""
    buffer = Buffer(10_000, NO_TIME)
    buffer.add(lines(1, 9))
    batch = buffer.take(limit)
    assert batch == lines(1, len(batch))
    assert batch
    assert len(b"\n".join(batch)) <= limit


def test_take_gives_one_record_at_least() -> None:
    """A record that is larger than a batch may be is taken alone, so that none blocks."""
    buffer = Buffer(10_000, NO_TIME)
    buffer.add([b"x" * 500, *lines(1, 2)])
    assert buffer.take(100) == [b"x" * 500]
    buffer.resolve(1)
    assert buffer.take(100) == lines(1, 2)


def test_waiting_since() -> None:
    """Records wait since the buffer became non-empty, not since the last of them came."""
    times = iter((10.0, 20.0))
    buffer = Buffer(1000, lambda: next(times))
    buffer.add(lines(1, 1))
    buffer.add(lines(2, 2))
    assert buffer.waiting_since == 10.0


def test_full() -> None:
    """A buffer counts as full when half of it is used, so that a wait comes before drops."""
    buffer = Buffer(2 * size_of(lines(1, 4)), NO_TIME)
    buffer.add(lines(1, 4))
    assert not buffer.full
    buffer.add(lines(5, 5))
    assert buffer.full


def test_account_in_words() -> None:
    """The account is one line; what an operator chose to leave out is not lost."""
    account = RecordAccount(10, 4, {"sampled": 2, "buffer_full": 1, "own_line": 1}, 2)
    assert str(account) == "received=10, sent=4, buffer_full=1, own_line=1, sampled=2, pending=2"
    assert account.lost == {"buffer_full": 1}
