"""A run: puts everything together, audits it, and reports."""

import contextlib
import functools
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Event, Lock

import requests

from testing.emulator import required_emulator
from testing.firehose.stream import Stream
from testing.http_server import Reply
from testing.ingress.concurrency import Instances
from testing.servers import Prometheus, loopback_session
from tools.chaos import kept
from tools.chaos.audit import Audit, audit
from tools.chaos.faults import Faults
from tools.chaos.listener import Forward, Listener
from tools.chaos.outages import Outages, in_background
from tools.chaos.plan import ENVIRONMENT, Plan
from tools.chaos.records import Planned, planned_records
from tools.chaos.report import delivery_rows, listener_rows, put_in_rows, sample_rows, table
from tools.chaos.sending import Functions, open_streams, totals

Write = Callable[[str], object]

# Far longer than the time that a run's points span: Prometheus refuses none as too old.
_WINDOW = "1d"
_FORWARD_SECONDS = 20.0
_PROGRESS_SECONDS = 10.0


def forward_to(url: str) -> Forward:
    """Return what forwards requests to a remote-write URL, whether its server runs or not.

    One at a time: if two requests bring a new series at once, Prometheus 2.42 may log the
    samples of the one before the series, and loses them when it is killed and reads its log.
    """
    session = loopback_session()
    one_at_a_time = Lock()

    def forward(body: bytes, headers: Mapping[str, str]) -> Reply:
        try:
            with one_at_a_time:
                response = session.post(url, data=body, headers=headers, timeout=_FORWARD_SECONDS)
        except requests.RequestException as error:
            return Reply(502, body=f"Prometheus is down: {type(error).__name__}".encode())
        return Reply(response.status_code, body=response.content)

    return forward


def run(
    plan: Plan, folder: Path, write: Write, make_forward: Callable[[str], Forward] = forward_to
) -> Audit:
    """Deliver what is planned, under faults, audit it, and report.

    Args:
        plan: What to do.
        folder: An empty folder; `kept` says what it holds afterwards.
        write: Writes lines of progress, and the report; its last line says how much is lost.
        make_forward: Makes what forwards requests to Prometheus's URL.

    Raises:
        MissingProgramError: The emulator or Prometheus is missing.
    """
    begun = time.monotonic()
    functions = Functions(required_emulator(), folder / "functions", plan)
    faults = Faults(plan.seed)
    bucket = kept.bucket(folder)
    data = folder / "prometheus"
    data.mkdir()
    with Prometheus(data, window=_WINDOW) as server, contextlib.ExitStack() as stack:
        listener = Listener(faults, make_forward(server.write_url), functions.kill)
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
        stored = server.stored(p8s_logzio_name=ENVIRONMENT)
    rejections = kept.read_logs(folder / "functions")
    found = audit(put_in, stored, rejections.alone, kept.failed_records(bucket))
    outages.counts["function process killed"] = functions.killed
    statuses = sum((ingress.statuses for ingress in ingresses), Counter[int]())
    write(table("put in", put_in_rows(put_in)))
    write(table("the listener's answers", listener_rows(faults.counts, listener.behind)))
    write(table("outages", sorted(outages.counts.items())))
    write(table("deliveries", delivery_rows(totals(streams), statuses)))
    write(table("samples", sample_rows(found, rejections.unnamed)))
    for example in found.examples:
        write(example)
    write(f"seed {plan.seed}, {time.monotonic() - begun:.0f} s")
    write(f"lost: {found.lost}")
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
