"""Two replays of the same objects: nothing is lost, and only what is under way is sent twice."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from replay.bucket import Bucket
from replay.errors import TakenError
from replay.folder import QuotedFolder
from replay.stores import Store
from testing.http_server import Reply
from testing.receiver import Receiver
from tests.support.backups import MANY_HOSTS, Gate, hosts_in, run, small_requests
from tests.support.buckets import TestBucket
from tests.support.invoking import SAMPLES_OF_A_POINT

SECONDS = 30
AT_ONCE = 2
POOL = ThreadPoolExecutor(8)
SMALL = small_requests(AT_ONCE)
TAKEN = "another replay is at work on it"


@pytest.mark.slow
@pytest.mark.parametrize("done", ["mark", "move"])
def test_a_second_one_takes_an_object_over(large_backup: str, done: str) -> None:
    """It goes on where the first one was; the first gives the object up, and says so."""
    crossing = Gate(5, AT_ONCE, Reply(), one_round=True)
    with Receiver(crossing) as receiver:
        first = POOL.submit(run, large_backup, receiver.url, "--done", done, **SMALL)
        assert crossing.reached.wait(SECONDS)
        second = run(large_backup, receiver.url, "--done", done, **SMALL)
        crossing.released.set()
        gave_up = first.result(SECONDS)
        bodies = Counter(received.body for received in receiver.requests if received.accepted)
        assert hosts_in(receiver).keys() == set(MANY_HOSTS)
        assert not receiver.violations
        again = run(large_backup, receiver.url, "--done", done, **SMALL)
    assert second.status == 0
    assert second.number("sent") == SAMPLES_OF_A_POINT * len(MANY_HOSTS)
    assert gave_up.status == 1
    assert TAKEN in gave_up.progress
    assert {body for body, times in bodies.items() if times > 1} <= set(crossing.held)
    assert max(bodies.values()) == 2
    assert again.status == 0


@pytest.mark.slow
def test_both_begin_at_once(large_backup: str) -> None:
    """Whichever sends an object, all of them are sent; the next replay finds nothing to do."""
    with Receiver() as receiver:
        both = [POOL.submit(run, large_backup, receiver.url, **SMALL) for _ in range(2)]
        ended = [one.result(SECONDS) for one in both]
        assert hosts_in(receiver).keys() == set(MANY_HOSTS)
        before = len(receiver.requests)
        assert run(large_backup, receiver.url, **SMALL).number("sent before") == 2
        assert len(receiver.requests) == before
    for one in ended:
        assert one.status == (TAKEN in one.progress)


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, bucket: TestBucket, tmp_path: Path) -> Store:
    """Return a store for checkpoints."""
    if request.param == "bucket":
        return Bucket(bucket.client, bucket.name, root="replay/")
    return QuotedFolder(tmp_path / "checkpoints")


def test_only_a_known_version_is_replaced(store: Store) -> None:
    """A checkpoint that another replay has written or changed meanwhile is not overwritten."""
    first = store.write("a", b"1", "")
    with pytest.raises(TakenError):
        store.write("a", b"2", "")
    second = store.write("a", b"2", first)
    with pytest.raises(TakenError):
        store.write("a", b"3", first)
    assert store.read("a") == (b"2", second)
    assert [found.name for found in store.objects()] == ["a"]


def test_one_of_many_writers_wins(store: Store) -> None:
    """Of several that replace the same version exactly one succeeds."""
    before = store.write("a", b"0", "")
    won = []

    def take(data: bytes) -> None:
        try:
            store.write("a", data, before)
        except TakenError:
            return
        won.append(data)

    list(POOL.map(take, [b"%d" % number for number in range(1, 9)]))
    assert won == [store.read("a").data]


class ResponseLost:
    """A client of S3 that loses the response to a write, so that it writes once more."""

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


def test_a_lost_response_of_the_bucket(bucket: TestBucket) -> None:
    """A checkpoint whose response was lost is recognised as this replay's own."""
    store = Bucket(ResponseLost(bucket.client), bucket.name)
    version = store.write("a", b"1", "")
    assert store.write("a", b"2", version) != version
    assert store.read("a").data == b"2"


def test_odd_keys(tmp_path: Path) -> None:
    """A checkpoint of any key stays within the folder of checkpoints, and is found again."""
    store = QuotedFolder(tmp_path / "checkpoints")
    keys = ["../../out", "/etc/x", "a//b", ".hidden", "a/../b", "%2E", "%", "ü \x00\n", "x.json"]
    for key in keys:
        store.write(key, key.encode(), "")
    assert {found.name for found in store.objects()} == set(keys)
    assert [store.read(key).data.decode() for key in keys] == keys
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoints"]


def test_a_checkpoint_that_is_gone(tmp_path: Path) -> None:
    """A checkpoint that was deleted meanwhile cannot be replaced."""
    store = QuotedFolder(tmp_path)
    version = store.write("a", b"1", "")
    (tmp_path / "a").unlink()
    with pytest.raises(TakenError, match="it has changed"):
        store.write("a", b"2", version)
