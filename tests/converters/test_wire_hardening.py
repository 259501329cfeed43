"""Broken, hostile and random bytes: an error of the record, or a conversion, and soon."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue

from converters.convert import Conversion, Converter, Options
from converters.errors import DecodeError, RecordError
from testing.converting import assert_sound, convert, samples_of
from testing.events.fleet import END_MS, fleet
from testing.events.otlp import Format, record
from testing.events.samples import sample_records
from tests.support.clocks import processor_seconds
from tests.support.otlp_building import (
    END_NS,
    SummaryPoint,
    attribute,
    deliver,
    field,
    gauge,
    message,
    number,
    one_record,
    point_record,
    resource,
    summary,
    varint,
)
from tests.support.properties import examples

_REAL = [raw for version in Format for raw in sample_records(fleet(END_MS), version)]
_SMALL = [deliver([SummaryPoint(), SummaryPoint(quantiles=())], version) for version in Format]
_SMALL.append(one_record(gauge("g", number(1.0, (("a", "b"),)))))
_WARM = Converter(Options(native_histograms=True))
_GENEROUS_SECONDS = 10.0


def _survives(*records: bytes) -> None:
    """Require that each record is converted soundly or is an error of its own."""
    conversion = convert(*records, converter=_WARM)
    assert all(isinstance(error, RecordError) for error in conversion.failures.values())
    assert_sound(conversion)


@given(raw=st.binary(max_size=400))
@examples(200)
@example(b"\x80")
@example(b"\xff" * 50)
def test_random_bytes(raw: bytes) -> None:
    """Random bytes, bare, framed, and in each place of a message, raise nothing unforeseen."""
    _survives(
        raw,
        record([raw]),
        record([field(1, raw)]),
        record([field(1, field(1, raw) + message())]),
        record([field(1, field(2, raw))]),
        one_record(raw),
        one_record(field(1, b"m") + field(11, raw)),
        *(one_record(field(1, b"m") + field(kind, field(1, raw))) for kind in range(4, 12)),
        point_record(SummaryPoint().numbers() + field(7, raw)),
        point_record(field(1, raw) + SummaryPoint().numbers()),
    )


@pytest.mark.parametrize("index", range(len(_SMALL)))
def test_truncations(index: int) -> None:
    """A record cut anywhere is an error, for its length says more; so is a reframed message."""
    raw = _SMALL[index]
    for end in range(1, len(raw)):
        assert list(convert(raw[:end], converter=_WARM).failures) == [0]
        _survives(record([raw[2:end]]))


@pytest.mark.slow
@pytest.mark.parametrize("index", range(len(_SMALL)))
def test_bit_flips(index: int) -> None:
    """Any one bit that is flipped leads to an error or to another sound delivery."""
    raw = _SMALL[index]
    for bit in range(8 * len(raw)):
        flipped = bytearray(raw)
        flipped[bit // 8] ^= 1 << bit % 8
        _survives(bytes(flipped))


@given(index=st.integers(0, len(_REAL) - 1), edits=st.data())
@examples(60)
def test_edits_of_real_records(index: int, edits: st.DataObject) -> None:
    """Bytes put in, taken out and changed in a real record do no worse."""
    raw = bytearray(_REAL[index])
    for _ in range(edits.draw(st.integers(1, 4))):
        begin = edits.draw(st.integers(0, len(raw)))
        end = begin + edits.draw(st.integers(0, 8))
        raw[begin:end] = edits.draw(st.binary(max_size=8))
    _survives(bytes(raw))


def _nested(depth: int) -> bytes:
    """Encode an AnyValue in that many arrays, deeper than the stock classes would."""
    value = AnyValue(string_value="deep").SerializeToString()
    for _ in range(depth):
        value = field(5, field(1, value))
    return value


@pytest.mark.parametrize("depth", [1, 40, 64, 100, 10_000])
@pytest.mark.parametrize("place", ["attribute", "resource", "gauge", "dimension"])
def test_nesting(depth: int, place: str) -> None:
    """However deep a value is nested, the record is converted or refused."""
    raw = field(1, b"deep") + field(2, _nested(depth))
    point = SummaryPoint().numbers()
    if place == "attribute":
        whole = point_record(point + field(7, raw))
    elif place == "dimension":
        inside = field(1, b"Dimensions") + field(2, field(6, field(1, raw)))
        whole = point_record(point + field(7, inside))
    elif place == "gauge":
        encoded = number(1.0).SerializeToString() + field(7, raw)
        whole = one_record(field(1, b"g") + field(5, field(1, encoded)))
    else:
        metrics = field(2, field(2, summary("m", SummaryPoint().encode())))
        whole = record([field(1, field(1, field(1, raw)) + metrics)])
    conversion = convert(whole)
    if conversion.failures:
        assert isinstance(conversion.failures[0], DecodeError)
        assert depth > 40
    else:
        (text,) = {dict(labels)["deep"] for labels in samples_of(conversion)}
        assert text == "[" * depth + '"deep"' + "]" * depth
    assert bool(conversion.failures) == bool(conversion.data_points == 0)


@pytest.mark.parametrize("depth", [64, 10_000])
@pytest.mark.parametrize("framed", [True, False])
def test_nested_groups_and_json(depth: int, framed: bool) -> None:
    """Groups and JSON that are nested without an end in sight are refused."""
    groups = b"\x7b" * depth
    assert isinstance(convert(record([groups])).failures[0], DecodeError)
    text = b'{"TICKER_SYMBOL":' * depth
    assert convert(record([text]) if framed else text).failures
    whole = b'{"a":' * depth + b"1" + b"}" * depth
    assert convert(whole).failures


@pytest.mark.parametrize(
    "raw",
    [
        point_record(SummaryPoint().encode(), "x").replace(b"\x01x", b"\x01\xff"),
        point_record(SummaryPoint(dimensions=(("k", "vvvv"),)).encode()).replace(
            b"vvvv", b"\xff" * 4
        ),
        point_record(SummaryPoint(dimensions=(("kkkk", "v"),)).encode()).replace(
            b"kkkk", b"\xff" * 4
        ),
        deliver([SummaryPoint(dimensions=(("k", "vvvv"),))], Format.V0_7).replace(
            b"vvvv", b"\xed\xa0\x80v"
        ),
        deliver([SummaryPoint(dimensions=(("kkkk", "v"),))], Format.V0_7).replace(
            b"kkkk", b"\xc0\x80kk"
        ),
        deliver([SummaryPoint()], pairs=(("k", "vvvv"),)).replace(b"vvvv", b"\xff" * 4),
        one_record(gauge("gggg", number(1.0))).replace(b"gggg", b"\xff" * 4),
        one_record(gauge("g", number(1.0, (("k", "vvvv"),)))).replace(b"vvvv", b"\xff" * 4),
    ],
)
def test_text_that_is_not_utf_8(raw: bytes) -> None:
    """Names and values that are not UTF-8 are an error of their record, every time."""
    converter = Converter(Options())
    for _ in range(2):
        conversion = convert(raw, converter=converter)
        assert isinstance(conversion.failures[0], DecodeError)


_NUMBERS = SummaryPoint().numbers()


@pytest.mark.parametrize(
    ("raw", "points"),
    [
        (record([b"\x08\x01"]), 0),
        (record([field(1, b"\x10\x01")]), 0),
        (record([field(1, field(2, b"\x10\x01"))]), 0),
        (one_record(b"\x08\x01" + field(11, field(1, _NUMBERS))), 1),
        (one_record(field(1, b"m") + b"\x58\x01"), 0),
        (one_record(field(1, b"m") + field(11, b"\x08\x01")), 0),
        (one_record(field(1, b"m") + b"\x59" + bytes(8)), 0),
        (record([field(1, b"\x0d" + bytes(4) + field(2, b""))]), 0),
    ],
)
def test_wrong_wire_types(raw: bytes, points: int) -> None:
    """A field of a wrong wire type is unknown, as everywhere in protobuf."""
    conversion = convert(raw)
    assert (conversion.failures, conversion.data_points) == ({}, points)
    assert_sound(conversion)


def _many_percentiles(count: int) -> SummaryPoint:
    return SummaryPoint(
        quantiles=((0.0, 1.0), *((n / count, 2.0) for n in range(1, count)), (1.0, 4.0))
    )


_WIDE = tuple((f"key{n}", "v") for n in range(20_000))
_COLLIDING = tuple(("resource_" * (n % 5) + f"k{n // 5}", "v") for n in range(10_000))


@pytest.mark.slow
@pytest.mark.parametrize(
    "raw",
    [
        deliver([_many_percentiles(20_000)]),
        deliver([_many_percentiles(20_000)], Format.V0_7),
        deliver([SummaryPoint(dimensions=_WIDE)]),
        deliver([SummaryPoint(dimensions=_WIDE)], Format.V0_7),
        deliver([SummaryPoint(dimensions=_COLLIDING)] * 2, pairs=_COLLIDING),
        deliver([SummaryPoint(dimensions=(("k", "x" * 900_000),))]),
        deliver([SummaryPoint(dimensions=(("k" * 900_000, "x"),))]),
        deliver([SummaryPoint(metric="/" * 900_000)]),
        record([b""] * 500_000),
        b"\x7b" * 1_000_000,
        b'{"' * 500_000,
        b'{"TICKER_SYMBOL":1}\n' * 50_000,
        point_record((b"\x11" + bytes(8)) * 100_000, "x"),
        point_record(b"\x0a\x00" * 400_000 + _NUMBERS, "x"),
        point_record(b"\x0a\x00" + (b"\x32\x12\x09" + b"\x11" * 17) * 40_000, "x"),
        point_record(b"\x0a\x00" + (b"\x11" + b"\x19" * 16) * 50_000, "x"),
        one_record(gauge("g", *[number(1.0)] * 20_000)),
    ],
    ids=range(17),
)
def test_bounded_time(raw: bytes) -> None:
    """A record of the largest size takes no longer than its size explains, whatever is in it."""
    converted: list[Conversion] = []
    assert processor_seconds(lambda: converted.append(convert(raw))) < _GENEROUS_SECONDS
    (conversion,) = converted
    assert conversion.samples == sum(map(len, samples_of(conversion).values())) + sum(
        conversion.dropped_samples.values()
    )


def test_resource_that_is_no_string() -> None:
    """Resource attributes of any type are text, and an empty one is no label."""
    values = [AnyValue(), AnyValue(bool_value=True), AnyValue(array_value=ArrayValue())]
    made = b"".join(
        field(1, attribute(f"k{n}", value).SerializeToString()) for n, value in enumerate(values)
    )
    metrics = field(2, field(2, summary("m", SummaryPoint().encode())))
    conversion = convert(record([field(1, field(1, made) + metrics)]))
    for labels in samples_of(conversion):
        assert {k: v for k, v in labels if k.startswith("k")} == {"k1": "true", "k2": "[]"}


def test_two_resources_in_one_message() -> None:
    """A resource in two pieces is one resource, as protobuf merges messages."""
    pieces = field(1, resource((("a", "1"),))) + field(1, resource((("b", "2"),)))
    metrics = field(2, field(2, summary("m", SummaryPoint().encode())))
    whole = record([field(1, pieces + metrics)])
    assert all({"a", "b"} <= dict(labels).keys() for labels in samples_of(convert(whole)))


def test_time_header_of_a_length() -> None:
    """A varint of ten bytes inside a message is one number, of eleven bytes an error."""
    metric = summary("m", SummaryPoint().encode())
    good = record([field(1, field(2, field(2, metric))) + b"\x10" + varint(END_NS, 10)])
    assert not convert(good).failures
    bad = record([field(1, field(2, field(2, metric))) + b"\x10" + varint(1, 11)])
    assert isinstance(convert(bad).failures[0], DecodeError)
