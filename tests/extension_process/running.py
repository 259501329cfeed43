"""The extension as a process between the fake Lambda services and fake log destinations."""

import contextlib
import math
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from extension.buffer import RecordAccount
from testing.lambda_services.extension_process import Ended, ExtensionProcess
from testing.lambda_services.faults import Faults
from testing.lambda_services.invocation import Invocation, Order
from testing.lambda_services.services import LambdaServices
from testing.lambda_services.telemetry_stream import Platform
from testing.log_destinations.arrival import Arrival
from testing.log_destinations.datatap import DataTapDestination
from testing.log_destinations.destination import LogDestination
from testing.log_destinations.log_table import row_of
from testing.log_destinations.logzio import LogzioDestination
from testing.log_destinations.loki import LokiDestination, LokiEntry
from testing.log_destinations.openobserve import OpenObserveDestination
from testing.ports import free_port
from testing.pythons import pythons

EXECUTABLE = Path(__file__).parents[2] / "extension" / "metric-stream-logs"
OWN_PYTHON = pythons()[f"{sys.version_info.major}.{sys.version_info.minor}"]
"""The interpreter of these tests, outside of their virtual environment."""

DESTINATIONS: dict[str, type[LogDestination]] = {
    kind.name: kind
    for kind in (LogzioDestination, LokiDestination, OpenObserveDestination, DataTapDestination)
}
PATIENT = {"FLUSH_BUDGET_MS": "30000"}
"""The longest flush: which lines arrive does not depend on the machine's speed."""
PROMPT = 20.0
"""Seconds: more than anything takes that ends by itself, less than the budget of `PATIENT`, or
the minute that an invocation may last."""
ANSWERING = {"FLUSH_BUDGET_MS": "2400"}
"""Enough for an exchange, and less than the first pause of the circuit breaker."""
WINDOW_SECONDS = 0.5
WINDOW = {"LOGS_TIMEOUT_MS": str(int(WINDOW_SECONDS * 1000))}
"""How long the extension waits for lines after the end of an invocation; the platform of these
tests delivers long before, also on a busy machine."""
MALFORMED = {
    "LOGS_DESTINATION": "nowhere",
    "RECEIVER_ADDRESS": "not a host",
    "RECEIVER_PORT": "many",
    "LOGS_MAX_ITEMS": "few",
    "LOGS_MAX_BYTES": "-1",
    "LOGS_TIMEOUT_MS": "soon",
    "TELEMETRY_TYPES": "nonsense",
    "BUFFER_MAX_BYTES": "1e9",
    "FLUSH_BUDGET_MS": "0",
    "EXTENSION_LOG_LEVEL": "loud",
    "LOGS_REDACT": "(",
    "LOGS_SAMPLE_RATE": "nan",
    "LOGS_MIN_LEVEL": "quiet",
    "CUSTOM_FIELDS": "nothing",
    "LOGZIO_LISTENER": "no url",
}
"""A malformed value for each setting that can have one."""
DEBUG = {"EXTENSION_LOG_LEVEL": "debug"}
# Only an error of the extension itself writes these.
_ERRORS = ("error while", "error in", "error at", "cannot encode")
_TRACES = ("Traceback", "Exception in thread", "Exception ignored")
_PREFIX = "metric-stream-logs: "
ORDERS: tuple[Order, ...] = ("line-then-done", "done-then-line", "one-post")
AT_ONCE = Platform(window_seconds=0.0)
"""A platform that delivers without buffering."""
_LOST = f"{_PREFIX}warning: log records were lost; "
_UNPARSED = re.compile(rf"{_PREFIX}warning: \d+ bodies of telemetry were not parsed in time")
# The extension has 1.7 s at SHUTDOWN, of which it first waits 50 ms for late telemetry.
_WHOLE_SECONDS, _SETTLE_SECONDS = 1.0, 0.04
# More than Lambda's two seconds, so that a busy machine kills no process that would end.
_SHUTDOWN_SECONDS = 60.0
# A warning may come after some attempts, the last of which wait for seconds.
_PRINTED_SECONDS = 120.0
_ACCOUNT = re.compile(r"(?P<name>[a-z]+) at shutdown: (?P<counts>received=.*)$")


class Shipping:
    """A running extension.

    Args:
        services: The services that it runs under.
        extension: Its process.

    Attributes:
        services: As given.
        extension: As given.
        in_time: Whether it ended long before its time was over, and after the last telemetry.
    """

    def __init__(self, services: LambdaServices, extension: ExtensionProcess) -> None:
        self.services = services
        self.extension = extension
        self._ending = math.inf
        self.in_time = True

    @property
    def output(self) -> str:
        """All of its output so far."""
        return self.extension.output.decode(errors="replace")

    @property
    def printed(self) -> list[str]:
        """Each line of its output, without the warnings that a busy machine causes at the end."""
        lines = self.output.splitlines()
        if self.in_time:
            return lines
        return [it for it in lines if not (it.startswith(_LOST) or _UNPARSED.match(it))]

    @property
    def warnings(self) -> list[str]:
        """Each line above the level `debug`, without the account of its losses."""
        return [it for it in self.printed if not it.startswith((f"{_PREFIX}debug: ", _LOST))]

    def end(self, reason: str = "spindown") -> Ended:
        """Send SHUTDOWN; fail unless the process ends by itself, with exit code 0."""
        self._ending = time.monotonic()
        ended = self.extension.shutdown(reason)
        assert (ended.exit_code, ended.killed) == (0, False), self.output
        settled = self._ending + _SETTLE_SECONDS
        late = any(it.ended > settled for it in self.services.deliveries)
        self.in_time = ended.seconds < _WHOLE_SECONDS and not late
        return ended

    def account(self, name: str = "logzio") -> RecordAccount:
        """Return the account of a destination, which is logged at `debug`, or after a loss."""
        for line in self.output.splitlines():
            match = _ACCOUNT.search(line)
            if match is None or match["name"] != name:
                continue
            counts = {key: int(number) for key, number in re.findall(r"(\w+)=(\d+)", line)}
            received, sent, pending = (counts.pop(it) for it in ("received", "sent", "pending"))
            return RecordAccount(received, sent, counts, pending)
        raise AssertionError(f"no account of {name}: {self.output}")

    def check(self, *, faulty: bool = False) -> None:
        """Fail unless the function was not affected, and every delivery answered with 200."""
        assert self.services.calls.count("/init/error") == 0
        assert self.services.calls.count("/exit/error") == 0
        # After the end nothing listens any more.
        answers = {it.status for it in self.services.deliveries if it.ended < self._ending}
        assert answers <= {200}
        unwanted = _TRACES if faulty else (*_TRACES, *_ERRORS)
        assert [words for words in unwanted if words in self.output] == [], self.output


class Side:
    """An extension and its destination, which many tests share."""

    def __init__(self, run: Shipping, destination: LogDestination) -> None:
        self.run = run
        self.destination = destination

    def requests_with(self, line: str) -> list[Arrival]:
        """Return the requests that had a line, whatever the response."""
        arrivals = self.destination.arrivals
        return [it for it in arrivals if line in [message_of(record) for record in it.records]]


@contextlib.contextmanager
def shipping(
    *destinations: LogDestination,
    environ: Mapping[str, str] | None = None,
    python: Path | None = OWN_PYTHON,
    executable: Path = EXECUTABLE,
    faults: Faults | None = None,
    platform: Platform | None = None,
    managed_instances: bool = False,
    ship_output: bool = False,
    faulty: bool = False,
) -> Iterator[Shipping]:
    """Run the extension; at the end of the block fail if it has affected the function.

    Args:
        destinations: The destinations.
        environ: Further variables, or other values; see `settings`.
        python: The interpreter; None: the file is executed itself.
        executable: The file.
        faults: Faults of the services.
        platform: How telemetry is delivered.
        managed_instances: Run it as on Lambda Managed Instances.
        ship_output: Whether its own lines come back as `extension` events.
        faulty: Whether it has an error on purpose.
    """
    variables = {**settings(destinations), **(environ or {})}
    interpreter = () if python is None else started_by(python, executable)
    with (
        LambdaServices(
            faults=faults,
            platform=platform,
            managed_instances=managed_instances,
            shutdown_seconds=_SHUTDOWN_SECONDS,
        ) as services,
        ExtensionProcess(
            services, executable, variables, python=interpreter, ship_output=ship_output
        ) as extension,
    ):
        extension.wait_ready()
        run = Shipping(services, extension)
        yield run
        run.check(faulty=faulty)
    for destination in destinations:
        assert destination.violations == []
        assert destination.invalid == []


def settings(destinations: Iterable[LogDestination]) -> dict[str, str]:
    """Return the variables that send the function's lines, and nothing else, to destinations."""
    made = {"RECEIVER_PORT": str(free_port()), "TELEMETRY_TYPES": "function", **PATIENT}
    names = []
    for destination in destinations:
        made |= destination.environment
        names.append(destination.name)
    return {**made, "LOGS_DESTINATION": ",".join(names)} if names else made


def started_by(python: Path, executable: Path = EXECUTABLE) -> tuple[str | Path, ...]:
    """Return the command that the launcher runs in a checkout, without its arguments."""
    return (python, "-I", "-S", executable.parent / "__main__.py")


def in_time(run: Shipping, done: Invocation) -> bool:
    """Return whether the lines of an invocation came within `WINDOW`."""
    came = [it.ended for it in run.services.deliveries if "function" in it.types]
    # The end has its time in whole milliseconds.
    return bool(came) and done.begun < came[-1] < done.done_at + WINDOW_SECONDS - 0.001


def messages(destination: LogDestination, kind: str = "function") -> list[str]:
    """Return the messages of the records of one type at a destination, in order."""
    return [message_of(record) for record in destination.records if _type_of(record) == kind]


def _type_of(record: Any) -> str:
    """Return the type of a record in the Telemetry API."""
    if isinstance(record, LokiEntry):
        return record.metadata.get("type", "")
    return str(record.get("lambda.log.type") or record.get("type"))


def message_of(record: Any) -> str:
    """Return the logged message on one line, see `row_of`; empty if it is nested too deeply."""
    try:
        return row_of(record).message
    except RecursionError:
        return ""


def health_check(
    environ: Mapping[str, str], python: Path = OWN_PYTHON, option: str = "--health-check"
) -> tuple[int, str]:
    """Run the health check with only these variables; return its exit code and output."""
    done = subprocess.run(
        [*started_by(python), EXECUTABLE, option],
        env=dict(environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout.decode()


def assert_left_alone(
    run: Shipping, *words: str, at_least: int = 3, deadline: float = 60.0
) -> None:
    """Fail unless invocations go on, and only lines that match these patterns are printed.

    Args:
        run: The extension.
        words: A regular expression for each line.
        at_least: How many invocations there are; more until all lines are there.
        deadline: The function's timeout in seconds, for an extension that waits until then.
    """
    until = time.monotonic() + _PRINTED_SECONDS
    number = 0
    while number < at_least or (len(run.warnings) < len(words) and time.monotonic() < until):
        done = run.services.invoke([f"line {number}"], duration=0.02, deadline=deadline)
        assert done.added_seconds < PROMPT
        number += 1
    run.end()
    assert len(run.warnings) == len(words), run.output
    for pattern in words:
        assert len([it for it in run.warnings if re.search(pattern, it)]) == 1, run.output
