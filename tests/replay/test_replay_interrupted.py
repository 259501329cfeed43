"""A replay that is killed or interrupted in the middle, and goes on afterwards."""

import contextlib
import dataclasses
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from testing.backends.prometheus import PrometheusStandIn
from testing.emulator import PROJECT
from testing.http_server import Reply
from testing.receiver import Received, Receiver
from tests.support.backups import (
    MANY_HOSTS,
    Gate,
    failed_object,
    hosts_in,
    process_environment,
    records_of_hosts,
    small_requests,
    write,
)
from tests.support.buckets import TestBucket
from tests.support.invoking import SAMPLES_OF_A_POINT, point, record_of

AT_ONCE = 3
SECONDS = Gate.SECONDS


def gate(accepted: int) -> Gate:
    """Return a listener that breaks the connections of the requests that it holds."""
    return Gate(accepted, AT_ONCE, Reply(reset="before_answer"))


@contextlib.contextmanager
def replaying(where: str, url: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """Run the command in a process of its own."""
    environ = process_environment(
        url,
        **(small_requests(AT_ONCE) | variables),
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


@pytest.mark.slow
@pytest.mark.parametrize("answered", [0, 21])
def test_killed_in_the_middle(large_backup: str, bucket: TestBucket, answered: int) -> None:
    """After SIGKILL only requests without a response are repeated, with the same bytes."""
    where, variables = large_backup, bucket.environment
    holding = gate(answered)
    with Receiver(holding) as receiver:
        with replaying(where, receiver.url, **variables) as process:
            assert holding.reached.wait(SECONDS)
            process.kill()
            process.wait(SECONDS)
        holding.released.set()
        accepted = [received.body for received in receiver.requests if received.accepted]
        before = len(receiver.requests)
        assert len(accepted) == answered
        holding.open = True
        with replaying(where, receiver.url, **variables) as process:
            output, progress = process.communicate(timeout=SECONDS)
        assert process.returncode == 0, progress
        after = [received.body for received in receiver.requests[before:]]
        assert hosts_in(receiver) == dict.fromkeys(MANY_HOSTS, SAMPLES_OF_A_POINT)
        assert not receiver.violations
    assert not set(accepted) & set(after)
    assert set(holding.held) <= set(after)
    assert max(Counter(after).values()) == 1
    assert "complete" in output


@pytest.mark.slow
@pytest.mark.parametrize("large_backup", ["folder"], indirect=True)
@pytest.mark.parametrize("answered", [1, 9])
def test_killed_at_any_moment(large_backup: str, answered: int) -> None:
    """A request whose response is on its way when the process is killed is repeated."""
    replies = threading.Semaphore(0)

    def reply(_received: Received) -> Reply:
        replies.release()
        return Reply()

    with Receiver(reply) as receiver:
        with replaying(large_backup, receiver.url) as process:
            for _ in range(answered):
                assert replies.acquire(timeout=SECONDS)
            process.kill()
            process.wait(SECONDS)
        with replaying(large_backup, receiver.url) as process:
            process.communicate(timeout=SECONDS)
        assert process.returncode == 0
        bodies = Counter(received.body for received in receiver.requests if received.accepted)
        assert hosts_in(receiver).keys() == set(MANY_HOSTS)
    assert max(bodies.values()) <= 2
    assert sum(1 for times in bodies.values() if times == 2) <= AT_ONCE


@pytest.mark.slow
def test_killed_while_it_searches_for_bad_points(tmp_path: Path) -> None:
    """What was settled until some seconds before is not sent again, and all good ones arrive."""
    hosts = [f"h{number:03d}" for number in range(100)]
    points = [point(host, periods_ago=5) for host in hosts]
    write(tmp_path / "1", failed_object(records_of_hosts(hosts[::2])))
    write(tmp_path / "2", failed_object([record_of(points)]))
    server, replies = PrometheusStandIn(), threading.Semaphore(0)

    def reply(received: Received) -> Reply:
        replies.release()
        # Slow enough for a checkpoint in the middle.
        return dataclasses.replace(server(received), delay_seconds=0.1)

    one_body = {"REMOTE_WRITE_CONCURRENCY": "1", "REMOTE_WRITE_MAX_BYTES": "1000000"}
    with Receiver(reply) as receiver:
        with replaying(str(tmp_path), receiver.url, **one_body) as process:
            for _ in range(70):
                assert replies.acquire(timeout=SECONDS)
            process.kill()
            process.wait(SECONDS)
        before = {received.body for received in receiver.requests}
        begun = len(receiver.requests)
        with replaying(str(tmp_path), receiver.url, **one_body) as process:
            output, progress = process.communicate(timeout=SECONDS)
        assert process.returncode == 0, progress
        after = [received.body for received in receiver.requests[begun:]]
    assert len(server.stored) == len(hosts) * SAMPLES_OF_A_POINT
    assert "superseded" in output
    # A checkpoint is written every two seconds, which are about twenty requests.
    assert len(before & set(after)) < 45


@pytest.mark.slow
@pytest.mark.parametrize("large_backup", ["folder"], indirect=True)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_by_its_operator(large_backup: str, number: signal.Signals) -> None:
    """Ctrl-C ends a replay with its result and status 1; the next one sends the rest, once."""
    holding = gate(5)
    with Receiver(holding) as receiver:
        with replaying(large_backup, receiver.url) as process:
            assert holding.reached.wait(SECONDS)
            process.send_signal(number)
            # The replay waits for the requests under way.
            holding.released.set()
            output, progress = process.communicate(timeout=SECONDS)
        assert process.returncode == 1, progress
        assert "the same command goes on from here" in progress
        assert "Traceback" not in progress
        assert "more" in output
        holding.open = True
        with replaying(large_backup, receiver.url) as process:
            process.communicate(timeout=SECONDS)
        assert process.returncode == 0
        assert hosts_in(receiver) == dict.fromkeys(MANY_HOSTS, SAMPLES_OF_A_POINT)
