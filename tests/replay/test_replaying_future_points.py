"""Points ahead of the time at which CloudWatch delivered them, in a replay at a later time."""

from pathlib import Path

import pytest

from handler.clock import Clock
from handler.settings import read_settings
from replay.locations import open_location
from replay.options import MOVE, Options
from replay.report import ReplayResult
from replay.run import Replay
from replay.sending import BatchSender
from testing.events.fleet import END_MS
from testing.receiver import Receiver
from tests.support.backups import environment, failed_object, hosts_in, write
from tests.support.invoking import SAMPLES_OF_A_POINT, point, record_of

MINUTE = 60
MOVING = Options(done=MOVE)


def replay_at(folder: Path, receiver: Receiver, minutes: float) -> ReplayResult:
    """Replay a folder some minutes after the newest usual point."""
    clock = Clock(wall=lambda: END_MS / 1000 + minutes * MINUTE)
    sender = BatchSender(read_settings(environment(receiver.url)), MOVING, clock)
    stores = open_location(str(folder))
    return Replay(stores, sender, MOVING, lambda *_shown: None).run()


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    """Make an object of two usual points and one that is 100 minutes ahead of them."""
    points = [point("a"), point("b"), point("c", periods_ago=-100)]
    write(tmp_path / "1", failed_object([record_of(points)]))
    return tmp_path


def test_what_is_no_longer_in_the_future_is_sent(backup: Path) -> None:
    """A replay two hours later sends a point that was 100 minutes ahead."""
    with Receiver() as receiver:
        result = replay_at(backup, receiver, 120)
        assert hosts_in(receiver) == dict.fromkeys("abc", SAMPLES_OF_A_POINT)
    assert result.complete


def test_what_is_still_in_the_future_is_left_for_a_later_replay(backup: Path) -> None:
    """The others are sent, once; the object stays, and says why."""
    with Receiver() as receiver:
        first = replay_at(backup, receiver, 5)
        assert hosts_in(receiver) == dict.fromkeys("ab", SAMPLES_OF_A_POINT)
        assert first.tally.dropped == {"in_the_future": SAMPLES_OF_A_POINT}
        (reason,) = first.left.values()
        assert "1 data points of shop_requests are in the future: replay again" in reason
        assert (backup / "1").exists()
        # Ten minutes ahead is not too far.
        second = replay_at(backup, receiver, 90)
        assert hosts_in(receiver) == dict.fromkeys("abc", SAMPLES_OF_A_POINT)
    assert second.complete
    assert not (backup / "1").exists()


def test_an_interrupted_replay_sends_nothing_twice_whenever_it_goes_on(tmp_path: Path) -> None:
    """Late, recent and future samples are divided by the points themselves, not by the clock."""
    ago = (0, 0, 0, 1, 2, 59, 61, 120, 26 * 60, -1, -9, -100)
    points = [point(f"h{number}", periods_ago=n) for number, n in enumerate(ago)]
    several = [point("s", periods_ago=n) for n in (-100, -1, 0, 1, 70)]
    write(tmp_path / "1", failed_object([record_of([*points, *several])]))
    with Receiver() as receiver:
        results = [replay_at(tmp_path, receiver, minutes) for minutes in (1, 30, 70, 95, 200)]
        bodies = [received.body for received in receiver.requests]
        assert len(hosts_in(receiver)) == len(ago) + 1
    assert [result.complete for result in results] == [False] * 3 + [True] * 2
    assert len(set(bodies)) == len(bodies)
