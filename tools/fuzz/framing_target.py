"""Target `framing`: a record's messages behind their lengths."""

from converters.errors import RecordError
from converters.records import decode_record, is_demo_data, split_messages
from converters.wire import encode_varint
from testing.events.fleet import fleet
from testing.events.otlp import Format, messages, record
from testing.events.samples import sample_records
from tools.fuzz.wire import framed

_END_MS = 1_793_491_200_000


def check(content: bytes) -> None:
    """See that a record is refused with a RecordError or holds exactly its messages."""
    try:
        found = list(split_messages(content))
    except RecordError as error:
        assert str(error)
        found = None
    if found is not None:
        assert all(found)
        assert sum(map(len, found)) <= len(content)
        # Lengths written anew are the shortest; the messages stay what they are.
        again = b"".join(encode_varint(len(one)) + one for one in found)
        assert list(split_messages(again)) == found
        assert len(again) <= len(content)
    try:
        decoded = decode_record(content)
    except RecordError as error:
        assert str(error)
        assert not is_demo_data(content)
        return
    if not is_demo_data(content):
        assert found is not None
        assert len(decoded) == len(found)


def seeds() -> dict[str, bytes]:
    """Return records of no, one and several messages, demo data, and JSON."""
    few = fleet(_END_MS)[:2]
    small = messages(few, Format.V1_0)
    return {
        "empty": b"\x00\x00",
        "one": sample_records(few, Format.V0_7)[0],
        "several": record([*small, b"", *small]),
        "long-length": b"\x80\x80\x00" + framed(b"\x08\x01"),
        "cut": framed(small[0])[:-3],
        "demo": b'{"TICKER_SYMBOL":"A","SECTOR":"B","CHANGE":-0.5,"PRICE":1}\n' * 2,
        "json": b'{"metric_stream_name":"s","namespace":"AWS/EC2"}\n',
    }
