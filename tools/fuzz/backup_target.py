"""Target `backup`: the objects that a replay reads from the backup bucket."""

import gzip
from base64 import b64encode

from replay.content import batches_of, read_records, unpack
from testing.events.fleet import fleet
from testing.events.otlp import Format
from testing.events.samples import sample_records

_END_MS = 1_793_491_200_000
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


def seeds() -> dict[str, bytes]:
    """Return objects of failed deliveries and of all data, sound and broken, plain and gzipped."""
    record = sample_records(fleet(_END_MS)[:2], Format.V1_0)[0]
    failed = (
        b'{"attemptsMade":5,"arrivalTimestamp":1793491200000,"errorCode":"500",'
        b'"errorMessage":"%s","rawData":"' + b64encode(record) + b'"}\n'
    )
    plain = failed.replace(b"%s", b"")
    return {
        "failed": plain * 2,
        "words": failed.replace(b"%s", b'said "no {\n}" twice') + plain,
        "one-line": plain.strip() * 2,
        "cut": plain + plain[:-20],
        "all-data": record * 2,
        "all-data-gzip": gzip.compress(record * 2, mtime=0),
        "failed-gzip": gzip.compress(plain, mtime=0) + gzip.compress(plain, mtime=0)[:-9],
        "demo": b'{"TICKER_SYMBOL":"A","SECTOR":"B","CHANGE":1}',
        "empty": b"",
    }
