"""What a backup object holds: records, in batches that are the same each time it is read."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from handler.delivery import GZIP_MAGIC, Record, inflate_members
from replay.errors import StoreError
from replay.formats import failed_records, framed_records, looks_failed, looks_framed
from replay.stores import Store, StoredObject

# Firehose buffers at most 128 MiB before compression; base64 makes 4 of 3.
MAX_BYTES = 192 * 1024 * 1024

# The default size of a delivery of the stack's Firehose stream.
BATCH_BYTES = 1_000_000

# A request of Firehose has at most as many records.
_BATCH_RECORDS = 10_000

BATCHING = 2
"""Changes when `batches_of` does: what was sent in part with another batching is sent anew."""


class Batch(NamedTuple):
    """Records of an object, about as many as a delivery has.

    Attributes:
        records: The bytes of those that can be read, each with its number in the object.
        unreadable: Why others cannot be read, by their numbers.
    """

    records: list[tuple[int, bytes]]
    unreadable: dict[int, str]


def read_object(store: Store, found: StoredObject) -> Iterator[Record]:
    """Iterate over every record of an object, as `read_records` does.

    Raises:
        StoreError: The object cannot be read, or is larger than any of Firehose's:
            it might take all memory.
    """
    return read_records(read_stored(store, found))


def read_stored(store: Store, found: StoredObject) -> bytes:
    """Return an object as it is stored.

    Raises:
        StoreError: As `read_object`.
    """
    if found.size > MAX_BYTES:
        raise StoreError(f"the object is larger than {MAX_BYTES} bytes")
    return store.read(found.name, found.identity).data


def read_records(stored: bytes) -> Iterator[Record]:
    """Iterate over the records of a stored object, in either format, gzip or plain.

    They come in their order; what cannot be read has a problem instead of content.

    Args:
        stored: The object's bytes.
    """
    data, problem = unpack(stored)
    # The beginning decides first: the name of a metric must not decide what an object is.
    is_failed = not looks_framed(data) and looks_failed(data)
    count = 0
    for record in failed_records(data) if is_failed else framed_records(data):
        yield record
        count += 1
    if problem:
        yield Record(count, None, problem)


def unpack(stored: bytes, max_bytes: int = MAX_BYTES) -> tuple[bytes, str]:
    """Return what an object holds, gzip of one or more members or plain.

    Args:
        stored: The object.
        max_bytes: How many bytes to return at most.

    Returns:
        The bytes, and why there are no more of them; empty where these are all.
    """
    if stored.startswith(GZIP_MAGIC):
        data, problem = inflate_members(stored, max_bytes)
        return data, f"the object {problem}" if problem else ""
    if len(stored) > max_bytes:
        return b"", f"the object is larger than {max_bytes} bytes"
    return stored, ""


def batches_of(records: Iterable[Record], max_bytes: int = BATCH_BYTES) -> Iterator[Batch]:
    """Iterate over the records in batches, the same each time.

    Args:
        records: All records of one object.
        max_bytes: The limit of a batch, unless a single record is larger.
    """
    batch, size = Batch([], {}), 0
    for record in records:
        length = len(record.content or b"")
        count = len(batch.records) + len(batch.unreadable)
        too_large = length > 0 and size + length > max_bytes
        if count and (too_large or count == _BATCH_RECORDS):
            yield batch
            batch, size = Batch([], {}), 0
        size += length
        if record.content is None:
            batch.unreadable[record.number] = record.problem
        else:
            batch.records.append((record.number, record.content))
    if batch.records or batch.unreadable:
        yield batch
