"""The six streams of a run: each ingress, with and without compression."""

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


def open_streams(
    plan: Plan, bucket: Path, instances: Instances
) -> tuple[list[Stream], list[IngressServer]]:
    """Return streams and their ingresses, which run until the end of their `with`.

    Every second stream compresses its backup objects, and every third writes error messages in
    them unescaped, as in the documentation's example.

    Args:
        plan: The run.
        bucket: The folder of all backups.
        instances: The function's instances.
    """
    time = Time(speed=plan.speed)
    streams, ingresses = [], []
    for number, (name, kind, compressed) in enumerate(_INGRESSES):
        ingress = IngressServer(kind, instances)
        settings = StreamSettings(
            url=ingress.url,
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
        ingresses.append(ingress)
        streams.append(Stream(settings, HttpDestination(settings, backup, time, chance), time))
    return streams, ingresses


def totals(streams: Sequence[Stream]) -> Counter[str]:
    """Return what the streams have done so far, by the names of `Report` and by outcome."""
    found: Counter[str] = Counter()
    for stream in streams:
        report = stream.report()
        for name in ("batches", "attempts", "settled"):
            found[name] += getattr(report, name)
        found.update(report.outcomes)
    return found
