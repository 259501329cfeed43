"""The audit of a chaos run on cases small enough to be counted by hand."""

from pathlib import Path

import pytest

from testing.rules import Labels
from tools.chaos.audit import TwiceError, audit
from tools.chaos.expectation import Sample
from tools.chaos.kept import read_logs, text_of
from tools.chaos.records import Planned

A: Labels = (("__name__", "a"), ("host", "1"))
B: Labels = (("__name__", "b"),)
ONE: Sample = (A, 1, 2.0)
OTHER: Sample = (B, 1, 3.0)


def planned(*samples: Sample) -> Planned:
    """Return a record of a data point, each sample of which the listener may refuse."""
    return Planned(b"record", (samples,), poison=samples)


@pytest.mark.parametrize(
    ("stored", "rejected", "backup", "places", "problems"),
    [
        ({A: [(1, 2.0)]}, False, [], ("stored",), (0, 0)),
        ({}, True, [], ("rejected",), (0, 0)),
        ({}, False, [b"record"], ("backup",), (0, 0)),
        ({A: [(1, 2.0)]}, False, [b"record", b"record"], ("stored", "backup"), (0, 0)),
        ({}, True, [b"record"], ("rejected", "backup"), (0, 0)),
        # What is stored does not count as rejected.
        ({A: [(1, 2.0)]}, True, [], ("stored",), (0, 0)),
        # Another value, time, label or record is no substitute.
        ({A: [(1, 2.5)]}, False, [], (), (1, 0)),
        ({A: [(2, 2.0)]}, False, [], (), (1, 0)),
        ({B: [(1, 2.0)]}, False, [], (), (1, 0)),
        ({}, False, [b"recorD"], (), (0, 1)),
        ({A: [(1, 9.0)]}, True, [], ("rejected",), (1, 0)),
    ],
)
def test_where_a_sample_is(
    stored: dict[Labels, list[tuple[int, float]]],
    *,
    rejected: bool,
    backup: list[bytes],
    places: tuple[str, ...],
    problems: tuple[int, int],
) -> None:
    """A sample is in the server, named by the function and not stored, in the backup, or lost."""
    result = audit([planned(ONE)], stored, {text_of(A, 1)} if rejected else set(), backup)
    assert result.places == {places: 1}
    assert (result.unexpected, result.strangers) == problems
    assert result.rejected_and_stored == (rejected and places == ("stored",))
    assert result.lost == (places == ())
    assert result.sound == (places != () and problems == (0, 0))


def test_a_lost_sample_is_named() -> None:
    """The audit names what is lost."""
    result = audit([planned(ONE, OTHER)], {A: [(1, 2.0)]}, set(), [])
    assert result.lost == 1
    assert result.examples == [f"lost: {text_of(B, 1)}: 3.0"]


def test_rejected_although_the_listener_accepts_it() -> None:
    """A sample that the listener never refuses is lost, whatever the function says about it."""
    result = audit([Planned(b"record", ((ONE,),))], {}, {text_of(A, 1)}, [])
    assert result.lost == 1


def test_rejected_with_its_data_point() -> None:
    """The sample that the log names stands for all of its data point, and for no other point."""
    for points, lost in ((((ONE, OTHER),), 0), (((ONE,), (OTHER,)), 1)):
        record = Planned(b"record", points, poison=(OTHER,) if lost == 0 else (ONE, OTHER))
        result = audit([record], {}, {text_of(A, 1)}, [])
        assert result.places == {("rejected",): 2 - lost} | ({(): 1} if lost else {})


@pytest.mark.parametrize("backup", [[], [b"record"]])
def test_refused_by_the_server(backup: list[bytes]) -> None:
    """What the server itself has refused is not lost; another value of it is."""
    for refused, places in ((ONE, ("refused",)), ((A, 1, 9.0), ())):
        result = audit([planned(ONE)], {}, set(), backup, frozenset({refused}))
        assert result.places == {(*places, *(["backup"] if backup else [])): 1}
        assert result.lost == (not places and not backup)


def test_planned_twice() -> None:
    """Two records may not become the same sample: one could hide the loss of the other."""
    with pytest.raises(TwiceError, match="at 1 ms"):
        audit([planned(ONE), planned(ONE)], {}, set(), [])


def test_log(tmp_path: Path) -> None:
    """All named samples and all counts are read, and no line that was cut off."""
    path = tmp_path / "0" / "emulator.log"
    path.parent.mkdir()
    message = '"message":"the listener rejected samples for good"'
    path.write_text(
        "START RequestId: 1\n"
        '{"message":"delivery"}\n'
        f'{{{message},"samples":4,"settled_unknown":0,"example":"{{a=\\"1\\"}} at 5 ms"}}\n'
        f'{{{message},"samples":0,"settled_unknown":7,"example":""}}\n'
        f"{{{message},\n"
    )
    rejections = read_logs(tmp_path)
    assert rejections.named == {text_of((("a", "1"),), 5), ""}
    assert (rejections.rejected, rejections.settled_unknown) == (4, 7)
