"""A stored object in batches of records, cut the same way each time it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handler.delivery import Record
from replay.content import MAX_BYTES, unpack
from replay.errors import StoreError
from replay.failed import failed_records, looks_failed
from replay.framed import framed_records, looks_framed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from replay.stores import Found, Source

# As much as a delivery of the stack's Firehose has by default.
BATCH_BYTES = 1_000_000

# Notes of another cut do not count; it changes when objects are cut in another way.
CUT = 1

Batch = list[tuple[int, bytes]]


def records_of(source: Source, found: Found) -> list[Record]:
    """
    Return every record of an object, as `read_records` does.

    Raises:
        StoreError: It cannot be read, or is larger than any of Firehose's: it would
            take all memory before it could be looked into.
    """
    if found.size > MAX_BYTES:
        raise StoreError(f"the object is larger than {MAX_BYTES} bytes")
    return read_records(source.read(found.name))


def read_records(stored: bytes) -> list[Record]:
    """
    Return every record of a stored object, whichever of the three forms it has.

    Args:
        stored: The object's bytes, gzip or plain.

    Returns:
        The records in their order; what cannot be read has a problem instead of content.
    """
    content = unpack(stored)
    data = content.data
    # By its beginning first: what a metric is called must not decide what an object is.
    if not looks_framed(data) and looks_failed(data):
        records = failed_records(data)
    else:
        records = framed_records(data)
    if content.problem:
        records.append(Record(len(records), None, content.problem))
    return records


def batches_of(records: Iterable[Record], max_bytes: int = BATCH_BYTES) -> list[Batch]:
    """
    Return the records that can be read, in batches of about as many bytes.

    Args:
        records: All records of one object.
        max_bytes: What a batch may have, unless a single record has more.

    Returns:
        Batches of (number of the record, its bytes).
    """
    batches: list[Batch] = []
    size = max_bytes
    for record in records:
        if record.content is None:
            continue
        size += len(record.content)
        if size > max_bytes or not batches:
            batches.append([])
            size = len(record.content)
        batches[-1].append((record.number, record.content))
    return batches
