"""Target `conversion`: from a record's bytes, in 0.7 and 1.0, to remote-write bodies."""

from converters.convert import Converter, Limits, Profile
from converters.errors import RecordError
from testing.converting import assert_sound, contents, convert
from testing.events.fleet import fleet
from testing.events.otlp import Format, messages, record
from tools.fuzz.wire import (
    GAUGE,
    HISTOGRAM,
    QUANTILE,
    attribute,
    framed,
    message,
    metric,
    summary_point,
)

_END_MS = 1_793_491_200_000
_SUM, _EXPONENTIAL = b"\x3a", b"\x52"

_LIMITS = Limits(points=30_000, label_bytes=20_000_000, body_bytes=5_000_000)
_PROFILES = (
    Profile(limits=_LIMITS, max_bytes=4_000),
    Profile(limits=_LIMITS, native_histograms=True, keep_case=True),
)


def check(content: bytes) -> None:
    """Check that a conversion accounts for every point and makes sound bodies.

    A converter that knows the series already makes the same bodies, also beside a broken record.
    """
    for profile in _PROFILES:
        converter = Converter(profile)
        cold = convert(content, converter=converter)
        assert_sound(cold)
        assert all(body.size <= profile.max_bytes for lane in cold.lanes for body in lane)
        assert all(isinstance(error, RecordError) for error in cold.failures.values())
        if cold.failures:
            assert not cold.samples
            assert not cold.data_points
        sent = sum(body.samples for lane in cold.lanes for body in lane)
        assert bool(cold.contributing) >= bool(sent)
        warm = convert(content, b"\xff", converter=converter)
        assert contents(warm) == contents(cold)
        assert warm.dropped_points == cold.dropped_points
        assert warm.dropped_samples == cold.dropped_samples


def seeds() -> dict[str, bytes]:
    """Return CloudWatch's points in both formats, and points of all other types."""
    points = fleet(_END_MS)
    varied = points[:: max(1, len(points) // 12)]
    pair = attribute("Namespace", "AWS/EC2") + b""
    bounds, counts = b"\x3a\x08" + bytes(6) + b"\xf0\x3f", b"\x32\x10" + bytes(15) + b"\x01"
    native = b"\x21" + b"\x02" + bytes(7) + b"\x30\x06" + b"\x42\x05\x08\x02\x12\x01\x02"
    quantiles = b"".join(QUANTILE + encoded for encoded in (b"\x00", b"\x09\x09" + _one(), b"\x00"))
    return {
        "otlp-1.0": record(messages(varied, Format.V1_0)),
        "otlp-0.7": record(messages(varied, Format.V0_7)),
        "both": record([*messages(varied[:2], Format.V0_7), *messages(varied[:2], Format.V1_0)]),
        "summary": framed(message(metric(b"a/b", summary_point(pair, pair, rest=quantiles)))),
        "gauge": framed(message(metric(b"g", summary_point(pair, rest=b"\x21" + _one()), GAUGE))),
        "sum": framed(
            message(metric(b"s", summary_point(rest=b"\x31" + _one()) + b"\x10\x02", _SUM))
        ),
        "histogram": framed(
            message(metric(b"h", summary_point(rest=bounds + counts) + b"\x10\x02", HISTOGRAM))
        ),
        "exponential": framed(
            message(metric(b"e", summary_point(rest=native) + b"\x10\x02", _EXPONENTIAL))
        ),
        "resource": framed(
            message(metric(b"m", summary_point(pair)), b"\x0a" + bytes([len(pair)]) + pair)
        ),
    }


def _one() -> bytes:
    return bytes(6) + b"\xf0\x3f"
