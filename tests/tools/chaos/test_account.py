"""The account of a chaos run on cases small enough to be counted by hand."""

import pytest

from tools.chaos.account import TwiceError, settle
from tools.chaos.expectation import Labels, Sample
from tools.chaos.records import Planned
from tools.chaos.said import read_logs, text_of

A: Labels = (("__name__", "a"), ("host", "1"))
B: Labels = (("__name__", "b"),)


def planned(*samples: Sample, content: bytes = b"record") -> Planned:
    """Make a record that has to become these samples, each of which the listener may refuse."""
    return Planned(content, 1, samples, poison=samples)


def test_stored() -> None:
    """A sample with its labels, time and value in the server is stored."""
    account = settle([planned((A, 1, 2.0))], {A: [(1, 2.0)]}, set(), [])
    assert account.places == {("stored",): 1}
    assert account.sound


def test_lost() -> None:
    """A sample that is in none of the three is lost, and named."""
    account = settle([planned((A, 1, 2.0), (B, 1, 3.0))], {A: [(1, 2.0)]}, set(), [])
    assert account.lost == 1
    assert not account.sound
    assert account.examples == [f"lost: {text_of(B, 1)}: 3.0"]


@pytest.mark.parametrize("stored", [{A: [(1, 2.5)]}, {A: [(2, 2.0)]}, {B: [(1, 2.0)]}])
def test_something_else_is_stored(stored: dict[Labels, list[tuple[int, float]]]) -> None:
    """Another value, time or label is no substitute: one sample lost, one unexpected."""
    account = settle([planned((A, 1, 2.0))], stored, set(), [])
    assert (account.lost, account.unexpected) == (1, 1)


def test_rejected() -> None:
    """A sample that the function named, and that is not stored, is rejected."""
    account = settle([planned((A, 1, 2.0))], {}, {text_of(A, 1)}, [])
    assert account.places == {("rejected",): 1}
    assert account.sound


def test_rejected_although_nobody_refused_it() -> None:
    """A sample that the listener never refuses is lost, whatever the function said of it."""
    good = Planned(b"record", 1, ((A, 1, 2.0),))
    account = settle([good], {}, {text_of(A, 1)}, [])
    assert account.lost == 1
    assert not account.sound


def test_rejected_but_stored() -> None:
    """What is stored does not count as rejected, whatever the function said."""
    account = settle([planned((A, 1, 2.0))], {A: [(1, 2.0)]}, {text_of(A, 1)}, [])
    assert account.places == {("stored",): 1}
    assert account.rejected_and_stored == 1


def test_rejected_but_stored_otherwise() -> None:
    """A rejected sample whose place holds another value is an unexpected sample too."""
    account = settle([planned((A, 1, 2.0))], {A: [(1, 9.0)]}, {text_of(A, 1)}, [])
    assert account.unexpected == 1
    assert not account.sound


def test_backup() -> None:
    """All samples of a record in the backup are there, those that are stored too."""
    one = planned((A, 1, 2.0), (B, 1, 3.0))
    account = settle([one], {A: [(1, 2.0)]}, {text_of(B, 1)}, [b"record", b"record"])
    assert account.places == {("stored", "backup"): 1, ("rejected", "backup"): 1}
    assert account.sound


def test_stranger_in_the_backup() -> None:
    """A record in the backup that nobody put in saves nothing, and is told."""
    account = settle([planned((A, 1, 2.0))], {}, set(), [b"recorD"])
    assert (account.lost, account.strangers) == (1, 1)


def test_planned_twice() -> None:
    """Two records may not become the same sample: one could stand for the other."""
    with pytest.raises(TwiceError, match="at 1 ms"):
        settle([planned((A, 1, 2.0)), planned((A, 1, 2.0))], {}, set(), [])


def test_log(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Only samples that are named one by one count; lines that were cut off are counted."""
    path = tmp_path_factory.mktemp("log") / "emulator.log"
    message = '"message":"the listener rejected samples for good"'
    path.write_text(
        "START RequestId: 1\n"
        '{"message":"delivery"}\n'
        f'{{{message},"samples":1,"example":"{{a=\\"1\\"}} at 5 ms"}}\n'
        f'{{{message},"samples":7,"example":"{{a=\\"2\\"}} at 5 ms"}}\n'
        f"{{{message},\n"
    )
    said = read_logs([path])
    assert said.alone == {text_of((("a", "1"),), 5)}
    assert (said.unnamed, said.deliveries, said.unreadable) == (7, 1, 1)
