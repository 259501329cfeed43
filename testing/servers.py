"""Real Prometheus and VictoriaMetrics servers as child processes, on free loopback ports."""

import abc
import contextlib
import itertools
import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import requests

from testing.ports import free_port

Labels = tuple[tuple[str, str], ...]
Samples = dict[Labels, list[tuple[int, float]]]
"""A series' labels, sorted by name, to its samples: timestamp in milliseconds, value."""

# Generous, for a busy machine.
_START_SECONDS = 120.0
_STOP_SECONDS = 60.0
_VISIBLE_SECONDS = 120.0
_PORTS_TRIED = 5


class MissingProgramError(Exception):
    """A program is not installed here; tests that need it are skipped, and fail in CI."""


def loopback_session() -> requests.Session:
    """Return an HTTP session that ignores the environment's proxies."""
    session = requests.Session()
    session.trust_env = False
    return session


def installed(name: str) -> str:
    """Return the path of a program.

    Raises:
        MissingProgramError: It is not on the PATH.
    """
    path = shutil.which(name)
    if path is None:
        raise MissingProgramError(f"the program {name} is missing; .ci/run installs it")
    return path


required = installed  # The old name, until all parts are merged.


class ServerProcess:
    """A server's process, which can be killed and started again with the same data.

    Args:
        folder: Where its output goes, in `server.log`.
        command: Returns the command line for a port.
        ready_path: A path that is answered with 200 as soon as the server accepts requests.

    Attributes:
        port: Where it listens; the same after a restart.
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
        """Start, and return when the server is ready."""
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
        written = (self._folder / "server.log").read_text(encoding="utf-8", errors="replace")
        raise RuntimeError(f"the server does not start: {written[-2000:]}")

    def kill(self) -> None:
        """End the process as a crash would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """End the process, and close the HTTP session."""
        self._end()
        self._session.close()

    def call(self, path: str, **fields: str) -> requests.Response:
        """Post a form to the server; raises `requests.HTTPError` for an error status."""
        url = f"http://127.0.0.1:{self.port}{path}"
        answer = self._session.post(url, data=fields, timeout=120)
        answer.raise_for_status()
        return answer

    def _is_ready(self, port: int) -> bool:
        """Wait until the server is ready; return False where it has ended, as on a used port."""
        assert self._process is not None
        until = time.monotonic() + _START_SECONDS
        while time.monotonic() < until and self._process.poll() is None:
            with contextlib.suppress(requests.ConnectionError, requests.Timeout):
                url = f"http://127.0.0.1:{port}{self._ready_path}"
                if self._session.get(url, timeout=10).status_code == 200:
                    # Another process may listen on a port that ours failed to bind.
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


class Server(abc.ABC):
    """A running server.

    Attributes:
        process: Its process.
    """

    def __init__(self, process: ServerProcess) -> None:
        self.process = process

    @property
    def write_url(self) -> str:
        """The URL for remote-write requests."""
        return f"http://127.0.0.1:{self.process.port}/api/v1/write"

    @abc.abstractmethod
    def stored(self, **labels: str) -> Samples:
        """Return every sample of the series with these labels, in the order of time."""


class Prometheus(Server):
    """A real Prometheus."""

    def stored(self, **labels: str) -> Samples:
        """Return every sample of the series with these labels, in the order of time."""
        found: Samples = {}
        for series in self.query(_selector(labels) + "[10d]"):
            # A native histogram is under another key.
            for seconds, value in series.get("values", ()):
                sample = (round(seconds * 1000), float(value))
                found.setdefault(_sorted_labels(series["metric"]), []).append(sample)
        return found

    def query(self, promql: str, at_ms: int | None = None) -> list[dict[str, Any]]:
        """Return the result of an instant query.

        Args:
            promql: The query.
            at_ms: The time in milliseconds since the epoch; None: a minute from now, after every
                sample that a test has sent.
        """
        seconds = time.time() + 60 if at_ms is None else at_ms / 1000
        answer = self.process.call("/api/v1/query", query=promql, time=f"{seconds:.3f}").json()
        assert answer["status"] == "success"
        result: list[dict[str, Any]] = answer["data"]["result"]
        return result


class VictoriaMetrics(Server):
    """A real single-node VictoriaMetrics.

    Its force_flush does not wait for new series that another flush is writing, and it caches the
    result of a selector for ten seconds. So a reader must repeat the query with other selectors.
    """

    def stored(self, **labels: str) -> Samples:
        """Return every sample of the series with these labels, in the order of time."""
        return self.stored_at_least(0, **labels)

    def stored_at_least(self, samples: int, **labels: str) -> Samples:
        """Return the same as `stored`, as soon as there are `samples` or after two minutes."""
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
        window: How old an out-of-order sample may be, such as `2h`; empty: refuse any.
        native_histograms: Whether that feature is on.

    Raises:
        MissingProgramError: Prometheus is not installed.
    """
    program = installed("prometheus")
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
    """Run a VictoriaMetrics that keeps everything, including duplicates.

    Args:
        folder: An empty folder for its data.

    Raises:
        MissingProgramError: VictoriaMetrics is not installed.
    """
    program = installed("victoria-metrics")

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
    """Sort the samples of each series by time, as servers return them."""
    return {labels: sorted(several) for labels, several in samples.items()}


def _sorted_labels(labels: Mapping[str, str]) -> Labels:
    return tuple(sorted(labels.items()))


def _selector(labels: Mapping[str, str]) -> str:
    # A JSON string is a PromQL string.
    return "{" + ",".join(f"{name}={json.dumps(value)}" for name, value in labels.items()) + "}"
