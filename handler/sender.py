"""Sending the bodies of a delivery: concurrently, with retries, within the time that is left."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from handler.account import Account, Sent
from handler.isolation import isolate
from handler.transport import ListenerAnswer, Transport, TransportError
from handler.verdict import Verdict, retry_after_seconds, verdict_on

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from converters.bodies import Body, Lane

# Full jitter: each delay is drawn from zero up to a ceiling that doubles.
_FIRST_CEILING_SECONDS = 0.2
_LAST_CEILING_SECONDS = 5.0

_OUT_OF_TIME = "the time for the delivery was over before the listener had answered for everything"


@dataclass(frozen=True)
class Endpoint:
    """
    Where a delivery's bodies go.

    Attributes:
        url: The remote-write URL.
        headers: The headers of every request; they may hold secrets.
        authorise: Returns the header that holds the token, as it is now.
        renew: Looks for a newer token after one was refused; tells whether there is one.
    """

    url: str
    headers: Mapping[str, str] = field(repr=False)
    authorise: Callable[[], Mapping[str, str]] = field(default=dict, repr=False)
    renew: Callable[[], bool] = field(default=bool, repr=False)


@dataclass(frozen=True)
class Clock:
    """
    Time and chance, as the sender sees them.

    Attributes:
        monotonic: Seconds, for durations and deadlines.
        wall: Seconds since the epoch.
        jitter: A number from 0 up to its argument.
        wait: Waits for an event, so many seconds at most.
    """

    monotonic: Callable[[], float]
    wall: Callable[[], float]
    jitter: Callable[[float], float]
    wait: Callable[[threading.Event, float], object] = threading.Event.wait


class Sender:
    """
    Sends the lanes of deliveries.

    Args:
        transport: Makes single requests.
        clock: Time and chance.
        concurrency: How many requests may be under way at once.
        timeout_seconds: The time for one attempt.
    """

    def __init__(
        self, transport: Transport, clock: Clock, *, concurrency: int, timeout_seconds: float
    ) -> None:
        self._transport = transport
        self._clock = clock
        self._concurrency = concurrency
        self._timeout_seconds = timeout_seconds

    def send(self, lanes: Sequence[Lane], endpoint: Endpoint, deadline: float) -> Sent:
        """
        Send all bodies, and return the account when all are settled or the time is over.

        Args:
            lanes: Bodies; those of one lane go out one after the other.
            endpoint: Where to.
            deadline: When to stop, by the clock's monotonic time.
        """
        account = Account(sum(body.samples for lane in lanes for body in lane))
        if not lanes:
            return account.close(_OUT_OF_TIME)
        run = _Run(self._transport, self._clock, endpoint, account, deadline, self._timeout_seconds)
        pool = ThreadPoolExecutor(min(self._concurrency, len(lanes)))
        try:
            futures = [pool.submit(run.send_lane, lane) for lane in lanes]
            left = max(0.0, deadline - self._clock.monotonic())
            for future in wait(futures, timeout=left).done:
                error = future.exception()
                if error is not None:
                    # What the other lanes have settled counts all the same.
                    account.break_off(error)
        finally:
            # What is still under way is cut off by its own watchdog; nobody waits for it.
            run.stopped.set()
            pool.shutdown(wait=False, cancel_futures=True)
        return account.close(_OUT_OF_TIME)


@dataclass(frozen=True)
class _Run:
    """The sending of one delivery, shared by its threads."""

    transport: Transport
    clock: Clock
    endpoint: Endpoint
    account: Account
    deadline: float
    timeout_seconds: float
    stopped: threading.Event = field(default_factory=threading.Event)
    renewing: threading.Lock = field(default_factory=threading.Lock)

    def send_lane(self, lane: Lane) -> None:
        """Send the bodies of one lane in their order; stop at the first that is not settled."""
        for body in lane:
            verdict, answer = self.send_body(body)
            if verdict is Verdict.REFUSED and answer is not None:
                if not isolate(body, answer, self.send_body, self.account):
                    return
            elif verdict is not Verdict.ACCEPTED:
                return

    def send_body(self, body: Body) -> tuple[Verdict, ListenerAnswer | None]:
        """Send one body until there is an answer that counts, or no time for another attempt."""
        attempt = 0
        while True:
            left = self.deadline - self.clock.monotonic()
            if self.stopped.is_set() or left <= 0:
                return Verdict.UNAVAILABLE, None
            self.account.request(again=attempt > 0)
            authorisation = self.endpoint.authorise()
            timeout = min(left, self.timeout_seconds)
            verdict, answer, words = self._attempt(body, authorisation, timeout)
            if verdict is Verdict.ACCEPTED:
                self.account.accept(body.samples, len(body.content))
            if verdict in (Verdict.ACCEPTED, Verdict.REFUSED):
                return verdict, answer
            if verdict is Verdict.UNAUTHORISED and self._renewed(authorisation):
                attempt += 1
                continue
            if verdict is not Verdict.UNAVAILABLE:
                self._stop(verdict, words)
                return verdict, answer
            self.account.hear(words)
            delay = self._delay(attempt, answer)
            if self.clock.monotonic() + delay >= self.deadline:
                self.account.fail(503, f"the listener is not available: {words}")
                return verdict, answer
            self.clock.wait(self.stopped, delay)
            attempt += 1

    def _renewed(self, refused: Mapping[str, str]) -> bool:
        """Tell whether there is another token than the refused one; threads look one by one."""
        with self.renewing:
            if self.endpoint.authorise() == refused:
                self.endpoint.renew()
            return self.endpoint.authorise() != refused

    def _attempt(
        self, body: Body, authorisation: Mapping[str, str], timeout: float
    ) -> tuple[Verdict, ListenerAnswer | None, str]:
        headers = {**self.endpoint.headers, **authorisation}
        try:
            answer = self.transport.post(self.endpoint.url, body.content, headers, timeout)
        except TransportError as error:
            return Verdict.UNAVAILABLE, None, str(error)
        words = f"{answer.status} {answer.words.strip()}"
        return verdict_on(answer.status, answer.words), answer, words

    def _stop(self, verdict: Verdict, words: str) -> None:
        """End the sending of all lanes: no other body would be answered differently."""
        if verdict is Verdict.UNAUTHORISED:
            self.account.fail(401, f"the listener does not accept the token: {words}")
        else:
            self.account.fail(500, f"the listener's URL is wrong, check the setting: {words}")
        self.stopped.set()

    def _delay(self, attempt: int, answer: ListenerAnswer | None) -> float:
        ceiling = min(_LAST_CEILING_SECONDS, _FIRST_CEILING_SECONDS * 2 ** min(attempt, 8))
        asked = retry_after_seconds(answer.retry_after, self.clock.wall()) if answer else 0.0
        return asked + self.clock.jitter(ceiling)
