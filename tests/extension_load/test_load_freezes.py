"""A process that is stopped at random moments, as Lambda freezes an environment."""

import os
import random
import signal
import threading
from typing import Self

import pytest

from testing.lambda_services.extension_process import ExtensionProcess
from testing.lambda_services.services import LambdaServices
from testing.log_destinations.arrival import Arrival
from testing.log_destinations.logzio import LogzioDestination
from testing.log_destinations.treatment import delayed
from tests.extension_load.starting import SHUTDOWN_SECONDS, number_of, sized, start
from tools.bench.extension_lines import lines

LONGEST_FREEZE = sized(15, 100) / 10
FREEZES = sized(8, 12)
PER_INVOCATION = 20


class Freezer:
    """Stops a process again and again at seeded random moments, within a `with` block."""

    def __init__(self, process: ExtensionProcess, chance: random.Random) -> None:
        self._pid = process.pid
        self._chance = chance
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.through = threading.Event()

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Let it run again."""
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        for _ in range(FREEZES):
            self._end.wait(self._chance.uniform(0.0, 0.3))
            os.killpg(self._pid, signal.SIGSTOP)
            self._end.wait(self._chance.uniform(0.0, LONGEST_FREEZE))
            os.killpg(self._pid, signal.SIGCONT)
        self.through.set()


def twice(arrivals: list[Arrival]) -> list[Arrival]:
    """Return the requests whose records came again later."""
    seen: set[int] = set()
    found = []
    for arrival in reversed(arrivals):
        if seen.intersection(arrival.records):
            found.append(arrival)
        seen.update(arrival.records)
    return found


@pytest.mark.parametrize("seed", range(sized(2, 4)))
def test_stopped_at_random(seed: int) -> None:
    """Nothing is lost; only a request on a connection that was closed may come twice."""
    chance = random.Random(seed)
    with (
        LogzioDestination(keep=number_of) as destination,
        LambdaServices(shutdown_seconds=SHUTDOWN_SECONDS) as services,
        start(services, destination) as extension,
    ):
        # So long that many freezes happen during an exchange.
        destination.misbehave(lambda _arrival: delayed(chance.choice([0.0, 0.02, 0.2])))
        count = 0
        with Freezer(extension, random.Random(seed + 1_000)) as freezer:
            while not freezer.through.is_set():
                end = count + PER_INVOCATION
                services.invoke(
                    lines(count, end),
                    deadline=LONGEST_FREEZE + 60,
                    order=chance.choice(["line-then-done", "done-then-line", "one-post"]),
                )
                count = end
        destination.behave()
        destination.wait_for(lambda it: set(it.records) == set(range(count)))
        ended = extension.shutdown()
        output = extension.output
    stored = [arrival for arrival in destination.arrivals if arrival.stored]
    assert sorted({number for it in stored for number in it.records}) == list(range(count))
    last = {arrival.connection: arrival.number for arrival in destination.arrivals}
    assert [it.number for it in twice(stored)] == [last[it.connection] for it in twice(stored)]
    assert (ended.exit_code, ended.killed, output) == (0, False, b"")
