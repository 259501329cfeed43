"""The six streams of a run: each ingress, with and without compression."""

import contextlib
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from testing.events.firehose import ACCESS_KEY
from testing.firehose.backup import Backup
from testing.firehose.delivery import HttpDestination
from testing.firehose.settings import StreamSettings, Time
from testing.firehose.stream import Stream
from testing.ingress.concurrency import Instances
from testing.ingress.kinds import FUNCTION_URL, HTTP_API, REST_API, REST_API_BINARY
from testing.ingress.server import IngressServer
from tools.chaos.plan import ENVIRONMENT, Plan

_INGRESSES = (
    ("http-api", HTTP_API, False),
    ("http-api-gzip", HTTP_API, True),
    ("function-url", FUNCTION_URL, False),
    ("function-url-gzip", FUNCTION_URL, True),
    ("rest-api", REST_API, False),
    ("rest-api-gzip", REST_API_BINARY, True),
)


def run_streams(
    stack: contextlib.ExitStack, plan: Plan, bucket: Path, instances: Instances
) -> tuple[list[Stream], list[IngressServer]]:
    """Start ingresses and streams, which end with the stack.

    Every second stream compresses its backup objects, and every third writes the error messages
    in them as the documentation's example has them.

    Args:
        stack: Ends them: first the streams, when every batch is settled.
        plan: The run.
        bucket: The folder of all backups.
        instances: The function's.
    """
    time = Time(speed=plan.speed)
    ingresses, streams = [], []
    for _, ingress, _ in _INGRESSES:
        ingresses.append(stack.enter_context(IngressServer(ingress, instances)))
    for number, (name, _, compressed) in enumerate(_INGRESSES):
        settings = StreamSettings(
            url=ingresses[number].url,
            name=name,
            access_key=ACCESS_KEY,
            common_attributes={"P8S_LOGZIO_NAME": ENVIRONMENT},
            gzip=compressed,
            buffer_bytes=plan.batch_bytes,
            retry_seconds=plan.retry_seconds * plan.speed,
            parallel=plan.parallel,
        )
        backup = Backup(bucket, name, time, compress=number % 2 == 0, careless=number % 3 == 0)
        chance = random.Random(f"{plan.seed} {name}")
        destination = HttpDestination(settings, backup, time, chance)
        streams.append(stack.enter_context(Stream(settings, destination, time)))
    return streams, ingresses


def totals(streams: Sequence[Stream]) -> Counter[str]:
    """Give what the streams have done so far, by the names of `Report` and by outcome."""
    found: Counter[str] = Counter()
    for stream in streams:
        report = stream.report()
        found["records"] += report.records
        found["batches"] += report.batches
        found["attempts"] += report.attempts
        found["settled"] += report.settled
        found.update(report.outcomes)
    return found
