"""What happens to the listener and to Prometheus as a whole, now and then."""

import random
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from tools.chaos.listener import Listener
from tools.chaos.plan import Plan

_REFUSAL_SECONDS = 2.0

# Every delivery makes at least as many requests, so each outage comes.
_REQUESTS_PER_DELIVERY = 2


@dataclass(frozen=True, slots=True)
class Outage:
    """One outage: the number of the request at which it begins, and its kind."""

    request: int
    kind: str


def planned_outages(plan: Plan) -> list[Outage]:
    """Give the outages of a run, in order."""
    chance = random.Random(f"outages {plan.seed}")
    numbers = {
        "Prometheus killed and started again": max(1, plan.deliveries // 125),
        "connections refused": max(1, plan.deliveries // 125),
        "blackout": max(1, plan.deliveries // 700),
    }
    last = plan.deliveries * _REQUESTS_PER_DELIVERY
    return sorted(
        (
            Outage(chance.randrange(last // 10, last), kind)
            for kind, number in numbers.items()
            for _ in range(number)
        ),
        key=lambda outage: outage.request,
    )


class Outages:
    """Causes the outages of a plan from a thread of its own, until the end of `with`.

    Args:
        plan: The run.
        listener: Whose requests are counted.
        restart: Kills Prometheus, and starts it again.

    Attributes:
        counts: How many there were of each kind.
    """

    def __init__(self, plan: Plan, listener: Listener, restart: Callable[[], None]) -> None:
        self.counts: Counter[str] = Counter()
        self._outages = planned_outages(plan)
        self._listener = listener
        self._restart = restart
        self._blackout_seconds = plan.blackout_seconds
        self._ending = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="outages")

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End; raise what went wrong in the thread unless an error is on its way."""
        self._ending.set()
        with self._listener.arrived:
            self._listener.arrived.notify_all()
        self._thread.join()
        if self._failure is not None and error is None:
            raise self._failure

    def _run(self) -> None:
        kinds: Mapping[str, Callable[[], None]] = {
            "Prometheus killed and started again": self._restart,
            "connections refused": self._refuse,
            "blackout": self._black_out,
        }
        try:
            for outage in self._outages:
                if not self._comes(outage.request):
                    return
                kinds[outage.kind]()
                self.counts[outage.kind] += 1
        except Exception as error:  # noqa: BLE001 - raised where the run is waited for
            self._failure = error

    def _comes(self, request: int) -> bool:
        """Wait for a request; False where the run is over before."""
        listener = self._listener
        with listener.arrived:
            listener.arrived.wait_for(lambda: self._ending.is_set() or listener.requests >= request)
        return not self._ending.is_set()

    def _refuse(self) -> None:
        self._listener.refuse()
        self._ending.wait(_REFUSAL_SECONDS)
        self._listener.open()

    def _black_out(self) -> None:
        self._listener.faults.blackout.set()
        self._ending.wait(self._blackout_seconds)
        self._listener.faults.blackout.clear()
