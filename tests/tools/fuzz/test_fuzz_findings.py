"""What fuzzing and hostile inputs found; each finding is a test."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from converters.meter import Meter
from hypothesis import given
from hypothesis import strategies as st

from converters.convert import Converter, Profile
from converters.errors import DecodeError, FramingError, TooLargeError
from converters.labels import _moved
from converters.records import decode_record, split_messages
from converters.wire import encode_field
from handler.delivery import parse_body
from handler.errors import BodyError
from replay.content import read_records
from testing.converting import assert_sound, convert
from testing.events.firehose import delivery_body
from tests.support.clocks import processor_seconds
from tests.support.invoking import point, record_of
from tests.support.properties import examples
from tools.fuzz.wire import GAUGE, QUANTILE, attribute, framed, message, metric, summary_point

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from handler.delivery import Record

_SMALL = 3_000_000


def _parsed(text: str) -> list[object]:
    records: list[object] = parse_body({"body": text})["records"]
    return records


def test_an_empty_message_behind_a_long_length() -> None:
    """A length of zero in several bytes is an empty message, and counts as none."""
    assert split_messages(b"\x80\x80\x00\x02\x08\x01") == [b"\x08\x01"]


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


def _naive(labels: dict[str, str], prefix: str, taken: AbstractSet[str]) -> dict[str, str]:
    moved = {name: value for name, value in labels.items() if name not in taken}
    for name in sorted(labels.keys() & taken):
        free = prefix + name
        while free in taken or free in moved:
            free = prefix + free
        moved[free] = labels[name]
    return moved


_NAMES = st.sampled_from(["p_" * depth + name for depth in range(5) for name in ("a", "q", "z")])


@examples(300)
@given(labels=st.dictionaries(_NAMES, st.text(max_size=1)), taken=st.sets(_NAMES))
def test_names_move_as_they_always_did(labels: dict[str, str], taken: set[str]) -> None:
    """Moving labels in linear time gives the names that looking one by one gives."""
    assert _moved(labels, "p_", taken) == _naive(labels, "p_", taken)


def test_a_chain_of_names_is_moved_in_linear_time() -> None:
    """Two thousand labels that all move to the next one's name take a moment, not minutes."""
    names = ["p_" * depth + "a" for depth in range(2_000)]
    moved: dict[str, str] = {}
    labels, taken = dict.fromkeys(names, "v"), frozenset(names)
    assert processor_seconds(lambda: moved.update(_moved(labels, "p_", taken))) < 10
    assert len(moved) == 2_000


def _amplified() -> dict[str, bytes]:
    points = b"".join(summary_point(attribute("i", str(n))) for n in range(3_000))
    resource = attribute("k", "v" * 20_000)
    in_resource = encode_field(b"\x0a", resource)
    cloudwatch = metric(b"amazonaws.com/m", summary_point(rest=(QUANTILE + b"\x00") * 30_000))
    return {
        "a resource above many series": framed(message(metric(b"m", points), in_resource)),
        "many points": framed(message(metric(b"m", summary_point() * 20_000))),
        "many series": framed(message(metric(b"m", points))) * 2,
        "percentiles": framed(message(cloudwatch)),
        "empty resources": framed(b"\x0a\x00" * 100_000),
        "empty points of a gauge": framed(message(metric(b"m", b"\x0a\x00" * 50_000, GAUGE))),
        "tiny messages": framed(b"\x08\x00") * 10_000,
        "names": framed(message(b"".join(metric(b"m%d" % n, points[:30]) for n in range(5_000)))),
    }


@pytest.mark.parametrize("record", _amplified().values(), ids=_amplified())
def test_a_record_that_would_take_too_much_memory(record: bytes) -> None:
    """A record beyond the memory of a delivery is left with Firehose, whole."""
    conversion = convert(record, delivery_bytes=_SMALL)
    assert isinstance(conversion.failures[0], TooLargeError)
    assert "memory" in str(conversion.failures[0])
    assert not conversion.lanes
    assert conversion.samples == conversion.data_points == 0


def test_good_records_beside_a_large_one() -> None:
    """Records before and after one that would take too much memory are converted all the same."""
    good = record_of([point("a")]), record_of([point("b")])
    conversion = convert(good[0], framed(b"\x0a\x00" * 100_000), good[1], delivery_bytes=_SMALL)
    assert_sound(conversion)
    assert set(conversion.failures) == {1}
    assert conversion.contributing == {0, 2}
    assert conversion.data_points == 2


def test_what_becomes_too_large_while_it_is_written() -> None:
    """Samples too many to merge fail all records that have points, and the account adds up."""
    record = framed(message(metric(b"m", summary_point(rest=(QUANTILE + b"\x00") * 1_000) * 4)))
    enough = convert(record, record)
    assert not enough.failures
    conversion = convert(record, b"", record, delivery_bytes=1_500_000)
    assert set(conversion.failures) == {0, 2}
    assert_sound(conversion)
    assert not conversion.contributing


def test_a_delivery_starts_with_all_its_memory() -> None:
    """A delivery that was too large takes nothing from the next one."""
    converter = Converter(Profile(delivery_bytes=_SMALL))
    large = framed(b"\x0a\x00" * 100_000)
    assert convert(large, converter=converter).failures
    assert not convert(record_of([point()]), converter=converter).failures


def test_memory_that_was_borrowed_is_given_back() -> None:
    """What a message takes while it is decoded counts until it is given back."""
    meter = Meter(1_000_000)
    meter.borrow_message(30_000)
    with pytest.raises(TooLargeError):
        meter.borrow_message(30_000)
    meter.give_back()
    meter.borrow_message(30_000)


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
