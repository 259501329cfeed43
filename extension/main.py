"""The entry point of the extension, which puts its parts together."""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from extension.backoff import FAILURES_TO_OPEN, Backoff
from extension.buffer import Buffer
from extension.clocks import Clocks, real_clocks
from extension.destinations import choose
from extension.errors import LambdaApiError
from extension.health_check import health_check
from extension.http_client import HttpClient
from extension.invocations import Invocations
from extension.lambda_api import LambdaApi, Registration, keep_trying
from extension.lifecycle import Lifecycle, Pipeline
from extension.own_log import OwnLog, location
from extension.receiver import Inbox, listen
from extension.records import FunctionIdentity
from extension.router import Route, Router
from extension.secrets import fetch_secret
from extension.selection import Selection
from extension.settings import Settings, read_settings
from extension.shipper import Shipper

if TYPE_CHECKING:
    from collections.abc import Mapping

    from extension.destinations.destination import Destination

# This share of BUFFER_MAX_BYTES is for bodies that have not been parsed.
_INBOX_SHARE = 8
# "The payload can be as large as 2 * maxBytes + metadataBytes" (Telemetry API, "Buffering").
_METADATA_BYTES = 1_048_576
_SERVER_ERROR = 500
_SUBSCRIBE_RETRY_SECONDS = (0.05, 0.1)


def main(argv: list[str]) -> int:
    """Run the extension, or its health check, and return the exit code.

    Args:
        argv: The path of the executable, whose file name is registered, then `--health-check`
            or `-h`, or nothing.
    """
    if argv[1:] in (["--health-check"], ["-h"]):
        return health_check(os.environ, print)
    name = Path(argv[0]).name
    address = os.environ.get("AWS_LAMBDA_RUNTIME_API")
    if argv[1:] or not address:
        sys.stderr.write(
            f"usage: {name} [--health-check]\n"
            "Without an argument it runs beside a Lambda function, which sets "
            "AWS_LAMBDA_RUNTIME_API.\n"
        )
        return 2
    return run(name, address, os.environ)


def start() -> None:
    """Run as a zipapp, whose first argument is the path of the executable."""
    sys.exit(main(sys.argv[1:]))


def run(name: str, address: str, environ: Mapping[str, str]) -> int:
    """Run beside a function until SHUTDOWN; return the exit code.

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
    registration = keep_trying(api.register, "registration", clocks, log)
    pipeline = None
    try:
        destinations = _destinations(settings, environ, registration, clocks, log)
        if destinations:
            invocations = Invocations(clocks.monotonic, one_at_a_time=registration.invocations)
            pipeline = _pipeline(settings, destinations, invocations, clocks, log)
            if not _subscribe(api, settings, pipeline, clocks, log):
                pipeline = None
    except Exception as error:  # noqa: BLE001 -- promise 1: no error ends the process
        pipeline = None
        log.warn_once("telemetry", f"no logs are shipped: error at the start: {location(error)}")
    return Lifecycle(api, settings, pipeline, clocks, log).run()


def _destinations(
    settings: Settings,
    environ: Mapping[str, str],
    registration: Registration,
    clocks: Clocks,
    log: OwnLog,
) -> tuple[Destination, ...]:
    """Return the destinations whose settings are valid; report the problems of the others."""
    identity = FunctionIdentity(
        environ.get("AWS_LAMBDA_FUNCTION_NAME", ""),
        environ.get("AWS_LAMBDA_FUNCTION_VERSION", ""),
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
    share = (settings.buffer_max_bytes - inbox_bytes) // len(destinations)
    routes = []
    for destination in destinations:
        backoff, budget = _pacing(destination, settings, clocks)
        shipper = Shipper(
            destination,
            Buffer(share, clocks.monotonic),
            backoff,
            client=HttpClient(),
            budget=budget,
            clocks=clocks,
            log=log,
        )
        routes.append(Route(shipper, settings.types or destination.default_types))
    inbox = Inbox(inbox_bytes)
    selection = Selection(settings.min_level, settings.sample_rate, settings.redact)
    router = Router(inbox, routes, invocations, selection, clocks=clocks, log=log)
    return Pipeline(inbox, router, invocations, tuple(route.shipper for route in routes))


def _pacing(destination: Destination, settings: Settings, clocks: Clocks) -> tuple[Backoff, float]:
    """Return the backoff, and the seconds for one exchange, which FLUSH_BUDGET_MS caps."""
    budget_ms, own = settings.flush_budget_ms, destination.retry_settings
    if own is None:
        return Backoff(clocks.monotonic, random.random), budget_ms / 1000
    backoff = Backoff(
        clocks.monotonic,
        random.random,
        first_delay=own.initial_delay_ms / 1000,
        longest_delay=own.max_delay_ms / 1000,
        # A higher setting does not open the breaker later.
        failures_to_open=min(own.max_retries + 1, FAILURES_TO_OPEN),
    )
    return backoff, min(own.request_timeout_ms, budget_ms) / 1000


def _subscribe(
    api: LambdaApi, settings: Settings, pipeline: Pipeline, clocks: Clocks, log: OwnLog
) -> bool:
    """Listen, subscribe and start the threads; return whether telemetry comes."""
    router = pipeline.router
    largest = max(settings.buffer_max_bytes, 2 * settings.max_bytes + _METADATA_BYTES)
    try:
        uri = listen(
            settings.receiver_address,
            settings.receiver_port,
            pipeline.inbox,
            largest,
            lambda: router.drop_body("body_too_large"),
            log,
        )
        subscribed = _subscribe_to(api, settings, uri, router.types, clocks)
    except (LambdaApiError, OSError) as error:
        log.warn_once("telemetry", f"no logs are shipped: {error}")
        return False
    if not subscribed:
        log.warn_once("telemetry", "no logs are shipped: there is no Telemetry API here (202)")
        return False
    router.start()
    for shipper in pipeline.shippers:
        shipper.start()
    return True


def _subscribe_to(
    api: LambdaApi, settings: Settings, uri: str, types: list[str], clocks: Clocks
) -> bool:
    """Subscribe, and twice again if the platform fails rather than refuses."""
    for pause in _SUBSCRIBE_RETRY_SECONDS:
        try:
            return api.subscribe(settings, uri, types)
        except LambdaApiError as error:  # noqa: PERF203 -- each attempt may be the last
            if 0 < error.status < _SERVER_ERROR:
                raise
            clocks.sleep(pause)
    return api.subscribe(settings, uri, types)


def _write(line: str) -> None:
    # Without a standard output its descriptor may be that of a connection by now.
    if sys.stdout is not None:
        # Unbuffered: a buffer would be flushed once more at the end.
        os.write(sys.stdout.fileno(), line.encode("utf-8", "replace"))
