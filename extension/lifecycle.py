"""The lifecycle of the extension after it has registered and subscribed.

    INVOKE:   wait for runtimeDone; settle; flush within the budget; next
    SHUTDOWN: settle; flush within what is left; exit 0

A failure is reported once, and `next` is called again: a function never fails because
its logs cannot be shipped.
"""

from __future__ import annotations

from extension.clocks import Clocks
from extension.lambda_api import Event, LambdaApi, keep_trying
from extension.own_log import OwnLog, location
from extension.records import LogRecord
from extension.router import Router
from extension.settings import Settings

# A flush ends this long before the function's own deadline.
_MARGIN_SECONDS = 0.5
# "Lambda limits the shutdown phase to 2,000 ms", then it kills the process.
_SHUTDOWN_SECONDS = 1.7
_SHUTDOWN_MARGIN_SECONDS = 0.3
_SHUTDOWN_SETTLE_SECONDS = 0.05
# A line may enter the platform's buffer somewhat after the `runtimeDone` that follows it.
_LATE_LINE_SECONDS = 0.010


class Lifecycle:
    """Handles the events of the Extensions API; without a router it waits for nothing else."""

    def __init__(
        self,
        api: LambdaApi,
        settings: Settings,
        router: Router | None,
        clocks: Clocks,
        log: OwnLog,
    ) -> None:
        self._api = api
        self._router = router
        self._clocks = clocks
        self._log = log
        self._budget = settings.flush_budget_ms / 1000
        self._window = settings.timeout_ms / 1000
        self._missed = ""
        self._request_id = ""

    def run(self) -> int:
        """Handle events until SHUTDOWN; return the exit code."""
        while True:
            event = keep_trying(self._api.next, "next", self._clocks, self._log)
            try:
                if self._router is not None:
                    if event.kind == "INVOKE":
                        self._invocation(event, self._router)
                    elif event.kind == "SHUTDOWN":
                        self._shutdown(event, self._router)
            except Exception as error:  # noqa: BLE001 -- promise 1: no error ends the process
                self._log.warn_once("lifecycle", f"error in the lifecycle: {location(error)}")
            if event.kind == "SHUTDOWN":
                return 0

    def _invocation(self, event: Event, router: Router) -> None:
        """Hold the environment until the invocation's last line has arrived, within limits."""
        now, wall = self._clocks.monotonic(), self._clocks.wall()
        self._request_id = event.request_id
        invocations = router.invocations
        invocations.invoked(event.request_id, self._clocks.timestamp())
        left = max(event.deadline - wall, 0.0)
        end = now + left - min(_MARGIN_SECONDS, left / 4)
        if self._missed and not invocations.is_done(self._missed):
            # Once a `runtimeDone` was missed, the wait for the next one is short.
            ended = invocations.wait_until_done(event.request_id, end, self._budget)
        else:
            ended = invocations.wait_until_done(event.request_id, end)
            self._missed = "" if ended is not None else event.request_id
        until = min(self._clocks.monotonic() + self._budget, end)
        if ended is not None:
            self._settle(router, self._window_end(ended), until)
        _flush(router, until)

    def _window_end(self, ended: float) -> float:
        """Return until when the platform may send lines of an invocation that `ended`.

        What was written before the end leaves the platform's buffer within one window. The
        `runtimeDone` itself may have spent most of it there, on a busy machine even more.
        """
        latest = max(ended + min(self._window, self._budget / 2), self._clocks.monotonic())
        return latest + _LATE_LINE_SECONDS

    def _settle(self, router: Router, end: float, until: float) -> None:
        """Wait for what the platform still buffers, and until it has been parsed."""
        now = self._clocks.monotonic()
        self._clocks.sleep(max(min(end, until) - now, 0.0))
        router.wait_until_parsed(max(until - self._clocks.monotonic(), 0.0))

    def _shutdown(self, event: Event, router: Router) -> None:
        """Send all records before the environment is killed."""
        now, wall = self._clocks.monotonic(), self._clocks.wall()
        left = event.deadline - wall - _SHUTDOWN_MARGIN_SECONDS if event.deadline else 2.0
        until = now + max(min(left, _SHUTDOWN_SECONDS), 0.0)
        if event.reason in ("timeout", "failure"):
            router.queue(self._shutdown_record(event.reason))
        for shipper in router.shippers:
            shipper.begin_shutdown()
        self._settle(router, now + _SHUTDOWN_SETTLE_SECONDS, until)
        _flush(router, until)
        for shipper in router.shippers:
            account = shipper.buffer.account()
            line = f"{shipper.destination.name} at shutdown: {account}"
            if account.pending or account.lost:
                self._log.warning(f"log records were lost; {line}")
            else:
                self._log.debug(line)
        if router.unparsed:
            self._log.warning(f"{router.unparsed} bodies of telemetry were not parsed in time")

    def _shutdown_record(self, reason: str) -> LogRecord:
        request = self._request_id or None
        suffix = f" (request {request})" if request else ""
        content = {
            "message": f"the environment was shut down: {reason}{suffix}",
            "shutdownReason": reason,
            "requestId": request,
        }
        return LogRecord(self._clocks.timestamp(), "extension", content, request, "ERROR")


def _flush(router: Router, until: float) -> None:
    """Make all shippers send what they have, until a moment."""
    for shipper in router.shippers:
        shipper.begin_flush(until)
    for shipper in router.shippers:
        shipper.end_flush()
