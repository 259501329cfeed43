"""Target `body`: an HTTP event's body (base64, gzip, JSON) and the records in it."""

import gzip
from base64 import b64encode

from handler.delivery import parse_body, parse_common_attributes, parse_record
from handler.errors import BodyError

_MAX_BYTES = 1 << 20

# The first byte says how the rest becomes a body.
_TEXT, _BASE64, _GZIP, _AS_BASE64 = range(4)


def check(content: bytes) -> None:
    """See that a body is refused with a BodyError or gives a bounded list of records."""
    kind, rest = content[:1], content[1:]
    text = rest.decode("utf-8", "surrogatepass" if kind else "replace") if _decodes(rest) else ""
    event: dict[str, object] = {"body": text}
    if kind and kind[0] % 4 != _TEXT:
        wrapped = gzip.compress(rest, 1, mtime=0) if kind[0] % 4 == _GZIP else rest
        encoded = rest.decode("latin-1") if kind[0] % 4 == _AS_BASE64 else b64encode(wrapped)
        event = {
            "body": encoded if isinstance(encoded, str) else encoded.decode(),
            "isBase64Encoded": True,
        }
    parse_common_attributes(text)
    try:
        body = parse_body(event, _MAX_BYTES)
    except BodyError as error:
        assert str(error)
        return
    size = 0
    for number, given in enumerate(body["records"]):
        record = parse_record(number, given)
        assert record.number == number
        assert (record.content is None) == bool(record.problem)
        size += len(record.content or b"")
    assert size <= _MAX_BYTES


def _decodes(content: bytes) -> bool:
    try:
        content.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return False
    return True
