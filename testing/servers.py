"""Real servers as child processes, on free loopback ports."""

import json
import shutil
import subprocess
import time
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import requests

from testing.closing import Closing
from testing.ports import free_port
from testing.rules import Labels, Samples

# Generous, for a busy machine.
_START_SECONDS = 120.0
_STOP_SECONDS = 60.0


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


class Server(Closing):
    """A server that runs from its construction until `close`, and can be killed and restarted.

    Args:
        folder: An empty folder for its data, and for its output in `server.log`.
        port: Where it listens.
        command: Its command line.

    Attributes:
        url: Its address, without a path.
        write_url: The URL for remote-write requests.

    Raises:
        RuntimeError: It does not start; the message contains its output.
    """

    ready_path: ClassVar[str]
    """A path that is answered with 200 as soon as the server accepts requests."""

    def __init__(self, folder: Path, port: int, *command: str) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.write_url = f"{self.url}/api/v1/write"
        self._folder = folder
        self._command = command
        self._session = loopback_session()
        self.start()

    def start(self) -> None:
        """Start, with the data of an earlier process, and return when the server is ready."""
        path = self._folder / "server.log"
        with path.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, cwd=self._folder, stdout=log, stderr=log
            )
        until = time.monotonic() + _START_SECONDS
        while not self._is_ready():
            if time.monotonic() > until or self._process.poll() is not None:
                self.close()
                output = path.read_text(encoding="utf-8", errors="replace")[-2000:]
                raise RuntimeError(f"the server does not start: {output}")
            time.sleep(0.05)

    def kill(self) -> None:
        """End the process as a crash would."""
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """End the process, and close the HTTP session."""
        self._session.close()
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def call(self, path: str, **fields: str) -> requests.Response:
        """Post a form to the server; raises `requests.HTTPError` for an error status."""
        response = self._session.post(f"{self.url}{path}", data=fields, timeout=120)
        response.raise_for_status()
        return response

    @abstractmethod
    def stored(self, **labels: str) -> Samples:
        """Return every sample of the series with these labels, in the order of time."""

    def _is_ready(self) -> bool:
        try:
            return self._session.get(f"{self.url}{self.ready_path}", timeout=10).ok
        except (requests.ConnectionError, requests.Timeout):
            return False


class Prometheus(Server):
    """A Prometheus that scrapes nothing and accepts remote write.

    Args:
        folder: An empty folder for its data.
        window: How old an out-of-order sample may be, such as `2h`; empty: refuse any.
        native_histograms: Whether that feature is on.
        more: Further parts of its configuration, as YAML.

    Raises:
        MissingProgramError: Prometheus is not installed.
    """

    ready_path = "/-/ready"

    def __init__(
        self, folder: Path, *, window: str = "", native_histograms: bool = False, more: str = ""
    ) -> None:
        storage = {"tsdb": {"out_of_order_time_window": window}} if window else {}
        config = folder / "prometheus.yml"
        # JSON is YAML.
        config.write_text(f"storage: {json.dumps(storage)}\n{more}", encoding="utf-8")
        port = free_port()
        super().__init__(
            folder,
            port,
            installed("prometheus"),
            f"--config.file={config}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--web.enable-remote-write-receiver",
            "--log.level=warn",
            *(["--enable-feature=native-histograms"] if native_histograms else []),
        )

    def stored(self, **labels: str) -> Samples:
        """Return every sample of the series with these labels, in the order of time."""
        found: Samples = {}
        for series in self.query(selector(labels) + "[10d]"):
            # A native histogram is under another key.
            for seconds, value in series.get("values", ()):
                sample = (round(seconds * 1000), float(value))
                found.setdefault(sorted_labels(series["metric"]), []).append(sample)
        return found

    def query(self, promql: str, at_ms: int | None = None) -> list[dict[str, Any]]:
        """Return the result of an instant query.

        Args:
            promql: The query.
            at_ms: The time in milliseconds since the epoch; None: a minute from now, after every
                sample that a test has sent.
        """
        seconds = time.time() + 60 if at_ms is None else at_ms / 1000
        response = self.call("/api/v1/query", query=promql, time=f"{seconds:.3f}").json()
        assert response["status"] == "success"
        result: list[dict[str, Any]] = response["data"]["result"]
        return result


def in_order(samples: Mapping[Labels, Iterable[tuple[int, float]]]) -> Samples:
    """Sort the samples of each series by time, as servers return them."""
    return {labels: sorted(several) for labels, several in samples.items()}


def sorted_labels(labels: Mapping[str, str]) -> Labels:
    """Return labels sorted by name."""
    return tuple(sorted(labels.items()))


def selector(labels: Mapping[str, str]) -> str:
    """Return the PromQL selector of the series with these labels."""
    # A JSON string is a PromQL string.
    return "{" + ",".join(f"{name}={json.dumps(value)}" for name, value in labels.items()) + "}"
