"""
The hash-locked requirements: which packages they pin, on whichever platform.

pip-audit leaves out what is not for the interpreter that it runs on. What ships runs on
another one, so every pinned package counts here, and its marker does not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_PINNED = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==(?P<version>[^\s;*]+)\s*(?:;.*?)?"
    r"(?P<hashes>(?:\s+--hash=sha256:[0-9a-f]{64})+)\s*"
)


@dataclass(frozen=True, order=True)
class Package:
    """
    A package that a lock pins.

    Attributes:
        name: As PyPI normalises it (PEP 503).
        version: Its exact version.
        hashes: The SHA-256 of each of its files, in hexadecimal.
    """

    name: str
    version: str
    hashes: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the package as a requirement without hashes."""
        return f"{self.name}=={self.version}"


@dataclass(frozen=True)
class Lock:
    """
    One requirements file.

    Attributes:
        name: The file's name.
        packages: What it pins, for any platform.
        others: Its lines that pin no package of an index, such as URLs.
    """

    name: str
    packages: tuple[Package, ...]
    others: tuple[str, ...]


def read_lock(path: Path) -> Lock:
    """Return what a requirements file of pip's says; a line that pins nothing is kept as it is."""
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    packages, others = [], []
    for raw in text.splitlines():
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        match = _PINNED.fullmatch(line)
        if match is None:
            others.append(line)
        else:
            hashes = tuple(part.rpartition(":")[2] for part in match["hashes"].split())
            packages.append(Package(normalised(match["name"]), match["version"], hashes))
    return Lock(path.name, tuple(packages), tuple(others))


def normalised(name: str) -> str:
    """Return a project's name as PyPI compares it (PEP 503, "Normalized Names")."""
    return re.sub(r"[-_.]+", "-", name).lower()


def files_without_markers(locks: Iterable[Lock]) -> list[str]:
    """
    Return the contents of requirements files that hold every line of all locks once.

    Two versions of a package, for different platforms, cannot stand in one file.
    """
    versions: dict[str, dict[str, Package]] = {}
    others: dict[str, None] = {}
    for lock in locks:
        others.update(dict.fromkeys(lock.others))
        for package in lock.packages:
            versions.setdefault(package.name, {})[package.version] = package
    files: list[list[str]] = []
    for several in versions.values():
        for place, package in enumerate(several.values()):
            if place == len(files):
                files.append([])
            hashes = " ".join(f"--hash=sha256:{digest}" for digest in package.hashes)
            files[place].append(f"{package} {hashes}")
    if others:
        files.append(list(others))
    return ["\n".join(lines) + "\n" for lines in files]
