"""What delivers: six streams, their ingresses, and the instances of the function."""

import contextlib
import json
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from testing.emulator import Emulator, run_emulator
from testing.events.firehose import ACCESS_KEY
from testing.firehose.backup import Backup
from testing.firehose.delivery import HttpDestination
from testing.firehose.settings import StreamSettings, Time
from testing.firehose.stream import Stream
from testing.ingress.concurrency import Instances
from testing.ingress.kinds import FUNCTION_URL, HTTP_API, REST_API, REST_API_BINARY
from testing.ingress.server import IngressServer
from tools.chaos.listener import INSTANCE_HEADER
from tools.chaos.plan import ENVIRONMENT, Plan

_INGRESSES = (
    ("http-api", HTTP_API, False),
    ("http-api-gzip", HTTP_API, True),
    ("function-url", FUNCTION_URL, False),
    ("function-url-gzip", FUNCTION_URL, True),
    ("rest-api", REST_API, False),
    ("rest-api-gzip", REST_API_BINARY, True),
)


# Nothing that the log contains too: the function takes every part of its token out of its log.
_TOKEN = "6f1d0e5c9a7b4382"
_FUNCTION_SECONDS = 30


class Functions:
    """Starts instances, and kills them.

    Args:
        program: The emulator's.
        folder: Each instance gets a folder of its own in it.
        plan: The run.

    Attributes:
        killed: How many processes were ended with SIGKILL.
    """

    def __init__(self, program: Path, folder: Path, plan: Plan) -> None:
        self._program = program
        self._folder = folder
        self._plan = plan
        self._instances: dict[int, Emulator] = {}
        self.killed = 0

    @contextlib.contextmanager
    def start(self, listener_url: str, number: int) -> Iterator[Emulator]:
        """Run the instance with a number, which sends to a listener."""
        folder = self._folder / str(number)
        folder.mkdir(parents=True)
        environ = {
            "LOGZIO_METRICS_LISTENER": listener_url,
            "LOGZIO_METRICS_TOKEN": _TOKEN,
            "FIREHOSE_ACCESS_KEY": ACCESS_KEY,
            "REMOTE_WRITE_HEADERS": json.dumps({INSTANCE_HEADER: str(number)}),
            "REMOTE_WRITE_MAX_BYTES": str(self._plan.body_bytes),
            "DELIVERY_BUDGET_SECONDS": str(self._plan.budget_seconds),
            "LISTENER_TIMEOUT_SECONDS": str(self._plan.timeout_seconds),
        }
        with run_emulator(self._program, folder, environ, seconds=_FUNCTION_SECONDS) as instance:
            self._instances[number] = instance
            yield instance

    def kill(self, number: int) -> None:
        """Kill the process of an instance, whatever it is doing."""
        self.killed += self._instances[number].kill()


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
