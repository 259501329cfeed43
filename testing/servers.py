"""Real Prometheus and VictoriaMetrics as processes of our own, on free loopback ports."""

import abc
import contextlib
import itertools
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import requests

from testing.ports import free_port

Labels = tuple[tuple[str, str], ...]
Samples = dict[Labels, list[tuple[int, float]]]
"""A series' labels, sorted by name, to its samples: timestamp in milliseconds, value."""

# For a busy machine: who waits so long waits in vain.
_START_SECONDS = 120.0
_STOP_SECONDS = 60.0
_VISIBLE_SECONDS = 120.0
_PORTS_TRIED = 5


def loopback_session() -> requests.Session:
    """Make an HTTP session that no proxy of the environment gets between."""
    session = requests.Session()
    session.trust_env = False
    return session


def required(name: str) -> str:
    """Give the path of a server's program; without one fail in CI, and skip elsewhere."""
    path = shutil.which(name)
    if path is None:
        words = f"the program {name} is missing; .ci/run installs it"
        if os.environ.get("CI"):
            pytest.fail(words)
        pytest.skip(words)
    return path


class ServerProcess:
    """A server's process, which can be killed and started again with the same data.

    Args:
        folder: Where its output goes.
        command: Gives the command line for a port.
        ready_path: What answers 200 as soon as the server takes requests.
    """

    def __init__(
        self, folder: Path, command: Callable[[int], Sequence[str]], ready_path: str
    ) -> None:
        self._folder = folder
        self._command = command
        self._ready_path = ready_path
        self._process: subprocess.Popen[bytes] | None = None
        self._session = loopback_session()
        self.port = 0

    def start(self) -> None:
        """Start, on the port of the last time if there was one; return when it is ready."""
        for _ in range(1 if self.port else _PORTS_TRIED):
            port = self.port or free_port()
            with (self._folder / "server.log").open("ab") as log:
                self._process = subprocess.Popen(
                    self._command(port), cwd=self._folder, stdout=log, stderr=log
                )
            if self._is_ready(port):
                self.port = port
                return
            self._end()
        raise RuntimeError(f"the server does not start: {self._last_words()}")

    def kill(self) -> None:
        """End the process as a crash would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """End the process, and the session that was used with it."""
        self._end()
        self._session.close()

    def call(self, path: str, **fields: str) -> requests.Response:
        """Post a form to the server; an answer that is no success is an error."""
        url = f"http://127.0.0.1:{self.port}{path}"
        answer = self._session.post(url, data=fields, timeout=120)
        answer.raise_for_status()
        return answer

    def _is_ready(self, port: int) -> bool:
        """Wait until the server is ready; False where it ended before, its port taken perhaps."""
        assert self._process is not None
        until = time.monotonic() + _START_SECONDS
        while time.monotonic() < until and self._process.poll() is None:
            with contextlib.suppress(requests.ConnectionError, requests.Timeout):
                url = f"http://127.0.0.1:{port}{self._ready_path}"
                if self._session.get(url, timeout=10).status_code == 200:
                    # Somebody else may answer on a port that ours could not get.
                    return self._process.poll() is None
            time.sleep(0.05)
        return False

    def _end(self) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def _last_words(self) -> str:
        log = (self._folder / "server.log").read_text(encoding="utf-8", errors="replace")
        return log[-2000:]


class Server(abc.ABC):
    """A running server.

    Attributes:
        process: Its process.
    """

    def __init__(self, process: ServerProcess) -> None:
        self.process = process

    @property
    def write_url(self) -> str:
        """Where remote-write requests go."""
        return f"http://127.0.0.1:{self.process.port}/api/v1/write"

    @abc.abstractmethod
    def stored(self, **labels: str) -> Samples:
        """Give every sample of the series that carry these labels, in the order of time."""


class Prometheus(Server):
    """A real Prometheus."""

    def stored(self, **labels: str) -> Samples:
        """Give every sample of the series that carry these labels, in the order of time."""
        found: Samples = {}
        for series in self.query(_selector(labels) + "[10d]"):
            # A native histogram is under another key.
            for seconds, value in series.get("values", ()):
                sample = (round(seconds * 1000), float(value))
                found.setdefault(_sorted_labels(series["metric"]), []).append(sample)
        return found

    def query(self, promql: str, at_ms: int | None = None) -> list[dict[str, Any]]:
        """Give the result of an instant query.

        Args:
            promql: The query.
            at_ms: The time in milliseconds since the epoch; None: a minute from now, after the
                newest sample that anybody has sent.
        """
        seconds = time.time() + 60 if at_ms is None else at_ms / 1000
        answer = self.process.call("/api/v1/query", query=promql, time=f"{seconds:.3f}").json()
        assert answer["status"] == "success"
        result: list[dict[str, Any]] = answer["data"]["result"]
        return result


class VictoriaMetrics(Server):
    """A real VictoriaMetrics of a single node.

    Its force_flush does not wait for new series that are just being flushed already, and what a
    selector found is remembered for ten seconds. So a reader has to ask until all is there, and
    each time in other words.
    """

    def stored(self, **labels: str) -> Samples:
        """Give every sample of the series that carry these labels, in the order of time."""
        return self.stored_at_least(0, **labels)

    def stored_at_least(self, samples: int, **labels: str) -> Samples:
        """Give the same as `stored` once there are so many samples, or when it takes too long."""
        until = time.monotonic() + _VISIBLE_SECONDS
        for attempt in itertools.count():
            self.process.call("/internal/force_flush")
            found = self._export(f"{_selector(labels)[:-1]},__name__!='attempt_{attempt}'}}")
            if sum(map(len, found.values())) >= samples or time.monotonic() > until:
                return found
            time.sleep(0.1)
        raise AssertionError

    def _export(self, selector: str) -> Samples:
        answer = self.process.call("/api/v1/export", **{"match[]": selector})
        found: Samples = {}
        for line in answer.content.decode().splitlines():
            series = json.loads(line)
            samples = zip(series["timestamps"], series["values"], strict=True)
            found.setdefault(_sorted_labels(series["metric"]), []).extend(samples)
        return {labels: sorted(samples) for labels, samples in found.items()}


@contextlib.contextmanager
def prometheus(
    folder: Path, *, window: str = "", native_histograms: bool = False
) -> Iterator[Prometheus]:
    """Run a Prometheus that scrapes nothing and takes remote write.

    Args:
        folder: An empty folder for its data.
        window: How old an out-of-order sample may be, `2h` for instance; empty: refuse any.
        native_histograms: Whether that feature is on.
    """
    program = required("prometheus")
    storage = {"tsdb": {"out_of_order_time_window": window}} if window else {}
    config = folder / "prometheus.yml"
    # JSON is YAML.
    config.write_text(json.dumps({"storage": storage} if storage else {}), encoding="utf-8")
    features = ["--enable-feature=native-histograms"] if native_histograms else []

    def command(port: int) -> list[str]:
        return [
            program,
            f"--config.file={config}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--web.enable-remote-write-receiver",
            "--log.level=warn",
            *features,
        ]

    with _running(ServerProcess(folder, command, "/-/ready")) as process:
        yield Prometheus(process)


@contextlib.contextmanager
def victoria_metrics(folder: Path) -> Iterator[VictoriaMetrics]:
    """Run a VictoriaMetrics that keeps everything, duplicates too.

    Args:
        folder: An empty folder for its data.
    """
    program = required("victoria-metrics")

    def command(port: int) -> list[str]:
        return [
            program,
            f"-httpListenAddr=127.0.0.1:{port}",
            f"-storageDataPath={folder / 'data'}",
            "-retentionPeriod=100y",
            "-loggerLevel=WARN",
        ]

    with _running(ServerProcess(folder, command, "/health")) as process:
        yield VictoriaMetrics(process)


@contextlib.contextmanager
def _running(process: ServerProcess) -> Iterator[ServerProcess]:
    try:
        process.start()
        yield process
    finally:
        process.close()


def in_order(samples: Mapping[Labels, Iterable[tuple[int, float]]]) -> Samples:
    """Sort the samples of each series by time, as servers give them back."""
    return {labels: sorted(several) for labels, several in samples.items()}


def _sorted_labels(labels: Mapping[str, str]) -> Labels:
    return tuple(sorted(labels.items()))


def _selector(labels: Mapping[str, str]) -> str:
    # A JSON string is a PromQL string.
    return "{" + ",".join(f"{name}={json.dumps(value)}" for name, value in labels.items()) + "}"
