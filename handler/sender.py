"""Sending the bodies of a delivery: concurrently, and settling what the listener refuses."""

import functools
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from types import MappingProxyType

from converters.bodies import Body, Lane
from converters.metadata import Families
from converters.split import DataPoint
from handler.account import SampleAccount, Sent
from handler.attempts import Attempts, BodyHook
from handler.client import Client, ListenerResponse
from handler.clock import Clock
from handler.endpoint import Endpoint
from handler.isolation import Isolation
from handler.messages import KnownListeners, Messages
from handler.schedule import Schedule, Task
from handler.settled import SettledPoints, digest_of
from handler.verdict import Verdict, reason_in

# As many refusals that are not about samples, without one acceptance, mean a wrong request.
_MAX_UNEXPLAINED = 16

_OUT_OF_TIME = "the time for the delivery was over before the listener had answered for everything"

_REFUSED_BEFORE = "refused in an earlier delivery"

_WRITTEN_LESS = " (it says that it has written fewer samples than it got)"

_Answer = tuple[Verdict, ListenerResponse | None]


class Sender:
    """Sends the lanes of deliveries, and remembers the data points that it had to isolate.

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
        self._settled = SettledPoints()
        self._only_1_0 = KnownListeners()

    def sends_2_0(self, endpoint: Endpoint) -> bool:
        """Return whether the next request to an endpoint is one of remote write 2.0."""
        return endpoint.message.is_2_0 and endpoint.url not in self._only_1_0

    def send(
        self,
        lanes: Sequence[Lane],
        endpoint: Endpoint,
        deadline: float,
        hook: BodyHook | None = None,
        settled: SettledPoints | None = None,
        families: Families = MappingProxyType({}),
    ) -> Sent:
        """Send all bodies, and return the account when all are settled or the time is over.

        Args:
            lanes: Bodies; those of one lane go out one after the other, those with samples ahead
                of the delivery's time when all others are settled.
            endpoint: Where to.
            deadline: When to stop, by the clock's monotonic time.
            hook: Follows each body; None: nothing does.
            settled: The data points that were isolated before; None: what the sender remembers.
            families: What is known of the series, by their names.
        """
        account = SampleAccount(sum(body.samples for lane in lanes for body in lane))
        attempts = Attempts(
            self._client,
            self._clock,
            endpoint,
            account,
            Messages(endpoint.message, endpoint.url, families, self._only_1_0),
            deadline,
            self._timeout_seconds,
            hook,
        )
        delivery = _Delivery(lanes, endpoint, account, settled or self._settled)
        pool = ThreadPoolExecutor(self._concurrency)
        under_way: dict[Future[_Answer], Task] = {}
        try:
            while True:
                while len(under_way) < self._concurrency and not attempts.stopped.is_set():
                    task = delivery.schedule.take()
                    if task is None:
                        break
                    is_part = task.isolation is not None
                    under_way[pool.submit(attempts.send, task.body, is_part=is_part)] = task
                left = max(0.0, deadline - self._clock.monotonic())
                done = wait(under_way, left, FIRST_COMPLETED).done
                if not done:
                    break
                for future in done:
                    if not delivery.settle(under_way.pop(future), future):
                        attempts.stopped.set()
        finally:
            # No attempt outlives the deadline, so the threads end by themselves.
            attempts.stopped.set()
            pool.shutdown(wait=False)
        delivery.close()
        return account.close(_OUT_OF_TIME)


class _Delivery:
    """What the responses say about the samples of one delivery.

    Args:
        lanes: All bodies.
        endpoint: Where they are sent.
        account: Where each sample is counted.
        settled: The data points that were isolated before.
    """

    def __init__(
        self,
        lanes: Sequence[Lane],
        endpoint: Endpoint,
        account: SampleAccount,
        settled: SettledPoints,
    ) -> None:
        self._protocol = endpoint.protocol
        self._bodies = endpoint.protocol.bodies
        self.schedule = Schedule(lanes, self._isolate, self._bodies)
        self._endpoint = endpoint
        self._account = account
        self._settled = settled
        self._anything_stored = False
        self._unexplained = 0
        # Refused alone, by words that are not about samples, while nothing is stored.
        self._doubtful: list[tuple[DataPoint, ListenerResponse]] = []

    @functools.cached_property
    def _scope(self) -> bytes:
        return self._endpoint.scope

    def settle(self, task: Task, future: Future[_Answer]) -> bool:
        """Count what a response says about a body; return whether to send more."""
        error = future.exception()
        if error is not None:
            # What the other lanes have settled counts all the same.
            self._account.record_error(error)
            return True
        verdict, response = future.result()
        if verdict is Verdict.ACCEPTED:
            # Without a response, it was not sent: the listener had it before.
            self._account.accept(task.body.samples)
            for point in task.part:
                self._settled.remember(digest_of(point, self._scope), None)
            if response:
                self._note_stored()
            self.schedule.settle(task)
        elif verdict is Verdict.SETTLED and response is not None:
            self._count_settled(task.body.samples, response)
            self._note_stored()
            self.schedule.settle(task)
        elif verdict in (Verdict.REFUSED, Verdict.UNEXPLAINED) and response is not None:
            return self._refuse(task, verdict, response)
        else:
            # The other parts of a refused body would most likely fail too; another body may not.
            return task.isolation is None
        return True

    def _count_settled(self, samples: int, response: ListenerResponse) -> None:
        """Count the samples of a body of which the listener has stored what it wants."""
        words = response.summary
        refused = self._protocol.refused(response, samples)
        if response.written is not None:
            # A listener of remote write 2.0 says so, whatever its words are.
            refused = {reason_in(response.text): max(0, samples - response.written)}
            words += _WRITTEN_LESS if response.status < 300 else ""
        if refused is None:
            self._account.settle_unknown(samples, words)
            return
        for reason, number in refused.items():
            self._account.reject(number, reason, words)
        self._account.accept(samples - sum(refused.values()))

    def _note_stored(self) -> None:
        self._anything_stored = True
        for point, response in self._doubtful:
            self._reject(point, response)
        self._doubtful.clear()

    def _refuse(self, task: Task, verdict: Verdict, response: ListenerResponse) -> bool:
        """Note that a body was refused as a whole; return whether to send more."""
        point = self.schedule.refuse(task, response)
        if verdict is Verdict.UNEXPLAINED and not self._anything_stored:
            self._unexplained += 1
        if point is not None:
            self._refuse_alone(point, response)
        if self._unexplained < _MAX_UNEXPLAINED or self._anything_stored:
            return True
        self._fail(response)
        return False

    def _refuse_alone(self, point: DataPoint, response: ListenerResponse) -> None:
        unexplained = self._protocol.verdict_on(response) is Verdict.UNEXPLAINED
        if unexplained and not self._anything_stored:
            self._doubtful.append((point, response))
        else:
            self._reject(point, response)

    def _reject(self, point: DataPoint, response: ListenerResponse) -> None:
        reason = reason_in(response.text)
        self._account.reject(point.samples, reason, response.summary, self._bodies.describe(point))
        self._settled.remember(digest_of(point, self._scope), reason)

    def _isolate(self, body: Body, response: ListenerResponse) -> Isolation:
        """Return what is left to find out about a refused body."""
        periods = self._bodies.data_points(body)
        if sum(map(len, periods)) == 1:
            # It was refused alone already.
            self._refuse_alone(periods[0][0], response)
            return Isolation([])
        return Isolation([p for p in period if not self._recall(p)] for period in periods)

    def _recall(self, point: DataPoint) -> bool:
        """Count a data point that was settled before; return whether it was."""
        try:
            reason = self._settled.reason_for(digest_of(point, self._scope))
        except KeyError:
            return False
        if reason is None:
            # It says nothing of the listener now, whose URL may have become wrong.
            self._account.accept(point.samples)
        else:
            self._account.reject(
                point.samples, reason, _REFUSED_BEFORE, self._bodies.describe(point)
            )
        return True

    def close(self) -> None:
        """Record why data points are left that were refused alone, but for no reason of theirs."""
        if self._doubtful:
            self._fail(self._doubtful[0][1])

    def _fail(self, response: ListenerResponse) -> None:
        self._account.fail(
            500,
            "the listener refused all requests, without a word about samples: check its URL and "
            f"settings: {response.summary}",
        )
