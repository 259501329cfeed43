"""Target `conversion`: from a record's bytes, in 0.7 and 1.0, to bodies of both protocols."""

from converters.convert import Converter, Limits, Options
from converters.errors import RecordError
from converters.otlp.bodies import OtlpBodies
from converters.otlp.convert import OtlpConverter, OtlpOptions
from converters.rules import SeriesRules
from testing.converting import DELIVERED_MS, assert_sound, contents, convert

_LIMITS = Limits(points=30_000, label_bytes=20_000_000, body_bytes=5_000_000)
_LABELS = SeriesRules(keep_case=True, unit_label=True, max_labels=12)
_OPTIONS = (
    Options(limits=_LIMITS, max_bytes=4_000),
    Options(limits=_LIMITS, native_histograms=True, rules=_LABELS),
)


def check(content: bytes) -> None:
    """Check that a conversion accounts for every point and makes sound bodies.

    A converter that knows the series already makes the same bodies, also beside a broken record.
    """
    for options in _OPTIONS:
        converter = Converter(options)
        cold = convert(content, converter=converter)
        assert_sound(cold)
        assert all(body.size <= options.max_bytes for lane in cold.lanes for body in lane)
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
    for flatten in (False, True):
        _check_otlp(content, flatten=flatten)


def _check_otlp(content: bytes, *, flatten: bool) -> None:
    converter = OtlpConverter(OtlpOptions(flatten=flatten, max_bytes=4_000, limits=_LIMITS))
    bodies = OtlpBodies(compressed=False)
    cold, warm = (
        converter.convert(enumerate(records), p8s_logzio_name="", delivered_ms=DELIVERED_MS)
        for records in ([content], [content, b"\xff"])
    )
    assert contents(warm) == contents(cold)
    sent = [body for lane in cold.lanes for body in lane]
    assert cold.data_points == (
        sum(body.samples for body in sent) + sum(cold.dropped_points.values())
    )
    for body in sent:
        assert body.size <= 4_000 or body.samples == 1
        assert sum(map(len, bodies.data_points(body))) == body.samples
    assert not (cold.failures and cold.data_points)
