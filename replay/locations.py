"""From the name of a location to its stores: `s3://bucket/prefix`, or a folder or file."""

from pathlib import Path

from replay.bucket import Bucket, new_client
from replay.errors import UsageError
from replay.folder import Folder, QuotedFolder
from replay.stores import Store

FOLDER_CHECKPOINTS = ".replay"
"""The folder of the checkpoints, beside the objects."""

BUCKET_CHECKPOINTS = "replay/"
"""The prefix of the checkpoints. Not below failed/: an alarm counts what is written there."""

# What the tags function keeps in the backup bucket.
_SWEEPS = "tags/"

_S3 = "s3://"


def open_location(location: str, state: str = "") -> tuple[Store, Store]:
    """Return the backup objects of a location, and where their checkpoints are.

    Args:
        location: Where the objects are.
        state: Where the checkpoints are; empty: beside the objects, in a bucket
            below the prefix `replay/`, in a folder below `.replay`.

    Raises:
        UsageError: There is no such location.
        StoreError: S3 cannot be used.
    """
    if not location.startswith(_S3):
        path = Path(location)
        if not path.exists():
            raise UsageError(f"there is no folder {location}")
        root, only = (path, None) if path.is_dir() else (path.parent, path)
        return Folder(root, only), _checkpoints(state or str(root / FOLDER_CHECKPOINTS))
    name, prefix = _bucket_and_prefix(location)
    state = state or f"{_S3}{name}/{BUCKET_CHECKPOINTS}"
    excluded = [BUCKET_CHECKPOINTS, _SWEEPS]
    if state.startswith(f"{_S3}{name}/"):
        excluded.append(_as_folder(_bucket_and_prefix(state)[1]))
    objects = Bucket(new_client(), name, prefix=prefix, excluded=tuple(excluded))
    return objects, _checkpoints(state)


def _checkpoints(state: str) -> Store:
    if not state.startswith(_S3):
        return QuotedFolder(Path(state))
    name, prefix = _bucket_and_prefix(state)
    root = _as_folder(prefix)
    return Bucket(new_client(), name, root=root)


def _as_folder(prefix: str) -> str:
    if not prefix:
        raise UsageError("the checkpoints need a prefix of their own in the bucket")
    return prefix if prefix.endswith("/") else f"{prefix}/"


def _bucket_and_prefix(location: str) -> tuple[str, str]:
    name, _, prefix = location.removeprefix(_S3).partition("/")
    if not name:
        raise UsageError(f"{location} names no bucket")
    return name, prefix
