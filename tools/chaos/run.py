"""A run: everything is put together here, and accounted for."""

import contextlib
import functools
import shutil
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import urllib3
from urllib3.exceptions import HTTPError

from testing.emulator import emulator_program
from testing.firehose.stream import Stream
from testing.ingress.concurrency import Instances
from testing.servers import Prometheus, prometheus
from tools.chaos import kept
from tools.chaos.account import Account, settle
from tools.chaos.bucket import failed_records
from tools.chaos.faults import Faults
from tools.chaos.functions import Functions
from tools.chaos.listener import Forward, Forwarded, Listener
from tools.chaos.outages import Outages
from tools.chaos.plan import ENVIRONMENT, Plan
from tools.chaos.progress import Progress
from tools.chaos.records import Planned, planned_records
from tools.chaos.said import Said, read_logs
from tools.chaos.streams import run_streams, totals

# Far more than a run's points span, so that Prometheus refuses none of them as too old.
_WINDOW = "1d"
_FORWARD_SECONDS = 20.0


class CannotRunError(Exception):
    """A program that a run needs is missing."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a run came to.

    Attributes:
        plan: The run.
        seconds: How long it took.
        put_in: What was put into the streams.
        deliveries: What the streams did, as `streams.totals`.
        statuses: The ingresses' answers.
        faults: What the listener did.
        behind: What Prometheus answered to what was forwarded.
        outages: What happened as a whole, and how many processes of the function were killed.
        said: What the function's log says of refusals.
        account: Where the samples are.
    """

    plan: Plan
    seconds: float
    put_in: list[Planned]
    deliveries: Counter[str]
    statuses: Counter[int]
    faults: Faults
    behind: Counter[int]
    outages: Counter[str]
    said: Said
    account: Account


def forward_to(url: str) -> Forward:
    """Give what brings requests to a remote-write URL, be it that the server is down."""
    connections = urllib3.PoolManager(maxsize=64)

    def forward(body: bytes, headers: Mapping[str, str]) -> Forwarded:
        try:
            answer = connections.request(
                "POST", url, body=body, headers=headers, timeout=_FORWARD_SECONDS, retries=False
            )
        except HTTPError as error:
            return Forwarded(502, f"nobody behind: {type(error).__name__}".encode())
        return Forwarded(answer.status, answer.data)

    return forward


def run(
    plan: Plan,
    folder: Path,
    tell: Callable[[str], object],
    make_forward: Callable[[str], Forward] = forward_to,
) -> Result:
    """Deliver what is planned, under faults, and account for it.

    Args:
        plan: What to do.
        folder: An empty folder; `kept` says what it holds afterwards.
        tell: Where lines of progress go.
        make_forward: Makes what brings requests to Prometheus's URL.

    Raises:
        CannotRunError: The emulator or Prometheus is missing.
    """
    program = emulator_program()
    if program is None:
        raise CannotRunError("the Runtime Interface Emulator is missing; make chaos installs it")
    if shutil.which("prometheus") is None:
        raise CannotRunError("the program prometheus is missing: Debian's package has that name")
    begun = time.monotonic()
    data = folder / "prometheus"
    data.mkdir()
    faults = Faults(plan.seed)
    with prometheus(data, window=_WINDOW) as server:
        functions = Functions(program, folder / "functions", plan)
        listener = Listener(faults, make_forward(server.write_url), functions.kill)
        start = functools.partial(functions.start, listener.url)
        with listener, Instances(start, plan.instances) as instances:
            put_in, deliveries, statuses, outages = _deliver(
                plan, kept.bucket(folder), listener, instances, server, tell
            )
        outages["function process killed"] = functions.killed
        said = read_logs(functions.logs())
        tell("reading back what is stored")
        stored = server.stored(p8s_logzio_name=ENVIRONMENT)
    account = settle(put_in, stored, said.alone, failed_records(kept.bucket(folder)))
    seconds = time.monotonic() - begun
    return Result(
        plan, seconds, put_in, deliveries, statuses, faults, listener.behind, outages, said, account
    )


def _deliver(
    plan: Plan,
    bucket: Path,
    listener: Listener,
    instances: Instances,
    server: Prometheus,
    tell: Callable[[str], object],
) -> tuple[list[Planned], Counter[str], Counter[int], Counter[str]]:
    """Put everything in, and wait until each batch is settled."""
    outages = Outages(plan, listener, lambda: _restart(server))
    with outages, contextlib.ExitStack() as stack:
        servers_and_streams = contextlib.ExitStack()
        streams, ingresses = run_streams(servers_and_streams, plan, bucket, instances)
        stack.enter_context(Progress(tell, lambda: _words(streams, listener)))
        with servers_and_streams:
            put_in = _put_in(plan, streams, listener.faults)
    statuses: Counter[int] = Counter()
    for ingress in ingresses:
        statuses.update(ingress.statuses)
    return put_in, totals(streams), statuses, outages.counts


def _put_in(plan: Plan, streams: list[Stream], faults: Faults) -> list[Planned]:
    """Put records into the streams in turn until they have made the planned batches."""
    put_in: list[Planned] = []
    for planned in planned_records(plan, int(time.time() * 1000)):
        faults.mark(planned.poison, planned.cursed)
        streams[len(put_in) % len(streams)].put(planned.content)
        put_in.append(planned)
        if totals(streams)["batches"] >= plan.deliveries:
            return put_in
    raise AssertionError


def _restart(server: Prometheus) -> None:
    server.process.kill()
    server.process.start()


def _words(streams: list[Stream], listener: Listener) -> str:
    """Give the words of a line of progress."""
    done = totals(streams)
    return (
        f"{done['settled']} of {done['batches']} deliveries settled, {done['backed up']} of them "
        f"backed up; {listener.requests} requests to the listener"
    )
