"""Backup objects, and notes, in folders of this machine."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from replay.errors import GoneError, StoreError, TakenError, UsageError
from replay.stores import REPLAYED, Found, Note

if TYPE_CHECKING:
    from collections.abc import Iterator

# Beside the objects; a name that begins with a dot is no object.
NOTES = ".replay"
_SUFFIX = ".json"
_LOCK = ".lock"
# In the name of a note's file beside letters and digits.
_SAFE = " !#$&'()+,-.:;=@[]^_{}~"


class Folder:
    """
    All files of a folder and the folders in it, or a single file.

    Names that begin with a dot, and what has been put away, are no objects.

    Args:
        path: The folder, or the file.

    Raises:
        UsageError: There is neither.
    """

    def __init__(self, path: Path) -> None:
        if not path.exists():
            raise UsageError(f"there is no folder {path}")
        self.root = path if path.is_dir() else path.parent
        self._only = None if path.is_dir() else path
        self.where = str(path)

    def objects(self) -> list[Found]:
        """Return all objects in the order of their names."""
        try:
            paths = [self._only] if self._only else list(_files(self.root))
            found = [self._found(path) for path in paths]
        except OSError as error:
            raise StoreError(f"cannot list {self.where}: {_words(error)}") from error
        return sorted(found, key=lambda one: one.name)

    def read(self, name: str) -> bytes:
        """Return an object."""
        try:
            return (self.root / name).read_bytes()
        except OSError as error:
            raise StoreError(f"cannot read {name}: {_words(error)}") from error

    def put_away(self, name: str) -> None:
        """Move an object into the folder `replayed`."""
        target = self.root / REPLAYED / name
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).replace(target)
        except FileNotFoundError as error:
            raise GoneError(f"cannot move {name}: {_words(error)}") from error
        except OSError as error:
            raise StoreError(f"cannot move {name}: {_words(error)}") from error

    def _found(self, path: Path) -> Found:
        # A link to nowhere is found here, and left with a reason where it is read.
        facts = path.stat() if path.exists() else path.lstat()
        return Found(
            name=path.relative_to(self.root).as_posix(),
            size=facts.st_size,
            modified=datetime.fromtimestamp(facts.st_mtime, UTC),
            identity=f"{facts.st_size}-{facts.st_mtime_ns}",
        )


class FolderNotes:
    """
    Notes as files of a folder, under the names of their objects.

    Args:
        root: The folder; it is made when the first note is written.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self.where = str(root)

    def names(self) -> set[str]:
        """Return the names of all objects with a note."""
        try:
            paths = [path for path in _files(self._root) if path.name.endswith(_SUFFIX)]
        except OSError as error:
            raise StoreError(f"cannot list {self.where}: {_words(error)}") from error
        files = (path.relative_to(self._root).as_posix() for path in paths)
        return {_name_of(file.removesuffix(_SUFFIX)) for file in files}

    def read(self, name: str) -> Note:
        """Return the note about an object."""
        try:
            content = self._path(name).read_bytes()
        except OSError as error:
            raise StoreError(f"cannot read the note about {name}: {_words(error)}") from error
        return Note(content.decode("utf-8", "replace"), _version(content))

    def write(self, name: str, text: str, before: str) -> str:
        """Write the note about an object; a process that is killed leaves the one before it."""
        path = self._path(name)
        content = text.encode()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with self._locked():
                there = path.read_bytes() if path.exists() else None
                if before != (_version(there) if there is not None else ""):
                    raise TakenError(f"cannot write the note about {name}: it has changed")
                _replace(path, content)
        except OSError as error:
            raise StoreError(f"cannot write the note about {name}: {_words(error)}") from error
        return _version(content)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep other processes from writing notes; the lock of one that is killed is gone."""
        with (self._root / _LOCK).open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _path(self, name: str) -> Path:
        return self._root / (_file_of(name) + _SUFFIX)


def _file_of(name: str) -> str:
    """
    Return the file's path for the note about an object, within the notes' folder.

    A key of S3 may have any characters: `..`, a slash at its beginning, two of
    them, a name with a dot before it, which is no note.
    """
    parts = [quote(part, safe=_SAFE, errors="surrogateescape") for part in name.split("/")]
    return "/".join(f"%2E{part[1:]}" if part.startswith(".") else part or "%" for part in parts)


def _name_of(file: str) -> str:
    """Return the object whose note has a path."""
    parts = file.split("/")
    return "/".join(
        "" if part == "%" else unquote(part, errors="surrogateescape") for part in parts
    )


def _replace(path: Path, content: bytes) -> None:
    """Put a file in the place of another, at once."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise


def _version(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _files(root: Path) -> Iterator[Path]:
    """Yield all files below a folder that count."""
    for folder, folders, names in os.walk(root, onerror=_raise):
        folders[:] = [name for name in folders if not name.startswith(".")]
        if Path(folder) == root and REPLAYED in folders:
            folders.remove(REPLAYED)
        for name in names:
            if not name.startswith("."):
                yield Path(folder, name)


def _raise(error: OSError) -> None:
    # A folder that cannot be listed must not pass for an empty one.
    if not isinstance(error, FileNotFoundError):
        raise error


def _words(error: OSError) -> str:
    return error.strerror or type(error).__name__
