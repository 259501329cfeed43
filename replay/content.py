"""What a backup object holds: records, in batches that are the same each time it is read."""

from collections.abc import Iterable

from handler.delivery import GZIP_MAGIC, Record, inflate_members
from replay.errors import StoreError
from replay.formats import failed_records, framed_records, looks_failed, looks_framed
from replay.stores import Store, StoredObject

# Firehose buffers at most 128 MiB before compression; base64 makes 4 of 3.
MAX_BYTES = 192 * 1024 * 1024

# The default size of a delivery of the stack's Firehose stream.
BATCH_BYTES = 1_000_000

BATCHING = 1
"""Changes when `batches_of` does: checkpoints of another batching do not count."""

Batch = list[tuple[int, bytes]]
"""Records, each with its number in the object."""


def read_object(store: Store, found: StoredObject) -> list[Record]:
    """Return every record of an object, as `read_records` does.

    Raises:
        StoreError: The object cannot be read, or is larger than any of Firehose's:
            it might take all memory.
    """
    if found.size > MAX_BYTES:
        raise StoreError(f"the object is larger than {MAX_BYTES} bytes")
    return read_records(store.read(found.name, found.identity).data)


def read_records(stored: bytes) -> list[Record]:
    """Return every record of a stored object, in either format, gzip or plain.

    Args:
        stored: The object's bytes.

    Returns:
        The records in their order; what cannot be read has a problem instead of content.
    """
    data, problem = unpack(stored)
    # The beginning decides first: the name of a metric must not decide what an object is.
    if not looks_framed(data) and looks_failed(data):
        records = failed_records(data)
    else:
        records = framed_records(data)
    if problem:
        records.append(Record(len(records), None, problem))
    return records


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


def batches_of(records: Iterable[Record], max_bytes: int = BATCH_BYTES) -> list[Batch]:
    """Return the records that can be read, in batches.

    Args:
        records: All records of one object.
        max_bytes: The limit of a batch, unless a single record is larger.
    """
    batches: list[Batch] = []
    size = 0
    for record in records:
        if record.content is None:
            continue
        size += len(record.content)
        if size > max_bytes or not batches:
            batches.append([])
            size = len(record.content)
        batches[-1].append((record.number, record.content))
    return batches
