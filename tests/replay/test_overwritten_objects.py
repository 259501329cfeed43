"""Objects that somebody overwrites while they are being replayed."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from testing.http_server import Reply
from testing.receiver import Received, Receiver
from tests.support.backups import failed_object, hosts_in, records_of_hosts, run, write
from tests.support.buckets import TestBucket
from tests.support.invoking import SAMPLES_OF_A_POINT

# Objects of the same size, so that only the time or the content tells them apart.
A, B, NEW = (failed_object([record]) for record in records_of_hosts("abn"))


class Backup(NamedTuple):
    """A folder or a bucket with the objects `failed/1` and `failed/2`, of the hosts a and b."""

    where: str
    put: Callable[[str, bytes], object]
    get: Callable[[str], bytes]


@pytest.fixture(params=["folder", "bucket"])
def backup(request: pytest.FixtureRequest, bucket: TestBucket, tmp_path: Path) -> Backup:
    """Make a backup of either kind."""
    if request.param == "bucket":
        made = Backup(bucket.where("failed/"), bucket.put, bucket.get)
    else:
        made = Backup(
            str(tmp_path),
            lambda name, content: write(tmp_path / name, content),
            lambda name: (tmp_path / name).read_bytes(),
        )
    made.put("failed/1", A)
    made.put("failed/2", B)
    return made


@pytest.mark.parametrize(
    ("overwritten", "arrived", "samples"),
    [
        pytest.param("failed/1", "ab", 2, id="while it is being sent"),
        pytest.param("failed/2", "a", 1, id="before it is read"),
    ],
)
def test_an_overwritten_object_stays_and_the_next_replay_sends_it(
    backup: Backup, overwritten: str, arrived: str, samples: int
) -> None:
    """It does not count as sent, its reason says so, and nothing of the new one is lost."""

    def overwrite(_received: Received) -> Reply:
        if backup.get(overwritten) != NEW:
            backup.put(overwritten, NEW)
        return Reply()

    with Receiver(overwrite) as receiver:
        first = run(backup.where, receiver.url, "--done", "move")
        assert hosts_in(receiver) == dict.fromkeys(arrived, SAMPLES_OF_A_POINT)
    assert first.status == 1
    assert first.number("left") == 1
    assert first.number("sent") == samples * SAMPLES_OF_A_POINT
    assert "overwritten" in first.output
    assert "the next replay sends it" in first.output
    assert f"{overwritten}: sent" not in first.progress
    assert backup.get(overwritten) == NEW
    with Receiver() as receiver:
        again = run(backup.where, receiver.url, "--done", "move")
        assert hosts_in(receiver) == {"n": SAMPLES_OF_A_POINT}
    assert (again.status, again.number("found")) == (0, 1)
    assert backup.get(f"replayed/{overwritten}") == NEW
