"""Objects in a folder of this machine."""

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, unquote

from replay.errors import ChangedError, GoneError, StoreError, TakenError
from replay.stores import REPLAYED, Content, StoredObject

_LOCK = ".lock"
# Allowed in the name of a checkpoint's file beside letters and digits.
_SAFE = " !#$&'()+,-.:;=@[]^_{}~"


class Folder:
    """All files below a folder, or a single one of them.

    Names with a leading dot, and files that were moved away, are not listed.

    Args:
        root: The folder; the first write creates it.
        only: The single file; None for all.
    """

    def __init__(self, root: Path, only: Path | None = None) -> None:
        self._root = root
        self._only = only

    def objects(self) -> list[StoredObject]:
        """Return all files, sorted by name."""
        with _errors(f"list {self._root}"):
            paths = _files(self._root) if self._only is None else [self._only]
            return sorted(map(self._object, paths), key=lambda one: one.name)

    def read(self, name: str, identity: str = "") -> Content:
        """Return the content of a file."""
        path = self._path(name)
        action = f"read {path}"
        with _errors(action), path.open("rb") as file:
            data = file.read()
            # After the reading: it may have been overwritten in the middle.
            if identity and identity != _identity(os.fstat(file.fileno())):
                raise ChangedError(action)
        return Content(data, _version(data))

    def write(self, name: str, data: bytes, replaces: str) -> str:
        """Write a file; a process that is killed meanwhile leaves the old one."""
        path = self._path(name)
        action = f"write the checkpoint {path}"
        with _errors(action):
            path.parent.mkdir(parents=True, exist_ok=True)
            with self._locked():
                current = _version(path.read_bytes()) if path.exists() else ""
                if current != replaces:
                    raise TakenError(action)
                temporary = path.with_name(f".{path.name}")
                with temporary.open("wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                temporary.replace(path)
        return _version(data)

    def move_away(self, found: StoredObject) -> None:
        """Move a file into the folder `replayed`."""
        path, target = self._path(found.name), self._root / REPLAYED / found.name
        action = f"move {found.name}"
        with _errors(action):
            target.parent.mkdir(parents=True, exist_ok=True)
            if _identity(path.stat()) != found.identity:
                raise ChangedError(action)
            path.replace(target)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep other processes from writing; the system releases the lock of a killed one."""
        with (self._root / _LOCK).open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _object(self, path: Path) -> StoredObject:
        # A broken link is listed here, and reported when it is read.
        status = path.stat() if path.exists() else path.lstat()
        return StoredObject(
            name=self._name(path.relative_to(self._root).as_posix()),
            size=status.st_size,
            modified=datetime.fromtimestamp(status.st_mtime, UTC),
            identity=_identity(status),
        )

    def _path(self, name: str) -> Path:
        return self._root / name

    def _name(self, file: str) -> str:
        return file


class QuotedFolder(Folder):
    """A folder for objects with names that may not be names of files.

    A key of S3 may have any characters: `..`, a leading slash, two slashes, a
    leading dot.
    """

    def _path(self, name: str) -> Path:
        parts = [quote(part, safe=_SAFE, errors="surrogateescape") for part in name.split("/")]
        parts = [f"%2E{part[1:]}" if part.startswith(".") else part or "%" for part in parts]
        return self._root / "/".join(parts)

    def _name(self, file: str) -> str:
        parts = ["" if part == "%" else part for part in file.split("/")]
        return "/".join(unquote(part, errors="surrogateescape") for part in parts)


def _identity(status: os.stat_result) -> str:
    return f"{status.st_size}-{status.st_mtime_ns}"


def _version(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _files(root: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(root, onerror=_raise):
        folders[:] = [name for name in folders if not name.startswith(".")]
        if Path(folder) == root and REPLAYED in folders:
            folders.remove(REPLAYED)
        yield from (Path(folder, name) for name in names if not name.startswith("."))


def _raise(error: OSError) -> None:
    # A folder that cannot be listed must not look like an empty one.
    if not isinstance(error, FileNotFoundError):
        raise error


@contextlib.contextmanager
def _errors(action: str) -> Iterator[None]:
    """Raise a StoreError that names the action instead of an OSError."""
    try:
        yield
    except OSError as error:
        kind = GoneError if isinstance(error, FileNotFoundError) else StoreError
        reason = error.strerror or type(error).__name__
        raise kind(f"cannot {action}: {reason}") from error
