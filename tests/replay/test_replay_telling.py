"""What is told of objects whose names or content nobody expects."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

from handler.settings import read_settings
from replay.command import Console, main
from replay.display import Lines
from replay.places import open_places
from replay.run import Bounds
from replay.shipping import Manner, Shipper
from replay.survey import Surveyor
from testing.answers import always
from testing.exchange import Answer
from testing.receiver import Receiver
from tests.support.backups import environment, failed_object, records_of_hosts, run, write
from tests.support.invoking import SAMPLES_OF_A_POINT

if TYPE_CHECKING:
    from pathlib import Path

    from converters.convert import Conversion
    from replay.batches import Batch

ESCAPE = "\x1b[2J"


class Utf8Terminal(io.TextIOWrapper):
    """A terminal that can show UTF-8 and nothing else."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", errors="strict", write_through=True)

    def isatty(self) -> bool:
        """Say that it is one."""
        return True

    def text(self) -> str:
        """Give what was written to it."""
        self.seek(0)
        return self.read()


def test_names_that_a_terminal_would_obey(tmp_path: Path) -> None:
    """The name of an object is shown with its control characters and broken bytes written out."""
    for name in (f"{ESCAPE}a\n".encode(), b"\xff\xfe"):
        path = os.path.join(os.fsencode(tmp_path), name)  # noqa: PTH118 - the name is bytes
        with open(path, "wb") as file:  # noqa: PTH123 - likewise
            file.write(b'{"attemptsMade":1,"rawData":"')
    output, progress = Utf8Terminal(), Utf8Terminal()
    with Receiver() as receiver:
        console = Console(output, progress)
        assert main([str(tmp_path)], environment(receiver.url), console) == 1
    for told in (output.text(), progress.text()):
        assert "\\x1b[2Ja\\n: " in told
        assert "\\udcff\\udcfe: " in told
        assert ESCAPE not in told


def test_words_that_a_terminal_would_obey(tmp_path: Path) -> None:
    """So are the words of a listener."""
    write(tmp_path / "one", failed_object(records_of_hosts("a")))
    with Receiver(always(Answer(status=401, body=f"no{ESCAPE}".encode()))) as receiver:
        ran = run(tmp_path, receiver.url)
    assert "no\\x1b[2J" in ran.output
    assert ESCAPE not in ran.output + ran.progress


class Stumbling(Shipper):
    """A shipper whose converter has a defect that one record meets."""

    def convert(self, batch: Batch) -> Conversion:
        """Fail over that record."""
        if any(b"stumble" in content for _, content in batch):
            raise ZeroDivisionError
        return super().convert(batch)


def test_a_defect_does_not_end_a_dry_run(tmp_path: Path) -> None:
    """An error that nobody foresaw is told with its object; the others are counted."""
    for name, host in (("1", "a"), ("2", "stumble"), ("3", "c")):
        write(tmp_path / name, failed_object(records_of_hosts([host])))
    shipper = Stumbling(read_settings(environment("https://listener.example")), Manner())
    source, notebook = open_places(str(tmp_path))
    surveyor = Surveyor(source, notebook, shipper, Lines(lambda _line: None))
    survey = surveyor.look(source.objects(), Bounds())
    assert survey.left.keys() == {"2"}
    assert "unforeseen error: ZeroDivisionError in convert, line" in survey.left["2"]
    assert survey.tally.counts["samples"] == 2 * SAMPLES_OF_A_POINT
    assert survey.tally.counts["unreadable"] == 1


def test_a_dry_run_needs_no_listener(tmp_path: Path) -> None:
    """A dry run, which sends nothing, tells what there is before anybody says where to."""
    write(tmp_path / "one", failed_object(records_of_hosts("a")))
    console = Console(io.StringIO(), io.StringIO())
    assert main([str(tmp_path), "--dry-run"], {}, console) == 0
    assert main([str(tmp_path)], {}, console) == 2
