"""Data points whose fields stand otherwise than CloudWatch puts them mean the same."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.metrics.v1.metrics_pb2 import SummaryDataPoint

from converters.convert import Converter, Options
from testing.converting import bits_of, contents, convert
from testing.events.otlp import Format
from tests.support.deliveries import summary_points
from tests.support.otlp_building import (
    SummaryPoint,
    field,
    one_record,
    point_record,
    summary,
    varint,
)
from tests.support.properties import examples
from tests.support.recoding import fields

_POINT = SummaryPoint(quantiles=((0.0, 1.0), (0.99, 3.9), (1.0, 4.0)))
_EXPECTED = {version: contents(convert(point_record(_POINT.encode(version)))) for version in Format}
_DOUBLE_1 = bytes(6) + b"\xf0\x3f"


def _pieces(point: bytes) -> dict[int, list[bytes]]:
    """Return the encoded fields of a point by their tag, in their order."""
    pieces: dict[int, list[bytes]] = {}
    for tag, whole, _ in fields(point):
        pieces.setdefault(tag, []).append(whole)
    return pieces


@pytest.mark.parametrize("version", list(Format))
def test_order_of_fields(version: Format) -> None:
    """The fields of a point may come in any order."""
    converter = Converter(Options())
    runs = [b"".join(run) for run in _pieces(_POINT.encode(version)).values()]
    for order in permutations(runs):
        record = point_record(b"".join(order))
        assert contents(convert(record, converter=converter)) == _EXPECTED[version]


@given(point=summary_points, version=st.sampled_from(Format), random=st.randoms())
@examples(100)
def test_order_of_random_fields(point: SummaryPoint, version: Format, random: object) -> None:
    """So may those of any point, as long as repeated fields keep their own order."""
    raw = point.encode(version)
    runs = [*_pieces(raw).values()]
    random.shuffle(runs)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    shuffled = b"".join(piece for run in runs for piece in run)
    usual, other = (convert(one_record(summary(point.name, p))) for p in (raw, shuffled))
    assert bits_of(usual) == bits_of(other)
    assert usual.dropped_points == other.dropped_points


@pytest.mark.parametrize("version", list(Format))
@pytest.mark.parametrize(
    "extra",
    [
        b"\x40\x00",
        b"\x40\x02",
        b"\x78\x05",
        b"\x79" + bytes(8),
        b"\x7a\x03abc",
        b"\x7d" + bytes(4),
        b"\x7b\x08\x01\x7c",
        b"\xfa\xff\x3f\x00",
        b"\x12\x01x",
        b"\x18\x05",
        b"\x08\x05",
        b"\x39" + bytes(8),
        b"\x30\x01",
    ],
)
def test_unknown_fields(version: Format, extra: bytes) -> None:
    """Fields of another number, another wire type or without a meaning are passed over."""
    raw = _POINT.encode(version)
    for changed in (extra + raw, raw + extra):
        assert contents(convert(point_record(changed))) == _EXPECTED[version]


@pytest.mark.parametrize("version", list(Format))
@pytest.mark.parametrize("tag", [0x11, 0x19, 0x21, 0x29])
def test_repeated_fields(version: Format, tag: int) -> None:
    """Of a number that comes twice the last counts."""
    wrong = bytes([tag]) + b"\x01" * 8
    raw = wrong + _POINT.encode(version)
    assert contents(convert(point_record(raw))) == _EXPECTED[version]
    pieces = _pieces(_POINT.encode(version))
    pieces[tag].insert(0, wrong)
    doubled = b"".join(piece for run in pieces.values() for piece in run)
    assert contents(convert(point_record(doubled))) == _EXPECTED[version]


@pytest.mark.parametrize("version", list(Format))
def test_stretched_varints(version: Format) -> None:
    """Tags and lengths may be written longer than need be, in every field of a point."""
    whole = list(fields(_POINT.encode(version)))
    for index, (tag, plain, content) in enumerate(whole):
        length = varint(len(content), 3) if tag & 7 == 2 else b""
        for changed in (
            varint(tag, 2) + plain[1:],
            varint(tag) + length + content,
        ):
            raw = b"".join([*(p for _, p, _ in whole[:index]), changed])
            raw += b"".join(p for _, p, _ in whole[index + 1 :])
            assert contents(convert(point_record(raw))) == _EXPECTED[version]


@pytest.mark.parametrize("version", list(Format))
@pytest.mark.parametrize(
    ("plain", "other"),
    [
        (b"\x32\x09\x11", b"\x32\x12\x09" + bytes(8) + b"\x11"),
        (b"\x32\x09\x11", b"\x32\x12\x09" + bytes(7) + b"\x80\x11"),
        (b"\x32\x09\x11" + _DOUBLE_1, b"\x32\x12\x11" + _DOUBLE_1 + b"\x09" + bytes(8)),
        (b"\x32\x12\x09" + _DOUBLE_1 + b"\x11", b"\x32\x14\x09" + _DOUBLE_1 + b"\x78\x05\x11"),
    ],
)
def test_spelt_out_quantiles(version: Format, plain: bytes, other: bytes) -> None:
    """A quantile of 0 that is written out is the minimum, as one that is left out."""
    raw = _POINT.encode(version)
    assert plain in raw
    assert contents(convert(point_record(raw.replace(plain, other)))) == _EXPECTED[version]


def test_zeros_spelt_out() -> None:
    """Zeros that are written mean what zeros that are left out mean."""
    point = SummaryPoint(count=0, total=0.0, quantiles=((0.0, 0.0), (0.5, 0.0), (1.0, 0.0)))
    half, zero = bytes(6) + b"\xe0\x3f", bytes(8)
    quantiles = b"".join(
        b"\x32\x12\x09" + quantile + b"\x11" + zero for quantile in (zero, half, _DOUBLE_1)
    )
    start_and_time = SummaryPoint(count=0, total=0.0, quantiles=()).numbers()
    raw = start_and_time + b"\x21" + zero + b"\x29" + zero + quantiles + point.attributes()
    assert SummaryDataPoint.FromString(raw) == SummaryDataPoint.FromString(point.encode())
    assert contents(convert(point_record(raw))) == contents(convert(point_record(point.encode())))


def test_split_messages() -> None:
    """A Summary, a resource or a name that comes in pieces is put together."""
    point = field(1, _POINT.encode())
    other = SummaryPoint(dimensions=()).encode()
    whole = summary(_POINT.name, _POINT.encode(), other)
    pieces = field(11, point) + field(1, b"wrong") + field(1, _POINT.name.encode())
    assert contents(convert(one_record(pieces + field(11, field(1, other))))) == (
        contents(convert(one_record(whole)))
    )


def test_attribute_bytes_of_another_metric() -> None:
    """The same attributes under another metric's name are another series."""
    converter = Converter(Options())
    for name in ("amazonaws.com/a", "amazonaws.com/b", "c"):
        record = point_record(_POINT.encode(), name)
        assert contents(convert(record, converter=converter)) == contents(convert(record))
