"""A replay that is killed or interrupted in the middle, and goes on afterwards."""

import contextlib
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from testing.emulator import PROJECT
from testing.exchange import Answer, Received
from testing.receiver import Receiver
from tests.support.backups import (
    failed_object,
    hosts_in,
    process_environment,
    records_of_hosts,
    write,
)
from tests.support.buckets import TestBucket
from tests.support.invoking import SAMPLES_OF_A_POINT

HOSTS = [f"h{number:02d}" + "x" * 2_000 for number in range(60)]
AT_ONCE = 3
SECONDS = 180


class Gate:
    """Answers so many requests, lets all others wait until it is opened or lets go of them.

    Args:
        answered: How many.

    Attributes:
        reached: Set once as many requests have to wait as are under way at once.
        waiting: The bodies of the requests that had to wait.
    """

    def __init__(self, answered: int) -> None:
        self._left = answered
        self._lock = threading.Lock()
        self._open = False
        self._letting_go = threading.Event()
        self.reached = threading.Event()
        self.waiting: list[bytes] = []

    def __call__(self, received: Received) -> Answer:
        """Answer a request, or let it wait."""
        with self._lock:
            self._left -= 1
            if self._open or self._left >= 0:
                return Answer()
            self.waiting.append(received.body)
            if len(set(self.waiting)) == AT_ONCE:
                self.reached.set()
        self._letting_go.wait(SECONDS)
        return Answer(reset="before_answer")

    def let_go(self) -> None:
        """Break the connections of all that wait, and of those that come until it is opened."""
        self._letting_go.set()

    def open(self) -> None:
        """Answer every request from here on."""
        self._open = True


@contextlib.contextmanager
def replaying(where: str, url: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """Run the command in a process of its own."""
    environ = process_environment(
        url,
        # Small requests make many of a batch.
        REMOTE_WRITE_MAX_BYTES="10000",
        REMOTE_WRITE_CONCURRENCY=str(AT_ONCE),
        **variables,
        LISTENER_TIMEOUT_SECONDS=str(SECONDS),
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "replay", where],
        cwd=PROJECT,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def two_objects() -> dict[str, bytes]:
    """Make two backup objects, each a batch of many requests."""
    records = records_of_hosts(HOSTS)
    return {"failed/1": failed_object(records[:30]), "failed/2": b"".join(records[30:])}


@pytest.fixture(params=["folder", "bucket"])
def place(
    request: pytest.FixtureRequest, bucket: TestBucket, tmp_path: Path
) -> tuple[str, dict[str, str]]:
    """Give a backup, in a folder or a bucket, and the variables that lead there."""
    for name, content in two_objects().items():
        if request.param == "bucket":
            bucket.put(name, content)
        else:
            write(tmp_path / "backup" / name, content)
    if request.param == "bucket":
        return bucket.where("failed/"), bucket.environment
    return str(tmp_path / "backup"), {}


@pytest.mark.parametrize("answered", [0, 21])
def test_killed_in_the_middle(place: tuple[str, dict[str, str]], answered: int) -> None:
    """After SIGKILL only requests that had no answer are made again, with the same bytes."""
    where, variables = place
    gate = Gate(answered)
    with Receiver(gate) as receiver:
        with replaying(where, receiver.url, **variables) as process:
            assert gate.reached.wait(SECONDS)
            process.kill()
            process.wait(SECONDS)
        gate.let_go()
        accepted = [received.body for received in receiver.requests if received.accepted]
        before = len(receiver.requests)
        assert len(accepted) == answered
        gate.open()
        with replaying(where, receiver.url, **variables) as process:
            output, progress = process.communicate(timeout=SECONDS)
        assert process.returncode == 0, progress
        after = [received.body for received in receiver.requests[before:]]
        assert hosts_in(receiver) == dict.fromkeys(HOSTS, SAMPLES_OF_A_POINT)
        assert not receiver.violations
    assert not set(accepted) & set(after)
    assert set(gate.waiting) <= set(after)
    assert max(Counter(after).values()) == 1
    assert "complete" in output


@pytest.mark.parametrize("answered", [1, 9])
def test_killed_at_any_moment(tmp_path: Path, answered: int) -> None:
    """An answer that is on its way when the process is killed makes its request be repeated."""
    for name, content in two_objects().items():
        write(tmp_path / name, content)
    answers = threading.Semaphore(0)

    def answer(_received: Received) -> Answer:
        answers.release()
        return Answer()

    with Receiver(answer) as receiver:
        with replaying(str(tmp_path), receiver.url) as process:
            for _ in range(answered):
                assert answers.acquire(timeout=SECONDS)
            process.kill()
            process.wait(SECONDS)
        with replaying(str(tmp_path), receiver.url) as process:
            process.communicate(timeout=SECONDS)
        assert process.returncode == 0
        bodies = Counter(received.body for received in receiver.requests if received.accepted)
        assert hosts_in(receiver).keys() == set(HOSTS)
    assert max(bodies.values()) <= 2
    assert sum(1 for times in bodies.values() if times == 2) <= AT_ONCE


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_by_its_operator(tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C ends a replay with its account and status 1; the next one sends the rest, once."""
    for name, content in two_objects().items():
        write(tmp_path / name, content)
    gate = Gate(5)
    with Receiver(gate) as receiver:
        with replaying(str(tmp_path), receiver.url) as process:
            assert gate.reached.wait(SECONDS)
            process.send_signal(number)
            # What is under way is waited for.
            gate.let_go()
            output, progress = process.communicate(timeout=SECONDS)
        assert process.returncode == 1, progress
        assert "the same command goes on from here" in progress
        assert "Traceback" not in progress
        assert "more" in output
        gate.open()
        with replaying(str(tmp_path), receiver.url) as process:
            process.communicate(timeout=SECONDS)
        assert process.returncode == 0
        assert hosts_in(receiver) == dict.fromkeys(HOSTS, SAMPLES_OF_A_POINT)
