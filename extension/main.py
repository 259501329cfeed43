"""The parts of the extension, put together: `main` is what the executable calls."""

from __future__ import annotations

import os
import random
import sys
from typing import TYPE_CHECKING

from extension.buffer import Buffer
from extension.clocks import Clocks, real_clocks
from extension.delivery import Delivery
from extension.destinations import choose
from extension.errors import LambdaApiError
from extension.inbox import Inbox
from extension.intake import Intake, Route
from extension.invocations import Invocations
from extension.lambda_api import LambdaApi, Registration
from extension.life import Life, Pipeline
from extension.own_log import OwnLog, where
from extension.patience import FAILURES_TO_OPEN, Patience
from extension.receiver import Receiver
from extension.records import FunctionIdentity
from extension.secrets import fetch_secret
from extension.selection import Selection
from extension.settings import Settings, read_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from extension.destinations.destination import Destination
    from extension.exchange import Exchanges

# So much of the memory for records may be bodies that nobody has read yet.
_INBOX_SHARE = 8
# "The payload can be as large as 2 * maxBytes + metadataBytes" (Telemetry API, "Buffering").
_METADATA_BYTES = 1_048_576
_SUBSCRIBE_AGAIN_SECONDS = (0.05, 0.1)
_SERVER_ERROR = 500
_RETRY_SECONDS = (0.05, 0.2, 0.5, 1.0)


def main(argv: list[str]) -> int:
    """
    Run the extension, or its health check; return the exit code.

    Args:
        argv: The path of the executable, whose file name is what is registered, then
            `--health-check` or `-h`.
    """
    if argv[1:] in (["--health-check"], ["-h"]):
        from extension.health_check import health_check  # noqa: PLC0415 -- not on the hot path

        return health_check(os.environ, print)
    address = os.environ.get("AWS_LAMBDA_RUNTIME_API")
    if argv[1:] or not address:
        sys.stderr.write(
            f"usage: {os.path.basename(argv[0])} [--health-check]\n"
            "Without an argument it runs beside a Lambda function, which sets "
            "AWS_LAMBDA_RUNTIME_API.\n"
        )
        return 2
    return run(os.path.basename(argv[0]), address, os.environ)


def run(name: str, address: str, environ: Mapping[str, str]) -> int:
    """
    Live beside a function until SHUTDOWN; return the exit code.

    Args:
        name: The executable's file name.
        address: `host:port` of the Lambda services.
        environ: The settings.
    """
    settings = read_settings(environ)
    log = OwnLog(_write, settings.log_level)
    for warning in settings.warnings:
        log.warning(warning)
    clocks = real_clocks()
    api = LambdaApi(address, name)
    registration = _register(api, clocks, log)
    pipeline = None
    try:
        destinations = _destinations(settings, environ, registration, clocks, log)
        if destinations:
            invocations = Invocations(clocks.monotonic, one_at_a_time=registration.invocations)
            pipeline = _pipeline(settings, destinations, invocations, clocks, log)
            if not _subscribe(api, settings, pipeline, clocks, log):
                pipeline = None
    except Exception as error:  # noqa: BLE001 -- promise 1: a fault of ours ends nothing
        pipeline = None
        log.warn_once("telemetry", f"no logs are shipped: fault at the start: {where(error)}")
    return Life(api, settings, pipeline, clocks, log).run()


def _destinations(
    settings: Settings,
    environ: Mapping[str, str],
    registration: Registration,
    clocks: Clocks,
    log: OwnLog,
) -> tuple[Destination, ...]:
    """Return the destinations whose settings will do; the problems of others are said once."""
    identity = FunctionIdentity(
        registration.function_name or environ.get("AWS_LAMBDA_FUNCTION_NAME", ""),
        registration.function_version or environ.get("AWS_LAMBDA_FUNCTION_VERSION", ""),
        environ.get("AWS_REGION", ""),
        registration.account,
    )
    chosen = choose(
        settings.destination_names,
        environ,
        identity,
        lambda reference: fetch_secret(reference, environ, now=clocks.wall),
        clocks.wall,
    )
    for problem in chosen.problems:
        log.warning(problem)
    return chosen.destinations


def _pipeline(
    settings: Settings,
    destinations: tuple[Destination, ...],
    invocations: Invocations,
    clocks: Clocks,
    log: OwnLog,
) -> Pipeline:
    inbox_bytes = settings.buffer_max_bytes // _INBOX_SHARE
    share = (settings.buffer_max_bytes - inbox_bytes) // max(len(destinations), 1)
    routes = []
    for destination in destinations:
        delivery = Delivery(
            destination,
            Buffer(share, clocks.monotonic),
            _patience(destination, clocks),
            open_exchanges=_open_exchanges,
            budget=_budget(destination, settings),
            clocks=clocks,
            log=log,
        )
        routes.append(Route(delivery, settings.types or destination.default_types))
    inbox = Inbox(inbox_bytes)
    selection = Selection(settings.min_level, settings.sample_rate, settings.redact)
    intake = Intake(inbox, routes, invocations, selection, clocks=clocks, log=log)
    return Pipeline(inbox, intake, invocations, [route.delivery for route in routes])


def _patience(destination: Destination, clocks: Clocks) -> Patience:
    retry_settings = destination.retry_settings
    if retry_settings is None:
        return Patience(clocks.monotonic, random.random)
    return Patience(
        clocks.monotonic,
        random.random,
        first_delay=retry_settings.initial_delay_ms / 1000,
        longest_delay=retry_settings.max_delay_ms / 1000,
        # A budget caps every setting: the breaker opens no later for it.
        failures_to_open=min(retry_settings.max_retries + 1, FAILURES_TO_OPEN),
    )


def _budget(destination: Destination, settings: Settings) -> float:
    """Return the seconds for one exchange: those of the destination's variables, within ours."""
    retry_settings = destination.retry_settings
    longest = settings.flush_budget_ms
    return min(retry_settings.request_timeout_ms if retry_settings else longest, longest) / 1000


def _subscribe(
    api: LambdaApi, settings: Settings, pipeline: Pipeline, clocks: Clocks, log: OwnLog
) -> bool:
    """Listen and subscribe; tell whether telemetry comes. What prevents it is said once."""
    intake = pipeline.intake
    receiver = Receiver(
        pipeline.inbox,
        max(settings.buffer_max_bytes, 2 * settings.max_bytes + _METADATA_BYTES),
        lambda _size: intake.left_out("body_too_large"),
        log,
    )
    try:
        uri = receiver.listen(settings.receiver_address, settings.receiver_port)
        subscribed = _attempt(lambda: api.subscribe(settings, uri, intake.types), clocks)
    except (LambdaApiError, OSError) as error:
        log.warn_once("telemetry", f"no logs are shipped: {error}")
        return False
    if not subscribed:
        log.warn_once("telemetry", "no logs are shipped: there is no Telemetry API here (202)")
        return False
    intake.start()
    for delivery in pipeline.deliveries:
        delivery.start()
    return True


def _attempt(subscribe: Callable[[], bool], clocks: Clocks) -> bool:
    """Subscribe, twice more where the platform fails rather than refuses."""
    for pause in _SUBSCRIBE_AGAIN_SECONDS:
        try:
            return subscribe()
        except LambdaApiError as error:  # noqa: PERF203 -- each try may be the last
            if 0 < error.status < _SERVER_ERROR:
                raise
            clocks.sleep(pause)
    return subscribe()


def _register(api: LambdaApi, clocks: Clocks, log: OwnLog) -> Registration:
    """Register, however often it takes: who gives up keeps the function from starting."""
    attempt = 0
    while True:
        try:
            return api.register()
        except LambdaApiError as error:  # noqa: PERF203 -- each try may be the last
            log.warn_once("register", f"registering is tried again: {error}")
            clocks.sleep(_RETRY_SECONDS[min(attempt, len(_RETRY_SECONDS) - 1)])
            attempt += 1


def _open_exchanges() -> Exchanges:
    from extension.exchange import Exchanges  # noqa: PLC0415 -- TLS is not needed to be ready

    return Exchanges()


def _write(line: str) -> None:
    # Where there is none, its descriptor may be that of a connection by now.
    if sys.stdout is not None:
        # Past the stream's own buffer, which would be flushed again at the end.
        os.write(sys.stdout.fileno(), line.encode("utf-8", "replace"))
