"""Two replays at work on the same objects: nothing is lost, nothing sent twice but in flight."""

from __future__ import annotations

import json
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from replay.bucket import BucketNotes
from replay.errors import StoreError, TakenError
from replay.folder import FolderNotes
from testing.exchange import Answer, Received
from testing.receiver import Receiver
from tests.support.backups import Ran, failed_object, hosts_in, records_of_hosts, run, write
from tests.support.invoking import SAMPLES_OF_A_POINT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from replay.stores import Notebook
    from tests.support.buckets import TestBucket

SECONDS = 30
AT_ONCE = 2
# Small requests make many of a batch.
SMALL = {"REMOTE_WRITE_MAX_BYTES": "10000", "REMOTE_WRITE_CONCURRENCY": str(AT_ONCE)}
HOSTS = [f"h{number:02d}" + "x" * 2_000 for number in range(40)]
TAKEN = "another replay is at work on it"


class Crossing:
    """
    Holds the requests of the first replay after some answers, until it is let go on.

    Attributes:
        reached: Set once as many requests wait as are under way at once.
        go_on: Set by the test.
        held: The bodies that had to wait; they are accepted after that.
    """

    def __init__(self, answered: int) -> None:
        self._left = answered
        self._lock = threading.Lock()
        self.reached = threading.Event()
        self.go_on = threading.Event()
        self.held: list[bytes] = []

    def __call__(self, received: Received) -> Answer:
        """Answer a request, now or later."""
        with self._lock:
            self._left -= 1
            hold = self._left < 0 and len(self.held) < AT_ONCE
            if hold:
                self.held.append(received.body)
            if len(self.held) == AT_ONCE:
                self.reached.set()
        if hold:
            assert self.go_on.wait(SECONDS)
        return Answer()


class InTheBackground:
    """The command, run by a thread of this process."""

    def __init__(self, *arguments: Any, **changed: str) -> None:
        self._ran: list[Ran] = []
        self._thread = threading.Thread(
            target=lambda: self._ran.append(run(*arguments, **changed)), daemon=True
        )
        self._thread.start()

    def ended(self) -> Ran:
        """Wait for its end; give what it came to."""
        self._thread.join(SECONDS)
        (ran,) = self._ran
        return ran


@pytest.fixture(params=["folder", "bucket"])
def where(request: pytest.FixtureRequest, bucket: TestBucket, tmp_path: Path) -> str:
    """Give a backup of two objects, in a folder or a bucket."""
    records = records_of_hosts(HOSTS)
    for name, content in (("1", records[:20]), ("2", records[20:])):
        if request.param == "bucket":
            bucket.put(f"failed/{name}", failed_object(content))
        else:
            write(tmp_path / "failed" / name, failed_object(content))
    return bucket.where("failed/") if request.param == "bucket" else str(tmp_path / "failed")


@pytest.mark.parametrize("done", ["mark", "move"])
def test_a_second_one_takes_an_object_over(where: str, done: str) -> None:
    """It goes on where the first had come to; the first lets go of the object, and says so."""
    crossing = Crossing(5)
    with Receiver(crossing) as receiver:
        first = InTheBackground(where, receiver.url, "--done", done, **SMALL)
        assert crossing.reached.wait(SECONDS)
        second = run(where, receiver.url, "--done", done, **SMALL)
        crossing.go_on.set()
        let_go = first.ended()
        bodies = Counter(received.body for received in receiver.requests if received.accepted)
        assert hosts_in(receiver).keys() == set(HOSTS)
        assert not receiver.violations
        again = run(where, receiver.url, "--done", done, **SMALL)
    assert second.status == 0
    assert second.number("sent") == SAMPLES_OF_A_POINT * len(HOSTS)
    assert let_go.status == 1
    assert TAKEN in let_go.progress
    assert {body for body, times in bodies.items() if times > 1} <= set(crossing.held)
    assert max(bodies.values()) == 2
    assert again.status == 0


def test_both_begin_at_once(where: str) -> None:
    """Whoever sends an object, all of them are sent; the next replay finds nothing to do."""
    with Receiver() as receiver:
        both = [InTheBackground(where, receiver.url, **SMALL) for _ in range(2)]
        ended = [one.ended() for one in both]
        assert hosts_in(receiver).keys() == set(HOSTS)
        before = len(receiver.requests)
        assert run(where, receiver.url, **SMALL).number("sent before") == 2
        assert len(receiver.requests) == before
    for one in ended:
        assert one.status == (TAKEN in one.progress)


@pytest.fixture(params=["folder", "bucket"])
def notebook(request: pytest.FixtureRequest, bucket: TestBucket, tmp_path: Path) -> Notebook:
    """Give a place for notes."""
    if request.param == "bucket":
        return BucketNotes(bucket.client, bucket.name)
    return FolderNotes(tmp_path / "notes")


def test_a_note_is_written_in_place_of_one_that_is_known(notebook: Notebook) -> None:
    """A note that another has written or changed meanwhile is not written over."""
    first = notebook.write("a", "1", "")
    with pytest.raises(TakenError):
        notebook.write("a", "2", "")
    second = notebook.write("a", "2", first)
    with pytest.raises(TakenError):
        notebook.write("a", "3", first)
    assert notebook.read("a").text == "2"
    assert notebook.read("a").version == second
    assert notebook.names() == {"a"}


def test_one_of_many_writers_wins(notebook: Notebook) -> None:
    """Of several that write in place of the same note exactly one does."""
    before = notebook.write("a", "0", "")
    won = []

    def take(number: int) -> None:
        try:
            notebook.write("a", str(number), before)
        except TakenError:
            return
        won.append(number)

    threads = [threading.Thread(target=take, args=(number,)) for number in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    assert [str(number) for number in won] == [notebook.read("a").text]


class AnswerLost:
    """A client of S3 the answers of which to a write are lost, so that it asks once more."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def put_object(self, **fields: Any) -> Any:
        """Write twice; the second time the condition does not hold any more."""
        self._client.put_object(**fields)
        return self._client.put_object(**fields)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Do everything else as S3 does."""
        operation: Callable[..., Any] = getattr(self._client, name)
        return operation


def test_a_lost_answer_of_the_bucket(bucket: TestBucket) -> None:
    """A note that is written although its answer was lost is known as this replay's own."""
    notes = BucketNotes(AnswerLost(bucket.client), bucket.name)
    version = notes.write("a", "1", "")
    assert notes.write("a", "2", version) != version
    assert notes.read("a").text == "2"


def test_odd_keys(tmp_path: Path) -> None:
    """A note about whatever key stays within the notes' folder, and is found again."""
    notes = FolderNotes(tmp_path / "notes")
    keys = ["../../out", "/etc/x", "a//b", ".hidden", "a/../b", "%2E", "%", "ü \x00\n", "x.json"]
    for key in keys:
        notes.write(key, json.dumps(key), "")
    assert notes.names() == set(keys)
    assert [json.loads(notes.read(key).text) for key in keys] == keys
    assert [path.name for path in tmp_path.iterdir()] == ["notes"]


def test_a_note_that_is_gone(tmp_path: Path) -> None:
    """A note that was deleted meanwhile cannot be written in place of."""
    notes = FolderNotes(tmp_path)
    version = notes.write("a", "1", "")
    (tmp_path / "a.json").unlink()
    with pytest.raises(StoreError, match="it has changed"):
        notes.write("a", "2", version)
