"""What people see of a replay, and how its parts keep to a rate and outlive a bad object."""

import io
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from converters.convert import Conversion
from handler.settings import read_settings
from replay.batches import Batch
from replay.command import Console, main
from replay.display import Bar, Lines
from replay.errors import StoppedError
from replay.places import open_places
from replay.requests import Pace
from replay.run import Bounds, Replay
from replay.shipping import Manner, Shipper
from replay.stores import Found
from replay.tally import Tally
from testing.receiver import Receiver
from tests.support.backups import environment, failed_object, hosts_in, records_of_hosts, write


class Terminal(io.StringIO):
    """A terminal that keeps what is written to it."""

    def isatty(self) -> bool:
        """Say that it is one."""
        return True


def found(name: str, size: int) -> Found:
    """Make an object."""
    return Found(name, size, datetime(2026, 11, 20, tzinfo=UTC), "1")


def test_bar() -> None:
    """The bar tells how far it is by bytes, and each line of what is left stays above it."""
    terminal, now = Terminal(), iter(range(100))
    bar = Bar(terminal, lambda: float(next(now)))
    objects = [found("one", 300), found("two", 100)]
    bar.begin(objects)
    sent = Tally()
    sent.counts["sent"] = 1234
    bar.batch(objects[0], 0.5, sent)
    bar.object(objects[0], "sent")
    bar.object(objects[1], "left: record 0: broken")
    bar.end()
    drawn = terminal.getvalue().split("\r\x1b[K")
    assert drawn[1].startswith("[------------------------]   0% 0/2 objects, 0 samples")
    assert drawn[2].startswith(
        "[#########---------------]  38% 0/2 objects, 1,234 samples, 5 s left"
    )
    assert drawn[3].startswith("[##################------]  75% 1/2 objects")
    assert drawn[4] == "two: left: record 0: broken\n"
    assert drawn[5] == "[########################] 100% 2/2 objects, 1,234 samples\n"


def test_bar_on_a_terminal_only(tmp_path: Path) -> None:
    """On a terminal there is a bar, elsewhere a line for each object; the account is the same."""
    write(tmp_path / "one", failed_object(records_of_hosts("a")))
    outputs = []
    for progress in (Terminal(), io.StringIO()):
        output = io.StringIO()
        with Receiver() as receiver:
            console = Console(output, progress)
            assert main([str(tmp_path)], environment(receiver.url), console) == 0
        outputs.append(output.getvalue())
        assert ("[####" in progress.getvalue()) == progress.isatty()
        assert ("one: sent\n" in progress.getvalue()) != progress.isatty()
    assert outputs[0] == outputs[1]


def test_pace() -> None:
    """Requests wait until those before them have had their time, and nobody waits twice."""
    now = [100.0]
    waits = []

    class Clockwork(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            """Let the time pass at once."""
            waits.append(timeout)
            now[0] += timeout or 0.0
            return self.is_set()

    stopped = Clockwork()
    pace = Pace(50.0, lambda: now[0], stopped)
    for samples in (100, 25, 0, 50):
        pace.wait(samples)
    now[0] += 10.0
    pace.wait(10)
    assert waits == [0.0, 2.0, 0.5, 0.0, 0.0]
    assert pace.seconds_for(100) == 2.0
    assert Pace(None, lambda: now[0], stopped).seconds_for(100) == 0.0
    stopped.set()
    with pytest.raises(StoppedError):
        pace.wait(1)


class Stumbling(Shipper):
    """A shipper whose converter has a defect that one record meets."""

    def convert(self, batch: Batch) -> Conversion:
        """Fail over that record."""
        if any(b"stumble" in content for _, content in batch):
            raise ZeroDivisionError
        return super().convert(batch)


def test_a_defect_holds_up_one_object(tmp_path: Path) -> None:
    """An error that nobody foresaw leaves its object, with its name as the reason; others go on."""
    for name, host in (("1", "a"), ("2", "stumble"), ("3", "c")):
        write(tmp_path / name, failed_object(records_of_hosts([host])))
    lines: list[str] = []
    with Receiver() as receiver:
        shipper = Stumbling(read_settings(environment(receiver.url)), Manner())
        source, notebook = open_places(str(tmp_path))
        replay = Replay(source, notebook, shipper, Lines(lines.append), Bounds())
        outcome = replay.run(source.objects())
        assert hosts_in(receiver).keys() == {"a", "c"}
    assert outcome.left.keys() == {"2"}
    assert "unforeseen error: ZeroDivisionError in convert, line" in outcome.left["2"]
    assert not outcome.complete
    assert lines[2].startswith("2: left")
