"""What fuzzing and hostile inputs found; each finding is a test."""

import hashlib
import json
import re

import pytest
from google.protobuf.message import DecodeError as ProtobufDecodeError

from converters.convert import Converter, Limits, Options
from converters.errors import DecodeError, FramingError, TooLargeError
from converters.records import decode_record, split_messages
from converters.wire import double_bytes, encode_field
from handler.delivery import Record, parse_body
from handler.errors import BodyError
from replay.content import read_records
from testing.converting import assert_sound, convert
from testing.events.firehose import delivery_body
from tests.support.clocks import processor_seconds
from tests.support.invoking import point, record_of
from tools.fuzz.wire import (
    ATTRIBUTE_OF_RESOURCE,
    GAUGE,
    POINT,
    QUANTILE,
    SUMMARY,
    attribute,
    framed,
    message,
    metric,
    summary_point,
    time_of,
)

_SMALL = Limits(points=2_000, label_bytes=1_000_000, body_bytes=50_000)


def _parsed(text: str) -> list[object]:
    records: list[object] = parse_body({"body": text})["records"]
    return records


def test_an_empty_message_behind_a_long_length() -> None:
    """A length of zero in several bytes is an empty message, and counts as none."""
    assert list(split_messages(b"\x80\x80\x00\x02\x08\x01")) == [b"\x08\x01"]


def test_millions_of_empty_messages_take_no_time() -> None:
    """A record of ten million zeros, each an empty message, is read at once."""
    record = bytes(10_000_000) + b"\x02\x08\x01"
    found: list[bytes] = []
    assert processor_seconds(lambda: found.extend(split_messages(record))) < 5
    assert found == [b"\x08\x01"]


@pytest.mark.parametrize(
    "body",
    [
        '{"records": [' + "{}," * 200_000 + "{}]}",
        '{"records": [' + "1," * 300_000 + "1]}",
        '{"records": [' + "[" * 300_000,
        '{"records": [], "a": ' + '{"a":' * 200_000,
    ],
    ids=["objects", "numbers", "arrays", "nested"],
)
def test_a_body_of_too_many_values_is_not_parsed(body: str) -> None:
    """A body with more JSON values than any delivery has is refused before they take memory."""
    with pytest.raises(BodyError, match="more than 250000 JSON values"):
        _parsed(body)


def test_ten_thousand_records_are_never_too_many() -> None:
    """A delivery of as many records as Firehose sends is taken, also with more fields."""
    assert len(_parsed(delivery_body([b"\x00"] * 10_000, "most", 1))) == 10_000
    record = {"recordId": "1", "data": "AA==", "kinesisRecordMetadata": {"a": [1, 2], "b": {}}}
    assert len(_parsed(json.dumps({"records": [record] * 10_000}))) == 10_000


def _record(points: bytes, *, name: bytes = b"m", kind: bytes = SUMMARY) -> bytes:
    return framed(message(metric(name, points, kind)))


def _points(count: int, first: int = 0) -> bytes:
    numbers = range(first, first + count)
    return b"".join(summary_point(attribute("i", str(number))) for number in numbers)


def _of_one_series(count: int, rest: bytes = b"") -> bytes:
    return b"".join(summary_point(rest=rest, number=number) for number in range(count))


_NUMBER = encode_field(POINT, time_of(0) + b"\x21" + bytes(8))
_LONG = encode_field(ATTRIBUTE_OF_RESOURCE, attribute("k", "v" * 20_000))
_NOISE = hashlib.shake_256(b"seed").hexdigest(100_000)

_TOO_LARGE = {
    "record": [bytes(1_024_001)],
    "points": [_record(_of_one_series(1_001))],
    "points of two records": [_record(_of_one_series(999)), _record(_of_one_series(2))],
    "numbers": [_record(_NUMBER * 2_001, kind=GAUGE)],
    "percentiles": [_record(_of_one_series(1, (QUANTILE + b"\x00") * 2_000))],
    "series": [_record(_points(900))],
    "a resource above series": [framed(message(metric(b"m", _points(60)), _LONG))],
    "a metric name": [_record(_points(1), name=b"m" * 300_000)],
    "metric names": [framed(message(b"".join(metric(b"m%d" % n, _points(1)) for n in range(600))))],
    "an attribute": [_record(summary_point(attribute("k", "v" * 300_000)))],
    "bodies": [_record(summary_point(attribute("k", _NOISE)))],
}
_WITHIN = {
    "record": [bytes(1_024_000)],
    "points": [_record(_of_one_series(1_000))],
    "points of two records": [_record(_of_one_series(999)), _record(_of_one_series(1))],
    "numbers": [_record(_NUMBER * 2_000, kind=GAUGE)],
}


@pytest.mark.parametrize("records", _TOO_LARGE.values(), ids=_TOO_LARGE)
def test_a_delivery_that_would_take_too_much_memory(records: list[bytes]) -> None:
    """The record that goes beyond a limit is left with Firehose, whole; others are converted."""
    good = record_of([point("a")]), record_of([point("b")])
    conversion = convert(good[0], *records, good[1], limits=_SMALL)
    assert_sound(conversion)
    failure = conversion.failures[len(records)]
    assert isinstance(failure, TooLargeError)
    assert re.search("give the function more memory|at most 1024000", str(failure))
    assert conversion.data_points < 1_002


@pytest.mark.parametrize("records", _WITHIN.values(), ids=_WITHIN)
def test_a_delivery_at_a_limit(records: list[bytes]) -> None:
    """What reaches a limit exactly is converted."""
    assert not convert(*records, limits=_SMALL).failures


def test_what_becomes_too_large_while_it_is_written() -> None:
    """Bodies too large fail all records that have points, and the account adds up."""
    records = [_record(summary_point(attribute("k", _NOISE[n:]))) for n in (0, 1)]
    conversion = convert(records[0], b"", records[1], b"\x80", limits=_SMALL)
    assert set(conversion.failures) == {0, 2, 3}
    assert_sound(conversion)
    assert not conversion.contributing
    assert (conversion.data_points, conversion.lanes) == (0, [])


def test_samples_that_are_merged_are_limited_too() -> None:
    """Percentiles of CloudWatch's points count where two points make one series."""
    ends = (QUANTILE + b"\x00", QUANTILE + b"\x09\x09" + double_bytes(1.0))
    percentiles = b"".join(
        QUANTILE + b"\x12\x09" + double_bytes(n / 4000) + b"\x11" + bytes(8)
        for n in range(1, 3_999)
    )
    raw = _record(summary_point(rest=ends[0] + percentiles + ends[1]), name=b"amazonaws.com/m")
    limits = Limits(points=1_999, label_bytes=10**8)
    assert not convert(raw, limits=limits).failures
    conversion = convert(raw, raw, limits=limits)
    assert {str(error) for error in conversion.failures.values()} == {
        "the delivery has more than 7996 samples: give the function more memory"
    }


def test_a_delivery_starts_with_all_its_memory() -> None:
    """A delivery that was too large takes nothing from the next one."""
    converter = Converter(Options(limits=_SMALL))
    for first in (0, 1_000, 2_000):
        assert convert(_record(_points(900, first)), converter=converter).failures
        assert not convert(record_of([point()]), converter=converter).failures


def test_a_failure_keeps_nothing_of_its_record() -> None:
    """The error of a record that fails does not keep in memory what was being read."""
    broken = _record(encode_field(POINT, b"\xff" * 20))
    conversion = convert(broken, _record(_points(900)), limits=_SMALL)
    for error in conversion.failures.values():
        assert error.__traceback__ is None
        assert error.__cause__ is None or error.__cause__.__traceback__ is None
    assert isinstance(conversion.failures[0].__cause__, ProtobufDecodeError)


def test_the_deadline_is_checked_while_a_record_is_read_and_written() -> None:
    """Whatever takes long, the caller can end the conversion."""
    records = {
        "messages": framed(b"\x08\x01") * 50,
        "series": _record(_points(50)),
        "points": _record(_of_one_series(50)),
        "metrics": framed(message(metric(b"m", b"", GAUGE) * 50)),
    }
    for record in records.values():
        calls: list[None] = []
        Converter(Options()).convert(
            [(0, record)],
            p8s_logzio_name="",
            delivered_ms=None,
            check_deadline=lambda calls=calls: calls.append(None),  # type: ignore[misc]
        )
        assert len(calls) >= 50


@pytest.mark.parametrize(
    "unit",
    [
        b'{"attemptsMade":"',
        b'{"rawData":',
        b'{"rawData":[1,',
        b'{"rawData":"\\"',
        b'{"errorCode":1} ',
    ],
)
def test_an_object_of_many_broken_ones_is_read_in_linear_time(unit: bytes) -> None:
    """An object of the backup in which a hundred thousand are broken is read in seconds."""
    stored = unit * 100_000 + b'{"rawData":"AA=="}'
    records: list[Record] = []
    assert processor_seconds(lambda: records.extend(read_records(stored))) < 8
    assert b"\x00" in {record.content for record in records}


def test_long_text_is_not_read_as_json() -> None:
    """A record that begins as JSON and has no line end is refused without being parsed as JSON."""
    with pytest.raises((DecodeError, FramingError)):
        decode_record(b'{"a":[' + b"{}," * 100_000)
