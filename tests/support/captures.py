"""Captured deliveries, which are not part of the repository."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from testing.events.restamping import restamped


def captured(name: str, newest_ms: int) -> dict[str, Any]:
    """Read a captured delivery with its newest data point at another time, or skip the test."""
    if not os.environ.get("CAPTURES_DIR"):
        pytest.skip("CAPTURES_DIR does not say where captured deliveries are")
    text = (Path(os.environ["CAPTURES_DIR"]) / f"{name}.json").read_text(encoding="utf-8")
    event: dict[str, Any] = restamped(json.loads(text), newest_ms)
    return event
