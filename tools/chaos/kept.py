"""What a run leaves in its folder, for a replay of its backup.

bucket/              the backup, laid out as in S3
prometheus/          a Prometheus's folder, with its data in `data/`
functions/<n>/       the log of each instance of the function
samples.jsonl.gz     every sample that was to be, and where it is
"""

import gzip
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from tools.chaos.expectation import Labels, Sample

_SAMPLES = "samples.jsonl.gz"


def bucket(folder: Path) -> Path:
    """Give the backup's folder in a run's folder."""
    return folder / "bucket"


def write_samples(folder: Path, kept: Iterable[tuple[Sample, tuple[str, ...]]]) -> None:
    """Write every sample with the places where it is, one JSON object per line."""
    with gzip.open(folder / _SAMPLES, "wt", encoding="utf-8", compresslevel=1) as lines:
        for (labels, at, value), places in kept:
            line = {"labels": dict(labels), "at_ms": at, "value": value, "places": places}
            lines.write(json.dumps(line) + "\n")


def read_samples(folder: Path) -> Iterator[tuple[Sample, tuple[str, ...]]]:
    """Yield what `write_samples` has written: labels sorted by name, time in ms, value; places."""
    with gzip.open(folder / _SAMPLES, "rt", encoding="utf-8") as lines:
        for line in lines:
            entry = json.loads(line)
            labels: Labels = tuple(sorted(entry["labels"].items()))
            yield (labels, entry["at_ms"], entry["value"]), tuple(entry["places"])
