"""The deliveries that are measured."""

import functools
import json
import os
from pathlib import Path

from testing.events.ingresses import Event
from testing.events.large import large_delivery
from testing.events.otlp import Format

_WARM_MINUTES = 3


@functools.cache
def generated(points: int, minute: int, otlp: Format) -> Event:
    """Make a delivery, or give it again."""
    return large_delivery(points, minute, otlp)


def minutes(points: int, otlp: Format) -> list[Event]:
    """Give deliveries of the same series, each a minute after the one before."""
    return [generated(points, minute, otlp) for minute in range(1 + _WARM_MINUTES)]


def captured() -> dict[str, Event]:
    """Give the real deliveries in the folder CAPTURES_DIR by name; none where it is not set."""
    folder = os.environ.get("CAPTURES_DIR")
    if not folder:
        return {}
    paths = sorted(Path(folder).glob("*.json"))
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in paths}
