"""Target `backup`: the objects that a replay reads from the backup bucket."""

from replay.content import batches_of, read_records, unpack

_BATCH_BYTES = 2_000


def check(content: bytes) -> None:
    """See that every byte of an object is a record, or a reason why it is none."""
    data, _ = unpack(content, 1 << 16)
    assert len(data) <= 1 << 16
    records = list(read_records(content))
    assert [record.number for record in records] == list(range(len(records)))
    for record in records:
        assert (record.content is None) == bool(record.problem)
        record.problem.encode("utf-8", "backslashreplace")
    readable = [(r.number, r.content) for r in records if r.content is not None]
    batches = list(batches_of(records, _BATCH_BYTES))
    assert [item for batch in batches for item in batch.records] == readable
    unreadable = {r.number: r.problem for r in records if r.content is None}
    assert {n: why for batch in batches for n, why in batch.unreadable.items()} == unreadable
    for batch in batches:
        size = sum(len(data) for _, data in batch.records)
        assert len(batch.records) == 1 or size <= _BATCH_BYTES
