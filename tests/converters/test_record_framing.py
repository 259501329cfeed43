"""Records: their messages, their length headers, JSON and demo data."""

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

from converters.errors import DecodeError, FramingError, OtherFormatError, RecordError
from testing.converting import contents, convert
from testing.events.fleet import END_MS, fleet
from testing.events.otlp import Format, messages, record
from testing.events.samples import bad_events, good_events
from tests.support.event_records import records_of
from tests.support.otlp_building import SummaryPoint, deliver, message, summary, varint
from tests.support.properties import examples

_MESSAGES = messages(fleet(END_MS), Format.V1_0)
_GOOD = deliver([SummaryPoint()])


def _failure(raw: bytes) -> RecordError:
    """Return what is wrong with a record, which must not touch the good one beside it."""
    conversion = convert(raw, _GOOD)
    assert list(conversion.failures) == [0]
    assert conversion.contributing == {1}
    assert contents(conversion) == contents(convert(_GOOD))
    return conversion.failures[0]


@pytest.mark.parametrize("copies", [0, 1, 2, 50])
def test_any_number_of_messages(copies: int) -> None:
    """All messages of a record count, empty ones too."""
    points = [SummaryPoint(dimensions=(("n", str(n)),)) for n in range(copies)]
    whole = record([b"", *(deliver([point])[2:] for point in points), b""])
    conversion = convert(whole)
    assert not conversion.failures
    assert (conversion.data_points, conversion.samples) == (copies, 4 * copies)


@pytest.mark.parametrize("raw", [b"", b"\0", b"\0\0\0", varint(0, 5), record([b"", b""])])
def test_nothing(raw: bytes) -> None:
    """An empty record and zero-length messages are legal, and nothing to send."""
    conversion = convert(raw)
    assert (conversion.failures, conversion.lanes, conversion.data_points) == ({}, [], 0)
    assert conversion.oldest_ms is None


def test_long_length_header() -> None:
    """A length header may be longer than it need be, up to five bytes."""
    content = message()
    assert not convert(varint(len(content), 5) + content).failures


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"\x80", "the length header at byte 0 is cut off"),
        (b"\xff\xff\xff\xff", "the length header at byte 0 is cut off"),
        (b"\0\x80\x80", "the length header at byte 1 is cut off"),
        (b"\x80\x80\x80\x80\x80\x00", "the length header at byte 0 is longer than 5"),
        (b"\xff" * 100, "the length header at byte 0 is longer than 5"),
        (b"\xff\xff\xff\xff\x7f", "is said to have 34359738367 bytes, but only 0 follow"),
        (b"\x05\x0a\x00", "the message at byte 0 is said to have 5 bytes, but only 2 follow"),
        (_GOOD[:-1], "but only"),
        (_GOOD + b"\x01", "but only 0 follow"),
    ],
)
def test_broken_framing(raw: bytes, text: str) -> None:
    """A length that does not match the bytes is an error, even at a field's border."""
    error = _failure(raw)
    assert isinstance(error, FramingError)
    assert text in str(error)


@pytest.mark.parametrize("raw", [b"\x01\x0a", b"\x02\x0a\x05", b"\x03\x0b\x0b\x0b", b"\x01\x07"])
def test_broken_message(raw: bytes) -> None:
    """A message that is no protobuf is an error that says which message."""
    error = _failure(raw)
    assert isinstance(error, DecodeError)
    assert "is not an ExportMetricsServiceRequest" in str(error)


def test_record_is_all_or_nothing() -> None:
    """Of a record with one broken message nothing is sent; it stays with Firehose whole."""
    _failure(record([*_MESSAGES, b"\x0a"]))


def _json_lines(**members: object) -> bytes:
    start = {"metric_stream_name": "s", "account_id": "1", "namespace": "AWS/EC2"}
    return json.dumps(start | members, separators=(",", ":")).encode() + b"\n"


@pytest.mark.parametrize(
    "raw",
    [
        _json_lines(),
        _json_lines() * 100,
        b"  " + _json_lines(value={"max": 1.0}),
        *records_of(bad_events(END_MS)["json-format"]),
    ],
)
def test_json_format(raw: bytes) -> None:
    """The error of a stream of JSON format names the output formats to choose."""
    error = _failure(raw)
    assert isinstance(error, OtherFormatError)
    assert str(error) == (
        "the record is JSON: set the metric stream's output format to "
        "OpenTelemetry 1.0 or OpenTelemetry 0.7"
    )


def test_json_that_happens_to_be_protobuf() -> None:
    """JSON is recognised too where its characters happen to be a message of unknown fields."""
    raw = (
        b'{"metric_stream_name":"1kpp46qy5saes5p2qr1aqkodhj0f3rqz0vihjs20ddjazi-7lt5ox94z5--vyqybi'
        b'jieeha","account_id":"05025929352"}\n'
    )
    assert raw[0] == len(raw[1:])
    assert ExportMetricsServiceRequest.FromString(raw[1:]) != ExportMetricsServiceRequest()
    assert isinstance(_failure(raw), OtherFormatError)


@pytest.mark.parametrize("raw", [b"{", b"{}x", b'{"a": 1', b"[1, 2]", b'"text"', b"{" * 100_000])
def test_not_quite_json(raw: bytes) -> None:
    """What is not a JSON object from its first line on is a broken record, no more."""
    assert not isinstance(_failure(raw), OtherFormatError)


_DEMO = b'{"TICKER_SYMBOL":"AAA","SECTOR":"ENERGY","CHANGE":-0.7,"PRICE":4.2}'


@pytest.mark.parametrize(
    "raw",
    [
        _DEMO,
        _DEMO + b"\n",
        (_DEMO + b"\n") * 3,
        b"\n" + _DEMO + b"\r\n",
        _DEMO.replace(b'"PRICE"', b'"SOMETHING"'),
        *records_of(good_events(END_MS)["demo-data"]),
    ],
)
def test_demo_data(raw: bytes) -> None:
    """Firehose's demo data is skipped without an error."""
    conversion = convert(raw)
    assert (conversion.failures, conversion.lanes, conversion.data_points) == ({}, [], 0)


@pytest.mark.parametrize(
    "raw",
    [
        _DEMO.replace(b"SECTOR", b"VECTOR"),
        _DEMO[:-1],
        _DEMO + b"\n{}",
        _DEMO + b"\n[]",
        b'["TICKER_SYMBOL", "SECTOR", "CHANGE"]',
    ],
)
def test_not_quite_demo_data(raw: bytes) -> None:
    """What only looks like demo data is not skipped."""
    _failure(raw)


_TEN = b"\x0a\x08" + b"\x0a\x06\x0a\x04\x0a\x00\x12\x00"


@pytest.mark.parametrize(
    ("parts", "points"),
    [
        ((_GOOD, b"\n"), 1),
        ((_GOOD, b"\n", _GOOD, b"\n"), 2),
        ((_GOOD, b"\n", _GOOD), 2),
        ((_GOOD, _GOOD, b"\n", _GOOD), 3),
        ((_GOOD, b"\n\n", _GOOD, b"\n\n\n"), 2),
        ((_GOOD, b"\n\0", _GOOD, b"\0\n"), 2),
        # A message of ten bytes is one, also where newlines are.
        ((b"\x0a", _TEN, _GOOD), 1),
        ((_GOOD, b"\x0a", _TEN, b"\n", _GOOD), 2),
        ((_GOOD, b"\n\n\n", b"\x0a", _TEN, b"\x0a", _TEN, _GOOD, b"\n"), 2),
    ],
)
def test_newline_between_messages(parts: tuple[bytes, ...], points: int) -> None:
    """A newline that Firehose appends to a record is skipped, between messages and at the end."""
    conversion = convert(b"".join(parts))
    assert conversion.failures == {}
    assert conversion.data_points == points


@examples(200)
@given(
    st.lists(
        st.tuples(st.integers(1, 40), st.integers(0, 300), st.sampled_from([b"", b"\n", b"\n\n"])),
        max_size=6,
    )
)
def test_every_message_between_newlines(drawn: list[tuple[int, int, bytes]]) -> None:
    """Of messages of any sizes, with newlines or none between them, each data point counts."""
    raw, points = b"", 0
    for count, size, between in drawn:
        several = [
            SummaryPoint(dimensions=(("n", f"{points + n}"), ("pad", "x" * size)))
            for n in range(count)
        ]
        points += count
        raw += deliver(several) + between
    conversion = convert(raw)
    assert (conversion.failures, conversion.data_points) == ({}, points)


_LOG_EVENTS: dict[str, object] = {
    "messageType": "DATA_MESSAGE",
    "owner": "111122223333",
    "logGroup": "/aws/lambda/shop",
    "logStream": "s",
    "subscriptionFilters": ["f"],
    "logEvents": [{"id": "1", "timestamp": 1, "message": "m" * 70_000}],
}
_LOGS = json.dumps(_LOG_EVENTS, separators=(",", ":")).encode()
_BARE = message(summary(SummaryPoint().name, SummaryPoint().encode()))


@pytest.mark.parametrize(
    ("raw", "named", "advice"),
    [
        (gzip.compress(_LOGS, mtime=0), "gzip", "nothing but the metric stream"),
        (gzip.compress(_GOOD, mtime=0), "gzip", "nothing but the metric stream"),
        (gzip.compress(b"", mtime=0) * 3, "gzip", "nothing but the metric stream"),
        (_LOGS, "CloudWatch Logs", "another Firehose stream"),
        (_LOGS + b"\n", "CloudWatch Logs", "another Firehose stream"),
        (_LOGS + _LOGS, "CloudWatch Logs", "another Firehose stream"),
        (json.dumps(_LOG_EVENTS).encode(), "CloudWatch Logs", "another Firehose stream"),
        (_LOGS.replace(b"DATA", b"CONTROL"), "CloudWatch Logs", "another Firehose stream"),
        (_BARE, "OTLP without the length", "UnsignedVarInt32"),
        (_BARE * 3, "OTLP without the length", "UnsignedVarInt32"),
    ],
)
def test_other_format_is_named(raw: bytes, named: str, advice: str) -> None:
    """A record of another format is an error that names it, and what to change."""
    error = _failure(raw)
    assert isinstance(error, OtherFormatError)
    assert f"the record is {named}" in str(error) or f"is of {named}" in str(error)
    assert advice in str(error)


@examples(300)
@given(st.lists(st.integers(0, 400), min_size=1, max_size=8))
def test_bare_requests_are_never_taken_for_messages(sizes: list[int]) -> None:
    """Whatever its size, a request without a length is an error, and no empty record."""
    points = [SummaryPoint(dimensions=(("pad", "x" * size),)) for size in sizes]
    bare = b"".join(message(summary(point.name, point.encode())) for point in points)
    assert convert(bare).failures
