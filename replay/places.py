"""From the name of a place to what is there: `s3://bucket/prefix`, or a folder or file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from replay.errors import UsageError
from replay.folder import NOTES, Folder, FolderNotes

if TYPE_CHECKING:
    from replay.stores import Notebook, Source

_S3 = "s3://"


def open_places(where: str, state: str = "") -> tuple[Source, Notebook]:
    """
    Return the backup objects at a place, and the notes about them.

    Args:
        where: Where the objects are.
        state: Where the notes are; empty: beside the objects, in a bucket below
            the prefix `replay/`, in a folder below `.replay`.

    Raises:
        UsageError: There is no such place, or boto3 is missing.
        StoreError: S3 cannot be used.
    """
    if not where.startswith(_S3):
        folder = Folder(Path(where))
        return folder, _notes(state) if state else FolderNotes(folder.root / NOTES)
    bucket_room = _bucket_room()
    client = bucket_room.new_client()
    name, prefix = _bucket_and_prefix(where)
    if not state:
        return bucket_room.Bucket(client, name, prefix), bucket_room.BucketNotes(client, name)
    left_out: tuple[str, ...] = ()
    if state.startswith(_S3):
        notes_name, notes_prefix = _bucket_and_prefix(state)
        left_out = (_as_folder(notes_prefix),) if notes_name == name else ()
    return bucket_room.Bucket(client, name, prefix, left_out), _notes(state)


def _notes(state: str) -> Notebook:
    if not state.startswith(_S3):
        return FolderNotes(Path(state))
    bucket_room = _bucket_room()
    name, prefix = _bucket_and_prefix(state)
    notes: Notebook = bucket_room.BucketNotes(bucket_room.new_client(), name, _as_folder(prefix))
    return notes


def _as_folder(prefix: str) -> str:
    if not prefix:
        raise UsageError("the notes need a prefix of their own in the bucket")
    return prefix if prefix.endswith("/") else f"{prefix}/"


def _bucket_and_prefix(where: str) -> tuple[str, str]:
    name, _, prefix = where.removeprefix(_S3).partition("/")
    if not name:
        raise UsageError(f"{where} names no bucket")
    return name, prefix


def _bucket_room() -> Any:
    # A folder is replayed without boto3, which takes longer to import than all the rest.
    try:
        from replay import bucket  # noqa: PLC0415
    except ImportError as error:
        raise UsageError(f"S3 needs boto3, see requirements/run.txt: {error}") from error
    return bucket
