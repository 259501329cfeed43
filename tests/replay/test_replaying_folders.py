"""The command with folders: what is sent, what is left and why, and what is recorded."""

import json
from pathlib import Path

import pytest

from testing.http_server import Reply
from testing.misbehaving import nobody
from testing.receiver import Receiver
from testing.replies import always, refusing, sequence
from tests.support.backups import (
    FAILED,
    TOKEN,
    failed_line,
    failed_object,
    hosts_in,
    records_of_hosts,
    run,
    write,
)
from tests.support.invoking import SAMPLES_OF_A_POINT


def checkpoint(root: Path, name: str) -> dict[str, object]:
    """Read the checkpoint of an object."""
    found: dict[str, object] = json.loads(
        (root / ".replay" / f"{name}.json").read_text(encoding="utf-8")
    )
    return found


def test_everything_arrives_once(backup: Path) -> None:
    """All samples of all forms arrive, once; a second replay has nothing to send."""
    with Receiver() as receiver:
        first, second = run(backup, receiver.url), run(backup, receiver.url)
        assert hosts_in(receiver) == dict.fromkeys("abcdef", SAMPLES_OF_A_POINT)
        assert not receiver.violations
    assert (first.status, second.status) == (0, 0)
    assert [first.number(n) for n in ("found", "sent before", "records", "points")] == [4, 0, 6, 6]
    assert first.number("samples") == 6 * SAMPLES_OF_A_POINT
    assert (second.number("sent before"), second.number("requests")) == (4, 0)
    assert checkpoint(backup, f"{FAILED}/1-one.gz")["status"] == "sent"


def test_dry_run(backup: Path) -> None:
    """A dry run shows what there is, by namespace and time, sends nothing and writes nothing."""
    before = sorted(backup.rglob("*"))
    with Receiver() as receiver:
        ran = run(backup, receiver.url, "--dry-run")
        assert not receiver.requests
    assert ran.status == 0
    assert sorted(backup.rglob("*")) == before
    assert [ran.number(name) for name in ("to send", "records", "points", "shop")] == [4, 6, 6, 24]
    times = [line.split()[1] for line in ran.output.splitlines() if line.startswith(("old", "new"))]
    assert len(times) == 2
    assert times[0] <= times[1]


def test_dry_run_knows_what_is_sent(backup: Path) -> None:
    """After a part has been sent, a dry run shows the rest alone, and needs no token."""
    with Receiver() as receiver:
        assert run(backup, receiver.url, "--limit", "3").status == 1
        rest = run(backup, receiver.url, "--dry-run", LOGZIO_METRICS_TOKEN="")
    assert (rest.number("to send"), rest.number("sent before")) == (1, 3)


def test_moving(backup: Path) -> None:
    """What is sent is moved to replayed/ under its name; an object marked before is moved too."""
    names = sorted(p.relative_to(backup) for p in backup.rglob("*") if p.is_file())
    with Receiver() as receiver:
        run(backup, receiver.url, "--limit", "1")
        assert run(backup, receiver.url, "--done", "move").status == 0
        assert hosts_in(receiver) == dict.fromkeys("abcdef", SAMPLES_OF_A_POINT)
        assert run(backup, receiver.url).number("found") == 0
    moved = backup / "replayed"
    assert sorted(p.relative_to(moved) for p in moved.rglob("*") if p.is_file()) == names


def test_what_cannot_be_read_is_left_with_a_reason(backup: Path) -> None:
    """Of a broken object the sound records are sent, once; it stays, with a recorded reason."""
    path = backup / FAILED / "4-four"
    path.write_bytes(path.read_bytes() + b'\n{"attemptsMade":1,"rawDa')
    record = failed_line(b"\x05\x0a\x7fab", "no")
    write(backup / FAILED / "5-five", (record + "\n" + record).encode())
    with Receiver() as receiver:
        first = run(backup, receiver.url, "--done", "move")
        again = run(backup, receiver.url, "--done", "move")
        assert hosts_in(receiver) == dict.fromkeys("abcdef", SAMPLES_OF_A_POINT)
    assert (first.status, again.status) == (1, 1)
    assert "4-four: record 1: at byte" in first.output
    assert "no rawData" in first.output
    assert path.exists()
    left = checkpoint(backup, f"{FAILED}/4-four")
    assert left["status"] == "left"
    assert "no rawData" in str(left["reasons"])
    # 5 bytes are promised, and there are 4.
    assert "5-five: record 0" in first.output
    assert checkpoint(backup, f"{FAILED}/5-five")["status"] == "left"
    assert again.number("left") == 2


def test_rejected_samples_are_counted_by_reason(backup: Path) -> None:
    """What the listener refuses for good is counted by its reason, and is not left."""
    too_old = refusing(lambda labels, _: labels["host"] == "c", words="out of bounds")
    duplicate = refusing(lambda labels, _: labels["host"] == "f", words="duplicate sample for x")
    with Receiver(lambda r: a if (a := too_old(r)).status == 400 else duplicate(r)) as receiver:
        ran = run(backup, receiver.url)
        assert hosts_in(receiver).keys() == set("abde")
    assert ran.status == 0
    assert ran.number("rejected") == 2 * SAMPLES_OF_A_POINT
    assert ran.number("too_old") == ran.number("superseded") == SAMPLES_OF_A_POINT
    assert 'host="c"' in ran.output
    assert ran.number("samples") == ran.number("rejected") + 4 * SAMPLES_OF_A_POINT


@pytest.mark.slow
def test_a_listener_that_is_down(backup: Path) -> None:
    """Nothing is lost while the listener is down: the replay ends, and a later one sends all."""
    with nobody() as url:
        ran = run(backup, url, "--patience", "4")
    assert ran.status == 1
    assert ran.number("undelivered") > 0
    assert "stopped" in ran.output
    assert "not available" in ran.output
    with Receiver() as receiver:
        assert run(backup, receiver.url).status == 0
        assert hosts_in(receiver) == dict.fromkeys("abcdef", SAMPLES_OF_A_POINT)


def test_a_listener_that_fails_now_and_then(backup: Path) -> None:
    """What fails for a moment is retried; every sample arrives, once."""
    replies = [Reply(status=503), Reply(), Reply(status=429), Reply(reset="before_answer")]
    with Receiver(sequence([*replies, Reply()])) as receiver:
        ran = run(backup, receiver.url)
        assert hosts_in(receiver) == dict.fromkeys("abcdef", SAMPLES_OF_A_POINT)
    assert ran.status == 0
    # What a kept connection loses is sent again at once, within the same attempt.
    assert ran.number("retries") >= 2


@pytest.mark.parametrize("status", [401, 404])
def test_a_replay_ends_where_every_object_would_fail(backup: Path, status: int) -> None:
    """A refused token or a wrong URL ends the replay after one object, and its token is hidden."""
    text = f"no such place for {TOKEN}".encode()
    with Receiver(always(Reply(status=status, body=text))) as receiver:
        ran = run(backup, receiver.url)
        assert len(receiver.requests) == 1
    assert ran.status == 1
    assert "no such place for" in ran.output
    shown = ran.output + ran.progress
    shown += "".join(p.read_text() for p in (backup / ".replay").rglob("*.json"))
    assert TOKEN not in shown
    assert TOKEN[:8] not in shown


def test_another_listener_gets_everything(backup: Path) -> None:
    """What one listener has another one does not have: a checkpoint is for one listener."""
    with Receiver() as one, Receiver() as other:
        run(backup, one.url)
        assert run(backup, other.url).status == 0
        assert hosts_in(other) == hosts_in(one)


def test_another_object_of_the_same_name(backup: Path) -> None:
    """The checkpoint of an object does not count for another one that has taken its name."""
    with Receiver() as receiver:
        run(backup, receiver.url)
        (record,) = records_of_hosts("g")
        write(backup / FAILED / "4-four", failed_object([record]))
        assert run(backup, receiver.url).number("sent before") == 3
        assert hosts_in(receiver)["g"] == SAMPLES_OF_A_POINT


@pytest.mark.parametrize("content", ["", "[]", "{", '{"identity":1}', "null"])
def test_a_broken_checkpoint(backup: Path, content: str) -> None:
    """With a broken checkpoint the object is sent from its beginning."""
    with Receiver() as receiver:
        run(backup, receiver.url)
        write(backup / ".replay" / FAILED / "1-one.gz.json", content.encode())
        assert run(backup, receiver.url).number("sent before") == 3
        assert hosts_in(receiver)["a"] == 2 * SAMPLES_OF_A_POINT


def test_an_object_that_cannot_be_read(backup: Path) -> None:
    """An object that cannot be opened is left with the reason, and the others are sent."""
    (backup / FAILED / "0-link").symlink_to(backup / "gone")
    with Receiver() as receiver:
        ran = run(backup, receiver.url)
        assert hosts_in(receiver).keys() == set("abcdef")
    assert ran.status == 1
    assert "0-link: object: cannot read" in ran.output


def test_checkpoints_that_cannot_be_written(backup: Path, tmp_path: Path) -> None:
    """Nothing is sent without a checkpoint."""
    state = write(tmp_path / "file", b"not a folder")
    in_the_way = tmp_path / "state" / FAILED / "1-one.gz.json"
    in_the_way.mkdir(parents=True)
    with Receiver() as receiver:
        ran = run(backup, receiver.url, "--state", str(state / "checkpoints"))
        assert (ran.status, "cannot list" in ran.progress) == (2, True)
        ran = run(backup / FAILED, receiver.url, "--state", str(tmp_path / "state" / FAILED))
        assert (ran.status, "cannot write the checkpoint" in ran.progress) == (2, True)
        assert not receiver.requests
