"""Outages of the whole listener and of the server behind it, now and then."""

import contextlib
import random
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event

from tools.chaos.listener import Listener
from tools.chaos.plan import Plan
from tools.chaos.servers import Server

RESTART = "server killed and started again"
REFUSAL = "connections refused"
BLACKOUT = "blackout"

_REFUSAL_SECONDS = 2.0
# How long the end of a run may go unnoticed while nothing is requested.
_LOOK_SECONDS = 0.5

# Every delivery makes at least this many requests, so each outage comes.
_REQUESTS_PER_DELIVERY = 2


def planned_outages(plan: Plan) -> list[tuple[int, str]]:
    """Return the outages of a run: the request with which each begins, in order, and its kind."""
    chance = random.Random(f"outages {plan.seed}")
    numbers = {
        RESTART: max(1, plan.deliveries // 125),
        REFUSAL: max(1, plan.deliveries // 125),
        BLACKOUT: max(1, plan.deliveries // 700),
    }
    last = plan.deliveries * _REQUESTS_PER_DELIVERY
    return sorted(
        (chance.randrange(last // 10, last), kind)
        for kind, number in numbers.items()
        for _ in range(number)
    )


class Outages:
    """The outages of a run.

    Args:
        plan: The run.
        listener: Its requests are counted.
        server: Killed and started again.

    Attributes:
        counts: How many there were of each kind.
    """

    def __init__(self, plan: Plan, listener: Listener, server: Server) -> None:
        self.counts: Counter[str] = Counter()
        self._plan = plan
        self._listener = listener
        self._server = server

    def cause_all(self, ending: Event) -> None:
        """Cause every outage when its request has come, until `ending` is set."""
        listener = self._listener
        for begin, kind in planned_outages(self._plan):
            with listener.arrived:
                while listener.requests < begin and not ending.is_set():
                    listener.arrived.wait(_LOOK_SECONDS)
            if ending.is_set():
                return
            if kind == RESTART:
                self._server.kill()
                self._server.start()
            elif kind == REFUSAL:
                listener.refuse()
                ending.wait(_REFUSAL_SECONDS)
                listener.open()
            else:
                listener.faults.blackout.set()
                ending.wait(self._plan.blackout_seconds)
                listener.faults.blackout.clear()
            self.counts[kind] += 1


@contextlib.contextmanager
def in_background(work: Callable[[Event], None]) -> Iterator[None]:
    """Run work in a thread until the end of `with`, which sets the event that it gets.

    An error of the work is raised at the end, unless another one is being raised.
    """
    ending = Event()
    with ThreadPoolExecutor(1) as thread:
        future = thread.submit(work, ending)
        try:
            yield
        finally:
            ending.set()
        future.result()
