"""The entry point of the extension, which puts its parts together."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

from extension.backoff import Backoff
from extension.buffer import Buffer
from extension.clocks import Clocks
from extension.destinations import choose
from extension.destinations.destination import Destination
from extension.destinations.responses import Meaning
from extension.errors import ExtensionError, LambdaApiError
from extension.http_client import HttpClient
from extension.invocations import Invocations
from extension.lambda_api import LambdaApi, Registration, keep_trying
from extension.lifecycle import Lifecycle
from extension.own_log import PREFIX, OwnLog, location
from extension.receiver import listen
from extension.records import LogRecord
from extension.router import Router
from extension.selection import Selection
from extension.settings import Settings, with_json_settings
from extension.shipper import Shipper

_SERVER_ERROR = 500
_SUBSCRIBE_RETRY_SECONDS = (0.05, 0.1)


def main(argv: list[str]) -> int:
    """Run the extension, or its health check, and return the exit code.

    The first argument is the path of the executable, whose file name is registered.
    """
    environ = with_json_settings(os.environ)
    if argv[1:] in (["--health-check"], ["-h"]):
        return health_check(environ, print)
    name = Path(argv[0]).name
    address = environ.get("AWS_LAMBDA_RUNTIME_API")
    if argv[1:] or not address:
        sys.stderr.write(
            f"usage: {name} [--health-check]\n"
            "Without an argument it runs beside a Lambda function, which sets "
            "AWS_LAMBDA_RUNTIME_API.\n"
        )
        return 2
    return Extension(name, address, environ).run()


def health_check(environ: Mapping[str, str], say: Callable[[str], object]) -> int:
    """Send one test record to each destination; return 0 if all accepted it, otherwise 1.

    `say` prints a line: one for each destination, and one for each setting that is wrong.
    """
    settings = Settings(environ)
    named = {"AWS_LAMBDA_FUNCTION_NAME": "health-check", **environ}
    chosen = choose(settings.destination_names, named, account="")
    for text in (*settings.warnings, *chosen.warnings, *chosen.unusable):
        say(text)
    content = f"{PREFIX}health check"
    record = LogRecord(Clocks().timestamp(), "function", content, None, "INFO")
    succeeded = bool(chosen.destinations) and not chosen.unusable
    for destination in chosen.destinations:
        failure = _failure(destination, record, settings.request_timeout_ms / 1000)
        say(f"{destination.name}: {f'failed: {failure}' if failure else 'ok'}")
        succeeded = succeeded and not failure
    return 0 if succeeded else 1


def _failure(destination: Destination, record: LogRecord, seconds: float) -> str:
    """Send a record within some seconds; return what went wrong, or nothing."""
    try:
        request = destination.request([destination.encode(record)])
        with closing(HttpClient()) as client:
            result = destination.interpret(client.send(request, seconds), 1)
    except ExtensionError as error:
        return str(error)
    if result.meaning is Meaning.SENT and not result.refused:
        return ""
    return result.detail or result.meaning.value


def start() -> None:
    """Run as a zipapp, whose first argument is the path of the executable."""
    status = main(sys.argv[1:])
    if sys.stdout:  # None where the function was started without it
        sys.stdout.flush()
    # CPython would end the threads that still wait, for which glibc loads libgcc_s: without that
    # file, as in a small image, the process would be aborted.
    os._exit(status)


class Extension:
    """The parts of the extension beside one function; the arguments are those of `LambdaApi`."""

    def __init__(self, name: str, address: str, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._settings = Settings(environ)
        self._clocks = Clocks()
        self._log = OwnLog(_write, self._settings.log_level)
        self._api = LambdaApi(address, name)

    def run(self) -> int:
        """Run until SHUTDOWN; return the exit code."""
        for warning in self._settings.warnings:
            self._log.warning(warning)
        registration = keep_trying(self._api.register, "registration", self._clocks, self._log)
        router = None
        try:
            router = self._started(registration)
        except (LambdaApiError, OSError) as error:
            self._no_logs(str(error))
        except Exception as error:  # noqa: BLE001 -- promise 1: no error ends the process
            self._no_logs(f"error at the start: {location(error)}")
        return Lifecycle(self._api, self._settings, router, self._clocks, self._log).run()

    def _started(self, registration: Registration) -> Router | None:
        """Listen, subscribe and start the threads; return None if no telemetry is to come."""
        router = self._router(registration)
        if router is None:
            return None
        address, port = self._settings.receiver_address, self._settings.receiver_port
        uri = listen(address, port, router, self._log)
        if not self._subscribe(uri, router.types):
            self._no_logs("there is no Telemetry API here (202)")
            return None
        router.start()
        return router

    def _router(self, registration: Registration) -> Router | None:
        """Return a router to the destinations whose settings are valid; None without any."""
        environ, settings, clocks = self._environ, self._settings, self._clocks
        chosen = choose(settings.destination_names, environ, registration.account)
        for problem in (*chosen.warnings, *chosen.unusable):
            self._log.warning(problem)
        if not chosen.destinations:
            return None
        share = settings.buffer_max_bytes // len(chosen.destinations)
        shippers = [self._shipper(it, share) for it in chosen.destinations]
        invocations = Invocations(clocks.monotonic, one_at_a_time=registration.invocations)
        selection = Selection(
            settings.min_level, settings.sample_rate, settings.redact, settings.exclude
        )
        return Router(shippers, invocations, selection, clocks=clocks, log=self._log)

    def _shipper(self, destination: Destination, buffer_bytes: int) -> Shipper:
        clock, settings = self._clocks.monotonic, self._settings
        destination.types = settings.types or destination.types
        return Shipper(
            destination,
            Buffer(buffer_bytes, clock),
            Backoff(clock, random.random, destination.max_body_bytes),
            client=HttpClient(),
            limits=(settings.flush_budget_ms / 1000, settings.request_timeout_ms / 1000),
            clocks=self._clocks,
            log=self._log,
        )

    def _subscribe(self, uri: str, types: list[str]) -> bool:
        """Subscribe, and twice again if the platform fails rather than refuses."""
        for pause in _SUBSCRIBE_RETRY_SECONDS:
            try:
                return self._api.subscribe(self._settings, uri, types)
            except LambdaApiError as error:  # noqa: PERF203 -- each attempt may be the last
                if 0 < error.status < _SERVER_ERROR:
                    raise
                self._clocks.sleep(pause)
        return self._api.subscribe(self._settings, uri, types)

    def _no_logs(self, reason: str) -> None:
        self._log.warn_once("telemetry", f"no logs are shipped: {reason}")


def _write(line: str) -> None:
    # Without a standard output its descriptor may be that of a connection by now.
    if sys.stdout is not None:
        # Unbuffered: a buffer would be flushed once more at the end.
        os.write(sys.stdout.fileno(), line.encode("utf-8", "replace"))
