"""Target `framing`: a record's messages behind their lengths."""

from converters.errors import RecordError
from converters.records import decode_record, is_demo_data, split_messages
from converters.wire import encode_varint


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
        # Lengths written anew are the shortest; the messages stay what they are. The length 10
        # is also a newline, and stays out of it.
        again = b"".join(encode_varint(len(one)) + one for one in found)
        assert len(again) <= len(content)
        if not any(len(one) == 10 for one in found):
            assert list(split_messages(again)) == found
    try:
        decoded = decode_record(content)
    except RecordError as error:
        assert str(error)
        assert not is_demo_data(content)
        return
    if not is_demo_data(content):
        assert found is not None
        assert len(decoded) == len(found)
