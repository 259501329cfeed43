"""A slow rate, patience, and the end of a Lambda function's time."""

import json
import threading
from pathlib import Path

import pytest

from replay import app
from replay.errors import StoppedError
from replay.hooks import Pace
from testing.receiver import Receiver
from tests.support.backups import (
    environment,
    failed_object,
    hosts_in,
    records_of_hosts,
    run,
    write,
)
from tests.support.buckets import TestBucket
from tests.support.invoking import SAMPLES_OF_A_POINT

HOSTS = [f"h{number:02d}" for number in range(25)]
SECONDS = 30


@pytest.mark.slow
def test_a_rate_that_is_slower_than_patience(tmp_path: Path) -> None:
    """The time that the rate takes for the request before does not count as the listener's."""
    for number, hosts in enumerate((HOSTS, HOSTS[:1], HOSTS)):
        write(tmp_path / str(number), failed_object(records_of_hosts(hosts)))
    with Receiver() as receiver:
        # A request of 100 samples, then one second of waiting.
        ran = run(tmp_path, receiver.url, "--rate", "100", "--patience", "0.5")
    assert (ran.status, ran.number("sent")) == (0, 204), ran


@pytest.mark.slow
def test_no_time_for_the_rate_in_lambda(bucket: TestBucket) -> None:
    """What the rate leaves no time for is left for the next invocation, and no thread waits on."""
    for number in range(2):
        bucket.put(f"failed/{number}", failed_object(records_of_hosts(HOSTS)))
    before = set(threading.enumerate())
    with Receiver() as receiver:
        environ = {**environment(receiver.url), "BACKUP_BUCKET": bucket.name}
        # A request of 100 samples and 1,000 seconds of waiting, within two.
        result = json.loads(json.dumps(app.replay({"rate": 0.1}, environ, 22.0)))
        assert len(receiver.requests) == 1
        own = [one for one in set(threading.enumerate()) - before if "ThreadPool" in one.name]
        for thread in own:
            thread.join(SECONDS)
        assert not any(thread.is_alive() for thread in own)
        assert len(receiver.requests) == 1
        assert (result["more"], result["left"], result["stopped"]) == (True, {}, "")
        assert app.replay({}, environ, 300.0)["more"] is False
        assert hosts_in(receiver) == dict.fromkeys(HOSTS, 2 * SAMPLES_OF_A_POINT)


class Clockwork(threading.Event):
    """An event whose waiting lets the time pass at once."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 100.0
        self.waits: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        """Let the time pass."""
        self.waits.append(timeout)
        self.now += timeout or 0.0
        return self.is_set()


def test_pace() -> None:
    """Requests wait until those before them have had their time, and no time counts twice."""
    clock = Clockwork()
    pace = Pace(50.0, lambda: clock.now, clock)
    for samples in (100, 25, 0, 50):
        pace.wait(samples)
    clock.now += 10.0
    assert pace.seconds_for(100) == 2.0
    pace.wait(10)
    assert clock.waits == [0.0, 2.0, 0.5, 0.0, 0.0]
    assert Pace(None, lambda: clock.now, clock).seconds_for(100) == 0.0
    clock.set()
    with pytest.raises(StoppedError):
        pace.wait(1)


def test_a_request_that_may_not_be_made_costs_no_time() -> None:
    """A request for which there is no time does not delay those after it."""
    clock = Clockwork()
    pace = Pace(10.0, lambda: clock.now, clock)
    pace.wait(50, end=103.0)
    assert pace.seconds_for(0) == 5.0
    pace.wait(1000, end=103.0)
    assert clock.now == 103.0
    assert pace.seconds_for(0) == 2.0
    pace.wait(10, end=200.0)
    assert clock.now == 105.0
