"""A run: puts everything together, audits it, and reports."""

import contextlib
import functools
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from threading import Event

from testing.emulator import required_emulator
from testing.firehose.stream import Stream
from testing.ingress.concurrency import Instances
from tools.chaos import kept
from tools.chaos.audit import Audit, audit
from tools.chaos.faults import Faults
from tools.chaos.listener import Listener
from tools.chaos.outages import Outages, in_background
from tools.chaos.plan import ENVIRONMENT, Plan
from tools.chaos.records import Planned, planned_records
from tools.chaos.report import delivery_rows, listener_rows, put_in_rows, sample_rows, table
from tools.chaos.sending import Functions, open_streams, totals
from tools.chaos.servers import Server, open_server

Write = Callable[[str], object]
OpenServer = Callable[[str, Path, Plan], AbstractContextManager[Server]]

_PROGRESS_SECONDS = 10.0


def run(
    plan: Plan, name: str, folder: Path, write: Write, opened: OpenServer = open_server
) -> Audit:
    """Deliver what is planned, under faults, audit it, and report.

    Args:
        plan: What to do.
        name: The server behind the listener, a name of `servers`.
        folder: An empty folder; `kept` says what it holds afterwards.
        write: Writes lines of progress, and the tables of the report.
        opened: Opens the server.

    Raises:
        MissingProgramError: The emulator or Prometheus is missing.
    """
    functions = Functions(required_emulator(), folder / "functions", plan)
    faults = Faults(plan.seed)
    bucket = kept.bucket(folder)
    data = folder / "server"
    data.mkdir()
    with opened(name, data, plan) as server, contextlib.ExitStack() as stack:
        listener = Listener(faults, server.forward, functions.kill)
        start = functools.partial(functions.start, stack.enter_context(listener).url)
        instances = stack.enter_context(Instances(start, plan.instances))
        outages = Outages(plan, listener, server)
        stack.enter_context(in_background(outages.cause_all))
        streams, ingresses = open_streams(plan, bucket, instances)
        progress = functools.partial(_write_progress, streams, listener, write)
        stack.enter_context(in_background(progress))
        with contextlib.ExitStack() as running:
            for ingress in ingresses:
                running.enter_context(ingress)
            for stream in streams:
                running.enter_context(stream)
            put_in = _put_in(plan, streams, faults)
        stack.close()
        write("reading back what is stored")
        stored, refused = server.stored(p8s_logzio_name=ENVIRONMENT), server.refused()
    rejections = kept.read_logs(folder / "functions")
    backup = kept.failed_records(bucket)
    found = audit(put_in, stored, rejections.named, backup, refused)
    outages.counts["function process killed"] = functions.killed
    statuses = sum((ingress.statuses for ingress in ingresses), Counter[int]())
    write(table("put in", put_in_rows(put_in)))
    write(table("the listener's answers", listener_rows(faults.counts, name, listener.behind)))
    write(table("outages", sorted(outages.counts.items())))
    write(table("deliveries", delivery_rows(totals(streams), statuses)))
    write(table("samples", sample_rows(found, rejections)))
    return found


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


def _write_progress(streams: list[Stream], listener: Listener, write: Write, ending: Event) -> None:
    """Write a line of progress every few seconds, and the last one when the event is set."""
    begun = time.monotonic()
    ended = False
    while not ended:
        ended = ending.wait(_PROGRESS_SECONDS)
        done = totals(streams)
        write(
            f"{time.monotonic() - begun:6.0f} s  {done['settled']} of {done['batches']} deliveries "
            f"settled, {done['backed up']} of them backed up; "
            f"{listener.requests} requests to the listener"
        )
