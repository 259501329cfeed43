"""What the function says it has rejected, read from its log."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tools.chaos.expectation import Labels

_REJECTED = "the listener rejected samples for good"


@dataclass(slots=True)
class Said:
    """The refusals in the log.

    Attributes:
        alone: The text of each sample that was rejected alone, as `text_of` writes it.
        unnamed: Samples that were rejected without being named one by one.
        deliveries: Lines of deliveries.
        unreadable: Lines that were cut off, by a kill for instance.
    """

    alone: set[str] = field(default_factory=set)
    unnamed: int = 0
    deliveries: int = 0
    unreadable: int = 0


def read_logs(paths: Iterable[Path]) -> Said:
    """Read what the function's instances wrote, among the emulator's own lines."""
    said = Said()
    for path in paths:
        for line in path.read_text("utf-8", "replace").splitlines():
            if line.startswith("{"):
                _read_line(line, said)
    return said


def text_of(labels: Labels, at_ms: int) -> str:
    """Write a sample as the function's log names it."""
    pairs = ", ".join(f'{name}="{value}"' for name, value in labels)
    return f"{{{pairs}}} at {at_ms} ms"


def _read_line(line: str, said: Said) -> None:
    try:
        entry = json.loads(line)
    except ValueError:
        said.unreadable += 1
        return
    if entry.get("message") == "delivery":
        said.deliveries += 1
    elif entry.get("message") == _REJECTED:
        if entry["samples"] == 1:
            said.alone.add(entry["example"])
        else:
            said.unnamed += entry["samples"]
