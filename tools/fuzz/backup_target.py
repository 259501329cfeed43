"""Target `backup`: the objects that a replay reads from the backup bucket."""

from replay.content import batches_of, read_records, unpack

_BATCH_BYTES = 2_000


def check(content: bytes) -> None:
    """See that every byte of an object is a record, or a reason why it is none."""
    data, _ = unpack(content, 1 << 16)
    assert len(data) <= 1 << 16
    records = read_records(content)
    assert [record.number for record in records] == list(range(len(records)))
    for record in records:
        assert (record.content is None) == bool(record.problem)
        record.problem.encode("utf-8", "backslashreplace")
    readable = [(r.number, r.content) for r in records if r.content is not None]
    batches = batches_of(records, _BATCH_BYTES)
    assert [item for batch in batches for item in batch] == readable
    assert all(
        len(batch) == 1 or sum(len(data) for _, data in batch) <= _BATCH_BYTES for batch in batches
    )
