"""Sending the bodies of a delivery: concurrently, with retries, within the time that is left."""

import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Protocol

from converters.bodies import Body, Lane
from handler.account import SampleAccount, Sent
from handler.auth import AuthRequest
from handler.client import Client, ListenerResponse, NoResponseError
from handler.isolation import isolate
from handler.listener import Endpoint
from handler.verdict import Verdict, retry_after_seconds, verdict_on

# Full jitter: each delay is drawn from zero up to a ceiling that doubles.
_FIRST_CEILING_SECONDS = 0.2
_LAST_CEILING_SECONDS = 5.0

_OUT_OF_TIME = "the time for the delivery was over before the listener had answered for everything"


def _up_to(ceiling: float) -> float:
    return random.uniform(0, ceiling)  # noqa: S311 - spreads retries, no secret


@dataclass(frozen=True)
class Clock:
    """Time and chance, as the sender sees them; the real ones by default.

    Attributes:
        monotonic: Seconds, for durations and deadlines.
        wall: Seconds since the epoch.
        jitter: A number from 0 up to its argument.
        wait: Waits for an event, for at most some seconds.
    """

    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    jitter: Callable[[float], float] = _up_to
    wait: Callable[[threading.Event, float], object] = threading.Event.wait


class BodyHook(Protocol):
    """Follows the bodies of a delivery, and the parts that refused ones are cut into.

    Its methods are called from the threads that send, several at once. What they raise ends the
    lane of the body, and is found in `Sent.errors`.
    """

    def before(self, body: Body) -> bool:
        """Return whether to send a body; called before each attempt, and may wait.

        False: the listener has accepted the body before. It counts as accepted, without a request.
        """

    def after(self, body: Body, verdict: Verdict) -> None:
        """Note the verdict on the response to an attempt; not called where there was none."""


class Sender:
    """Sends the lanes of deliveries.

    Args:
        client: Makes single requests.
        clock: Time and chance.
        concurrency: How many requests may be under way at once.
        timeout_seconds: The time for one attempt.
    """

    def __init__(
        self, client: Client, clock: Clock, *, concurrency: int, timeout_seconds: float
    ) -> None:
        self._client = client
        self._clock = clock
        self._concurrency = concurrency
        self._timeout_seconds = timeout_seconds

    def send(
        self,
        lanes: Sequence[Lane],
        endpoint: Endpoint,
        deadline: float,
        hook: BodyHook | None = None,
    ) -> Sent:
        """Send all bodies, and return the account when all are settled or the time is over.

        Args:
            lanes: Bodies; those of one lane go out one after the other.
            endpoint: Where to.
            deadline: When to stop, by the clock's monotonic time.
            hook: Follows each body; None: nothing does.
        """
        account = SampleAccount(sum(body.samples for lane in lanes for body in lane))
        if not lanes:
            return account.close(_OUT_OF_TIME)
        run = _Run(
            self._client, self._clock, endpoint, account, deadline, self._timeout_seconds, hook
        )
        pool = ThreadPoolExecutor(min(self._concurrency, len(lanes)))
        try:
            futures = [pool.submit(run.send_lane, lane) for lane in lanes]
            left = max(0.0, deadline - self._clock.monotonic())
            for future in wait(futures, timeout=left).done:
                error = future.exception()
                if error is not None:
                    # What the other lanes have settled counts all the same.
                    account.record_error(error)
        finally:
            # No attempt outlives the deadline, so the threads end by themselves.
            run.stopped.set()
            pool.shutdown(wait=False, cancel_futures=True)
        return account.close(_OUT_OF_TIME)


@dataclass
class _Run:
    """The sending of one delivery, shared by its threads."""

    client: Client
    clock: Clock
    endpoint: Endpoint
    account: SampleAccount
    deadline: float
    timeout_seconds: float
    hook: BodyHook | None
    stopped: threading.Event = field(default_factory=threading.Event)
    renewing: threading.Lock = field(default_factory=threading.Lock)
    # Whether there is a fresh credential; None until one was refused.
    renewed: bool | None = None

    def send_lane(self, lane: Lane) -> None:
        """Send the bodies of one lane in their order; stop at the first that is not settled."""
        for body in lane:
            verdict, response = self.send_body(body)
            if verdict is Verdict.REFUSED and response is not None:
                if not isolate(body, response, self.send_body, self.account):
                    return
            elif verdict is not Verdict.ACCEPTED:
                return

    def send_body(self, body: Body) -> tuple[Verdict, ListenerResponse | None]:
        """Send one body until a response settles it, or no time is left for another attempt."""
        attempt = 0
        while not self._is_over():
            if self.hook is not None and not self.hook.before(body):
                self.account.accept(body.samples, 0)
                return Verdict.ACCEPTED, None
            if self._is_over():
                break
            self.account.request(again=attempt > 0)
            renewed = self.renewed
            verdict, response, reason = self._attempt(body)
            if verdict is Verdict.ACCEPTED:
                self.account.accept(body.samples, len(body.content))
            if verdict in (Verdict.ACCEPTED, Verdict.REFUSED):
                return verdict, response
            if verdict is Verdict.UNAVAILABLE:
                if not self._wait_to_retry(attempt, response, reason):
                    return verdict, response
            elif verdict is not Verdict.UNAUTHORISED or not self._renew(renewed):
                self._stop(verdict, reason)
                return verdict, response
            attempt += 1
        return Verdict.UNAVAILABLE, None

    def _is_over(self) -> bool:
        return self.stopped.is_set() or self.clock.monotonic() >= self.deadline

    def _attempt(self, body: Body) -> tuple[Verdict, ListenerResponse | None, str]:
        """Make one request; return the verdict on it, the response, and a reason for the log."""
        url, headers = self.endpoint.url, self.endpoint.headers
        added = self.endpoint.auth.headers(AuthRequest("POST", url, headers, body.content))
        timeout = min(self.deadline - self.clock.monotonic(), self.timeout_seconds)
        try:
            response = self.client.post(url, body.content, {**headers, **added}, timeout)
        except NoResponseError as error:
            return Verdict.UNAVAILABLE, None, str(error)
        verdict = verdict_on(response.status, response.text)
        if self.hook is not None:
            self.hook.after(body, verdict)
        return verdict, response, response.summary

    def _renew(self, renewed: bool | None) -> bool:
        """Return whether to repeat a refused body with a fresh credential.

        Args:
            renewed: What `self.renewed` was when the request was made. A fresh credential that
                is refused is not renewed again: one renewal serves all threads of a delivery.
        """
        with self.renewing:
            if self.renewed is None:
                self.renewed = self.endpoint.auth.refused()
            return self.renewed and renewed is None

    def _wait_to_retry(self, attempt: int, response: ListenerResponse | None, reason: str) -> bool:
        """Wait before the next attempt; return False at once where no time is left for one."""
        self.account.note_unavailable(reason)
        ceiling = min(_LAST_CEILING_SECONDS, _FIRST_CEILING_SECONDS * 2 ** min(attempt, 8))
        asked = retry_after_seconds(response.retry_after, self.clock.wall()) if response else 0.0
        delay = asked + self.clock.jitter(ceiling)
        if self.clock.monotonic() + delay >= self.deadline:
            self.account.fail(503, f"the listener is not available: {reason}")
            return False
        self.clock.wait(self.stopped, delay)
        return True

    def _stop(self, verdict: Verdict, reason: str) -> None:
        """End the sending of all lanes: the listener would answer no other body differently."""
        if verdict is Verdict.UNAUTHORISED:
            self.account.fail(401, f"the listener does not accept the token: {reason}")
        else:
            self.account.fail(500, f"the listener's URL is wrong, check the setting: {reason}")
        self.stopped.set()
