"""The first inputs of all targets, as files in the tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.fuzz.running import CORPUS
from tools.fuzz.targets import NAMES, target

if TYPE_CHECKING:
    from pathlib import Path


def inputs(folder: Path = CORPUS) -> dict[str, list[Path]]:
    """Return the files of each target: made ones, and findings (`found-...`) kept for good."""
    return {name: sorted((folder / name).iterdir()) for name in NAMES}


def write(folder: Path = CORPUS) -> None:
    """Write the inputs that the targets make; findings stay as they are."""
    for name in NAMES:
        place = folder / name
        place.mkdir(parents=True, exist_ok=True)
        for stale in place.iterdir():
            if not stale.name.startswith("found-"):
                stale.unlink()
        for stem, content in target(name).seeds().items():
            (place / stem).write_bytes(content)
