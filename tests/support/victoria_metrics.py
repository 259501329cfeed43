"""A real VictoriaMetrics."""

import itertools
import json
import time
from pathlib import Path

from testing.ports import free_port
from testing.rules import Samples
from testing.servers import Server, installed, selector, sorted_labels

_VISIBLE_SECONDS = 120.0


class VictoriaMetrics(Server):
    """A single-node VictoriaMetrics that keeps everything, including duplicates.

    Its force_flush does not wait for new series that another flush is writing, and it caches the
    result of a selector for ten seconds. So a reader must repeat the query with other selectors.

    Args:
        folder: An empty folder for its data.

    Raises:
        MissingProgramError: VictoriaMetrics is not installed.
    """

    ready_path = "/health"

    def __init__(self, folder: Path) -> None:
        port = free_port()
        super().__init__(
            folder,
            port,
            installed("victoria-metrics"),
            f"-httpListenAddr=127.0.0.1:{port}",
            f"-storageDataPath={folder / 'data'}",
            "-retentionPeriod=100y",
            "-loggerLevel=WARN",
        )

    def stored(self, **labels: str) -> Samples:
        """Return every sample of the series with these labels, in the order of time."""
        return self.stored_at_least(0, **labels)

    def stored_at_least(self, samples: int, **labels: str) -> Samples:
        """Return the same as `stored`, as soon as there are `samples` or after two minutes."""
        until = time.monotonic() + _VISIBLE_SECONDS
        for attempt in itertools.count():
            self.call("/internal/force_flush")
            found = self._export(f"{selector(labels)[:-1]},__name__!='attempt_{attempt}'}}")
            if sum(map(len, found.values())) >= samples or time.monotonic() > until:
                return found
            time.sleep(0.1)
        raise AssertionError

    def _export(self, match: str) -> Samples:
        response = self.call("/api/v1/export", **{"match[]": match})
        found: Samples = {}
        for line in response.content.decode().splitlines():
            series = json.loads(line)
            samples = zip(series["timestamps"], series["values"], strict=True)
            found.setdefault(sorted_labels(series["metric"]), []).extend(samples)
        return {labels: sorted(samples) for labels, samples in found.items()}
