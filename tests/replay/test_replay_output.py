"""What the command shows of a replay, and that one bad object does not end it."""

import io
import os
from pathlib import Path

import pytest

from converters.convert import Conversion
from handler.settings import read_settings
from replay.command import main
from replay.content import Batch
from replay.locations import open_location
from replay.options import Options
from replay.run import Replay
from replay.sending import BatchSender
from testing.http_server import Reply
from testing.receiver import Receiver
from testing.replies import always
from tests.support.backups import (
    environment,
    failed_object,
    hosts_in,
    records_of_hosts,
    run,
    write,
)
from tests.support.invoking import SAMPLES_OF_A_POINT

ESCAPE = "\x1b[2J"


class Terminal(io.TextIOWrapper):
    """A terminal that can show UTF-8 and nothing else."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", errors="strict", write_through=True)

    def isatty(self) -> bool:
        """Say that it is one."""
        return True

    def text(self) -> str:
        """Return what was written to it."""
        self.seek(0)
        return self.read()


def test_bar_on_a_terminal_only(tmp_path: Path) -> None:
    """On a terminal there is a bar, elsewhere a line for each object; the result is the same."""
    write(tmp_path / "one", failed_object(records_of_hosts("a")))
    terminal, file = Terminal(), io.StringIO()
    outputs = []
    for progress in (terminal, file):
        output = io.StringIO()
        with Receiver() as receiver:
            assert main([str(tmp_path)], environment(receiver.url), output, progress) == 0
        outputs.append(output.getvalue())
    assert "100%" in terminal.text()
    assert "1/1" in terminal.text()
    assert file.getvalue().endswith("one: sent\n")
    assert outputs[0] == outputs[1]


def test_names_that_would_control_a_terminal(tmp_path: Path) -> None:
    """The name of an object is shown with its control characters and broken bytes written out."""
    for name in (f"{ESCAPE}a\n".encode(), b"\xff\xfe"):
        path = os.path.join(os.fsencode(tmp_path), name)  # noqa: PTH118 - the name is bytes
        with open(path, "wb") as file:  # noqa: PTH123 - likewise
            file.write(b'{"attemptsMade":1,"rawData":"')
    output, progress = Terminal(), Terminal()
    with Receiver() as receiver:
        assert main([str(tmp_path)], environment(receiver.url), output, progress) == 1
    for shown in (output.text(), progress.text()):
        assert "\\x1b[2Ja\\n: " in shown
        assert "\\udcff\\udcfe: " in shown
        assert ESCAPE not in shown


def test_messages_that_would_control_a_terminal(tmp_path: Path) -> None:
    """So are the messages of a listener."""
    write(tmp_path / "one", failed_object(records_of_hosts("a")))
    with Receiver(always(Reply(status=401, body=f"no{ESCAPE}".encode()))) as receiver:
        ran = run(tmp_path, receiver.url)
    assert "no\\x1b[2J" in ran.output
    assert ESCAPE not in ran.output + ran.progress


class Stumbling(BatchSender):
    """A sender whose converter has a defect that one record meets."""

    def convert(self, batch: Batch) -> Conversion:
        """Fail over that record."""
        if any(b"stumble" in content for _, content in batch.records):
            raise ZeroDivisionError
        return super().convert(batch)


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_defect_leaves_one_object(tmp_path: Path, *, dry_run: bool) -> None:
    """An unexpected error leaves its object, with its name as the reason; others are sent."""
    for name, host in (("1", "a"), ("2", "stumble"), ("3", "c")):
        write(tmp_path / name, failed_object(records_of_hosts([host])))
    lines: list[str] = []
    options = Options(dry_run=dry_run)
    with Receiver() as receiver:
        sender = Stumbling(read_settings(environment(receiver.url)), options)
        stores = open_location(str(tmp_path))
        replay = Replay(stores, sender, options, lambda *shown: lines.append(": ".join(shown)))
        result = replay.run()
        assert hosts_in(receiver).keys() == (set() if dry_run else {"a", "c"})
    assert result.left.keys() == {"2"}
    assert "unexpected error: ZeroDivisionError in convert, line" in result.left["2"]
    assert not result.complete
    assert result.tally.counts["samples"] == 2 * SAMPLES_OF_A_POINT
    assert result.tally.counts["unreadable"] == 1
    assert lines[1] == f"1: {'to be sent' if dry_run else 'sent'}"
    assert lines[2].startswith("2: left")


def test_a_dry_run_needs_no_listener(tmp_path: Path) -> None:
    """A dry run, which sends nothing, shows what there is without a listener."""
    write(tmp_path / "one", failed_object(records_of_hosts("a")))
    assert main([str(tmp_path), "--dry-run"], {}, io.StringIO(), io.StringIO()) == 0
    assert main([str(tmp_path)], {}, io.StringIO(), io.StringIO()) == 2
