"""
The life of the extension: register, subscribe, then event after event.

    register -> listen -> subscribe -> next
    INVOKE:   wait for runtimeDone; settle; flush within the budget; next
    SHUTDOWN: settle; flush within what is left; exit 0

Whatever fails is said once, and `next` is called again: a function never fails because
its logs cannot be shipped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extension.errors import LambdaApiError
from extension.own_log import where
from extension.records import LogRecord

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extension.clocks import Clocks
    from extension.delivery import Delivery
    from extension.inbox import Inbox
    from extension.intake import Intake
    from extension.invocations import Invocations
    from extension.lambda_api import Event, LambdaApi
    from extension.own_log import OwnLog
    from extension.settings import Settings

# The exchange with the destinations ends this long before the function's own deadline.
_MARGIN_SECONDS = 0.5
# "Lambda limits the shutdown phase to 2,000 ms"; then it kills.
_SHUTDOWN_SECONDS = 1.7
_SHUTDOWN_MARGIN_SECONDS = 0.3
_SHUTDOWN_SETTLE_SECONDS = 0.05
# A line may enter the buffer somewhat after the `runtimeDone` that it was written before.
_LATE_LINE_SECONDS = 0.010
# Whoever was idle for longer may have been frozen, and its connections are suspect.
_FROZEN_SECONDS = 1.0
_RETRY_SECONDS = (0.0, 0.05, 0.1, 0.2, 0.5, 1.0)


class Pipeline:
    """What lies between the receiver and the destinations."""

    def __init__(
        self,
        inbox: Inbox,
        intake: Intake,
        invocations: Invocations,
        deliveries: Sequence[Delivery],
    ) -> None:
        self.inbox = inbox
        self.intake = intake
        self.invocations = invocations
        self.deliveries = tuple(deliveries)

    def thawed(self, frozen_since: float) -> None:
        """Start anew what a freeze interrupted; `frozen_since` is on the monotonic clock."""
        for delivery in self.deliveries:
            delivery.thawed(frozen_since)

    def hurry(self) -> None:
        """Know that there is no later."""
        for delivery in self.deliveries:
            delivery.hurry()

    def flush(self, until: float, *, at_any_price: bool = False) -> bool:
        """Have every delivery send what it has, until a moment; tell whether all did."""
        for delivery in self.deliveries:
            delivery.begin_flush(until, at_any_price=at_any_price)
        done = [delivery.end_flush() for delivery in self.deliveries]
        return all(done)


class Life:
    """
    Answers the events of the Extensions API.

    Args:
        api: The Lambda services.
        settings: The operator's.
        pipeline: Where records are; None where none come, and nothing is waited for.
        clocks: The time.
        log: For the operator.
    """

    def __init__(
        self,
        api: LambdaApi,
        settings: Settings,
        pipeline: Pipeline | None,
        clocks: Clocks,
        log: OwnLog,
    ) -> None:
        self._api = api
        self._pipeline = pipeline
        self._clocks = clocks
        self._log = log
        self._budget = settings.flush_budget_ms / 1000
        self._window = settings.timeout_ms / 1000
        self._missed = ""
        self._request_id = ""

    def run(self) -> int:
        """Answer events until SHUTDOWN; return the exit code."""
        while True:
            asked, asked_wall = self._clocks.monotonic(), self._clocks.wall()
            event = self._next()
            try:
                if self._pipeline is not None:
                    if self._clocks.wall() - asked_wall > _FROZEN_SECONDS:
                        self._pipeline.thawed(asked)
                    self._answer(event, self._pipeline)
            except Exception as error:  # noqa: BLE001 -- promise 1: a fault of ours ends nothing
                self._log.warn_once("life", f"fault in the life cycle: {where(error)}")
            if event.kind == "SHUTDOWN":
                return 0

    def _answer(self, event: Event, pipeline: Pipeline) -> None:
        if event.kind == "INVOKE":
            self._invocation(event, pipeline)
        elif event.kind == "SHUTDOWN":
            self._shutdown(event, pipeline)

    def _next(self) -> Event:
        attempt = 0
        while True:
            event = self._one_try()
            if event:
                return event
            self._clocks.sleep(_RETRY_SECONDS[min(attempt, len(_RETRY_SECONDS) - 1)])
            attempt += 1

    def _one_try(self) -> Event | None:
        try:
            return self._api.next()
        except LambdaApiError as error:
            self._log.warn_once("next", f"waiting for the next event is tried again: {error}")
            return None

    def _invocation(self, event: Event, pipeline: Pipeline) -> None:
        """Hold the environment until the last line of the invocation has arrived, or no longer."""
        now, wall = self._clocks.monotonic(), self._clocks.wall()
        self._request_id = event.request_id
        pipeline.invocations.invoked(event.request_id, self._clocks.timestamp())
        left = max(event.deadline - wall, 0.0)
        end = now + left - min(_MARGIN_SECONDS, left / 4)
        invocations = pipeline.invocations
        if self._missed and not invocations.is_done(self._missed):
            # Once the platform kept silent, silence holds nobody up until the deadline.
            done = invocations.wait_until_quiet(event.request_id, self._budget, end)
        else:
            done = invocations.wait_until_done(event.request_id, end)
            self._missed = "" if done else event.request_id
        until = min(self._clocks.monotonic() + self._budget, end)
        if done:
            self._settle(pipeline, self._window_end(invocations.ended(event.request_id)), until)
        pipeline.flush(until)

    def _window_end(self, ended: float) -> float:
        """
        Return until when the platform may send lines of an invocation that `ended`.

        What was written before the end leaves the platform's buffer within one window; the
        `runtimeDone` itself may have spent most of it there, and on a busy machine more.
        """
        latest = max(ended + min(self._window, self._budget / 2), self._clocks.monotonic())
        return latest + _LATE_LINE_SECONDS

    def _settle(self, pipeline: Pipeline, end: float, until: float) -> None:
        """Wait for what the platform still buffers, and until it has been read."""
        now = self._clocks.monotonic()
        self._clocks.sleep(max(min(end, until) - now, 0.0))
        pipeline.inbox.wait_until_read(max(until - self._clocks.monotonic(), 0.0))

    def _shutdown(self, event: Event, pipeline: Pipeline) -> None:
        """Send what there is before the environment is killed."""
        now, wall = self._clocks.monotonic(), self._clocks.wall()
        left = event.deadline - wall - _SHUTDOWN_MARGIN_SECONDS if event.deadline else 2.0
        until = now + max(min(left, _SHUTDOWN_SECONDS), 0.0)
        if event.reason in ("timeout", "failure"):
            pipeline.intake.queue(self._end_of_environment(event.reason))
        pipeline.hurry()
        self._settle(pipeline, now + _SHUTDOWN_SETTLE_SECONDS, until)
        sent = pipeline.flush(until, at_any_price=True)
        for delivery in pipeline.deliveries:
            account = delivery.buffer.account()
            line = f"{delivery.destination.name} at shutdown: {account}"
            if sent and not account.lost:
                self._log.debug(line)
            else:
                self._log.warning(f"log records were lost; {line}")
        if pipeline.inbox.bytes:
            self._log.warning(f"{pipeline.inbox.bytes} bytes of telemetry were not read in time")

    def _end_of_environment(self, reason: str) -> LogRecord:
        request = self._request_id or None
        return LogRecord(
            time=self._clocks.timestamp(),
            type="extension",
            record={
                "message": f"the environment was shut down: {reason}"
                + (f" (request {request})" if request else ""),
                "shutdownReason": reason,
                "requestId": request,
            },
            request_id=request,
            level="ERROR",
        )
