"""Backup objects as Firehose writes them, and the command that replays them."""

import io
import json
import os
import threading
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from replay.command import main
from testing.http_server import Reply
from testing.receiver import Received, Receiver
from tests.support.invoking import point, record_of

TOKEN = "token-7c1d5b0a9e4f2386"
FAILED = "failed/http-endpoint-failed/2026/11/20/14"
"""Where Firehose writes the failed deliveries of an hour."""

# Long names, so that a request of 10,000 bytes holds the series of a few.
MANY_HOSTS = [f"h{number:02d}" + "x" * 2_000 for number in range(60)]


def failed_line(record: bytes, message: str = "no", *, sound: bool = True) -> str:
    """Return the line of one record.

    Args:
        record: The record.
        message: The endpoint's message.
        sound: Whether it is escaped, so that the line is JSON.
    """
    quoted = json.dumps(message) if sound else f'"{message}"'
    return (
        '{"attemptsMade":5,"arrivalTimestamp":1594265943615,'
        '"errorCode":"HttpEndpoint.DestinationException",'
        f'"errorMessage":{quoted},"attemptEndingTimestamp":1594266062318,'
        f'"rawData":"{b64encode(record).decode()}","subsequenceNumber":0,"dataId":"4960"}}'
    )


def failed_object(records: Iterable[bytes], between: str = "\n") -> bytes:
    """Return the object of a failed delivery."""
    return between.join(failed_line(record) for record in records).encode()


def records_of_hosts(hosts: Iterable[str], periods: int = 1) -> list[bytes]:
    """Return a record for each host, with data points of one series."""
    return [record_of([point(host, periods_ago=n) for n in range(periods)]) for host in hosts]


def write(path: Path, content: bytes) -> Path:
    """Write a file, and the folders that it is in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@dataclass(frozen=True)
class Ran:
    """What the command did: its exit status, and what it wrote."""

    status: int
    output: str
    progress: str

    def number(self, name: str) -> int:
        """Return a number of the result; for `sent` the samples, which come after the objects."""
        *_, line = (x for x in self.output.splitlines() if x.startswith(f"  {name} "))
        return int(line.rsplit(" ", 1)[1].replace(",", ""))


def environment(url: str, **changed: str) -> dict[str, str]:
    """Return the environment of the command: a listener, a token, time for a busy machine."""
    return {
        "LOGZIO_METRICS_LISTENER": url,
        "LOGZIO_METRICS_TOKEN": TOKEN,
        "LISTENER_TIMEOUT_SECONDS": "30",
        **changed,
    }


def small_requests(at_once: int) -> dict[str, str]:
    """Return the environment variables that make many requests of a batch."""
    return {"REMOTE_WRITE_MAX_BYTES": "10000", "REMOTE_WRITE_CONCURRENCY": str(at_once)}


def run(where: object, url: str, *options: str, **changed: str) -> Ran:
    """Run the command in this process.

    Args:
        where: What to replay.
        url: The listener.
        options: Further arguments.
        changed: Further environment variables.
    """
    return run_in([str(where), *options], environment(url, **changed))


def run_in(arguments: Sequence[str], environ: Mapping[str, str]) -> Ran:
    """Run the command in this process with an environment of its own."""
    output, progress = io.StringIO(), io.StringIO()
    status = main(arguments, environ, output, progress)
    return Ran(status, output.getvalue(), progress.getvalue())


def process_environment(url: str, **changed: str) -> dict[str, str]:
    """Return the environment of the command in a process of its own."""
    own = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {**own, "NO_PROXY": "127.0.0.1", **environment(url, **changed)}


def hosts_in(receiver: Receiver) -> dict[str, int]:
    """Return how many samples of each host have been accepted, repeated ones too."""
    found: dict[str, int] = {}
    for labels, samples in receiver.accepted_samples().items():
        host = dict(labels)["host"]
        found[host] = found.get(host, 0) + len(samples)
    return found


class Gate:
    """A listener that accepts some requests, and holds those after them.

    Args:
        accepted: How many are accepted at once.
        at_once: How many requests are under way at once.
        reply: What a request gets that was held.
        one_round: Whether only one round of requests is held, and others are accepted.

    Attributes:
        reached: Set once as many requests are held as are under way at once.
        released: Set by the test, to answer those that are held.
        open: Whether every further request is accepted.
        held: The bodies of the requests that were held.
    """

    SECONDS = 180

    def __init__(
        self, accepted: int, at_once: int, reply: Reply, *, one_round: bool = False
    ) -> None:
        self._left = accepted
        self._at_once = at_once
        self._reply = reply
        self._one_round = one_round
        self._lock = threading.Lock()
        self.reached = threading.Event()
        self.released = threading.Event()
        self.open = False
        self.held: list[bytes] = []

    def __call__(self, received: Received) -> Reply:
        """Reply to a request, now or later."""
        with self._lock:
            self._left -= 1
            if self.open or self._left >= 0:
                return Reply()
            self.held.append(received.body)
            if len(set(self.held)) == self._at_once:
                self.open = self._one_round
                self.reached.set()
        assert self.released.wait(self.SECONDS)
        return self._reply
