"""What a run leaves in its folder: the evidence for the audit, and for a replay of the backup.

bucket/              the backup, laid out as in S3
server/              the server's folder; a real Prometheus has its data in `data/`
functions/<n>/       the log of each instance of the function
samples.jsonl.gz     every planned sample, and where it is
"""

import gzip
import json
import re
from base64 import b64decode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from testing.rules import Labels
from tools.chaos.expectation import Sample

_SAMPLES = "samples.jsonl.gz"
_REJECTED = "the listener rejected samples for good"
# A line's message may make it invalid JSON; the record is in it all the same.
_RAW_DATA = re.compile(rb'"rawData": ?"([A-Za-z0-9+/=]*)"')


class UnreadableObjectError(Exception):
    """A line of a backup object has no record, or more than one."""


def bucket(folder: Path) -> Path:
    """Return the backup's folder in a run's folder."""
    return folder / "bucket"


def failed_records(bucket: Path) -> Iterator[bytes]:
    """Yield each record in the backup's objects below `failed/`.

    Raises:
        UnreadableObjectError: There is something else.
    """
    for path in sorted((bucket / "failed").rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            if path.suffix == ".gz":
                content = gzip.decompress(content)
            for line in content.splitlines():
                found = _RAW_DATA.findall(line)
                if len(found) != 1:
                    raise UnreadableObjectError(f"{path.name}: {line[:200]!r}")
                yield b64decode(found[0])


@dataclass(slots=True)
class Rejections:
    """What the function's log says about rejected samples.

    Attributes:
        named: A sample of each data point that is named as rejected, as `text_of` writes it.
        rejected: How many samples are counted as rejected, each time that they were.
        settled_unknown: How many were in bodies of which the server refused an unknown part.
    """

    named: set[str] = field(default_factory=set)
    rejected: int = 0
    settled_unknown: int = 0


def read_logs(folder: Path) -> Rejections:
    """Read what the function's instances wrote, among the emulator's own lines.

    A line that was cut off, by a kill for instance, is no proof of anything.
    """
    rejections = Rejections()
    for path in sorted(folder.glob("*/emulator.log")):
        for line in path.read_text("utf-8", "replace").splitlines():
            try:
                entry = json.loads(line) if line.startswith("{") else {}
            except ValueError:
                continue
            if entry.get("message") == _REJECTED:
                rejections.named.add(entry["example"])
                rejections.rejected += entry["samples"]
                rejections.settled_unknown += entry["settled_unknown"]
    return rejections


def text_of(labels: Labels, at_ms: int) -> str:
    """Return a sample as the function's log names it."""
    pairs = ", ".join(f'{name}="{value}"' for name, value in labels)
    return f"{{{pairs}}} at {at_ms} ms"


def write_samples(folder: Path, found: Iterable[tuple[Sample, tuple[str, ...]]]) -> None:
    """Write every sample and where it is, one JSON object per line."""
    with gzip.open(folder / _SAMPLES, "wt", encoding="utf-8", compresslevel=1) as lines:
        for (labels, at, value), places in found:
            line = {"labels": dict(labels), "at_ms": at, "value": value, "places": places}
            lines.write(json.dumps(line) + "\n")


def read_samples(folder: Path) -> Iterator[tuple[Sample, tuple[str, ...]]]:
    """Yield what `write_samples` has written: labels sorted by name, time in ms, value; places."""
    with gzip.open(folder / _SAMPLES, "rt", encoding="utf-8") as lines:
        for line in lines:
            entry = json.loads(line)
            labels: Labels = tuple(sorted(entry["labels"].items()))
            yield (labels, entry["at_ms"], entry["value"]), tuple(entry["places"])
