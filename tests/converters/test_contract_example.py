"""The example of the contract, written out, and each statistic of a point by its value."""

import math
import sys

import pytest

from testing.converting import bits, bits_of, by_name, convert, samples_of
from testing.events.otlp import Format
from tests.support.otlp_building import END_MS, END_NS, MINUTE_NS, Quantiles, SummaryPoint, deliver

_LABELS = {
    "account": "111122223333",
    "cloud_provider": "aws",
    "instanceid": "i-1",
    "metricname": "cpuutilization",
    "namespace": "aws/ec2",
    "p8s_logzio_name": "logzio-otlp-metrics-stream",
    "region": "us-east-1",
}
_BASE = "aws_ec2_cpuutilization"


@pytest.mark.parametrize("version", list(Format))
def test_example(version: Format) -> None:
    """CPUUtilization of i-1 with p99 becomes these five series, and nothing else."""
    point = SummaryPoint(quantiles=((0.0, 1.0), (0.99, 3.9), (1.0, 4.0)))
    assert samples_of(convert(deliver([point], version))) == {
        tuple(sorted(({"__name__": name} | _LABELS | own).items())): [(END_MS, value)]
        for name, own, value in (
            (f"{_BASE}_sum", {}, 10.0),
            (f"{_BASE}_count", {}, 4.0),
            (f"{_BASE}_min", {}, 1.0),
            (f"{_BASE}_max", {}, 4.0),
            (_BASE, {"quantile": "0.99"}, 3.9),
        )
    }


@pytest.mark.parametrize("version", list(Format))
@pytest.mark.parametrize(
    ("quantiles", "values"),
    [
        ([(0.0, 1.0), (1.0, 4.0)], {"_min": 1.0, "_max": 4.0}),
        ([(1.0, 4.0), (0.0, 1.0)], {"_min": 1.0, "_max": 4.0}),
        ([(0.5, 2.0), (1.0, 4.0), (0.0, 1.0)], {"_min": 1.0, "_max": 4.0, "{0.5}": 2.0}),
        ([(0.0, 0.0), (1.0, 0.0)], {"_min": 0.0, "_max": 0.0}),
        ([(-0.0, -2.0), (1.0, 0.0)], {"_min": -2.0, "_max": 0.0}),
        ([(0.0, 1.0)], {"_min": 1.0}),
        ([(1.0, 1.0)], {"_max": 1.0}),
        ([(0.5, 2.0), (0.9, 3.0)], {"{0.5}": 2.0, "{0.9}": 3.0}),
        ([], {}),
        ([(0.0, -9.0), (0.5, -3.0), (1.0, -1.0)], {"_min": -9.0, "_max": -1.0, "{0.5}": -3.0}),
        ([(0.0, 0.0), (0.5, 0.0), (1.0, 0.0)], {"_min": 0.0, "_max": 0.0, "{0.5}": 0.0}),
        ([(0.0, 1.0), (0.001, 1.0), (1.0, 2.0)], {"_min": 1.0, "_max": 2.0, "{0.001}": 1.0}),
        ([(0.0, -math.inf), (1.0, math.inf)], {"_min": -math.inf, "_max": math.inf}),
    ],
)
def test_quantiles(version: Format, quantiles: Quantiles, values: dict[str, float]) -> None:
    """Minimum and maximum are the quantiles 0 and 1 by value; all others are kept as they are."""
    point = SummaryPoint(quantiles=tuple(quantiles))
    found = by_name(convert(deliver([point], version)))
    plain = {f"{_BASE}_sum": 10.0, f"{_BASE}_count": 4.0}
    assert found == plain | {_BASE + suffix: value for suffix, value in values.items()}


@pytest.mark.parametrize("version", list(Format))
@pytest.mark.parametrize(
    ("count", "total"),
    [
        *((0, 0.0), (1, -0.0), (2**53, -1.5), (7, math.nan), (3, 5e-324)),
        *((2**64 - 1, math.inf), (1, -math.inf), (1, sys.float_info.max), (1, sys.float_info.min)),
    ],
)
def test_sum_and_count(version: Format, count: int, total: float) -> None:
    """What the wire leaves out is 0, and every double arrives bit by bit."""
    point = SummaryPoint(count=count, total=total, quantiles=((0.0, total), (1.0, total)))
    found = bits_of(convert(deliver([point], version)))
    values = {dict(labels)["__name__"]: value for labels, ((_, value),) in found.items()}
    assert values == {
        f"{_BASE}_count": bits(float(count)),
        **{f"{_BASE}{suffix}": bits(total) for suffix in ("_sum", "_min", "_max")},
    }


@pytest.mark.parametrize(
    ("time_ns", "milliseconds"),
    [
        (1, 0),
        (999_999, 0),
        (1_000_000, 1),
        (63_072_000_000_000_000, 63_072_000_000),
        (2**56 - 1, (2**56 - 1) // 1_000_000),
        (2**56, 2**56 // 1_000_000),
        (0x3CFFFFFFFFFFFFFF, 0x3CFFFFFFFFFFFFFF // 1_000_000),
        (0x3D00000000000000, 0x3D00000000000000 // 1_000_000),
        (2**64 - 1, (2**64 - 1) // 1_000_000),
    ],
)
def test_timestamps(time_ns: int, milliseconds: int) -> None:
    """All statistics have the end of the period, in whole ms, before 1972 and after 2109 too."""
    point = SummaryPoint(time_ns=time_ns, quantiles=((0.0, 1.0), (0.5, 1.0), (1.0, 2.0)))
    for version in Format:
        found = samples_of(convert(deliver([point], version)))
        assert [[time for time, _ in samples] for samples in found.values()] == (
            [[milliseconds]] * 5
        )


def test_missing_time() -> None:
    """A point without a time is counted, not sent with a wrong one."""
    conversion = convert(deliver([SummaryPoint(time_ns=0)]))
    assert conversion.dropped_points == {"no_timestamp": 1}
    assert (conversion.data_points, conversion.samples, conversion.lanes) == (1, 0, [])
    assert not conversion.contributing


@pytest.mark.parametrize("version", list(Format))
@pytest.mark.parametrize(
    ("times", "quantiles"),
    [
        ((END_NS,), ((0.0, 1.0), (0.5, 2.0), (1.0, 4.0))),
        ((END_NS, END_NS - MINUTE_NS), ((0.0, 1.0), (0.5, 2.0), (1.0, 4.0))),
        ((END_NS,), ((1.0, 4.0), (0.0, 1.0), (0.5, 2.0), (0.0, 1.0))),
        ((END_NS, END_NS), ((0.0, 1.0), (0.5, 2.0), (1.0, 4.0))),
    ],
    ids=["one point", "two periods", "an unusual layout", "a duplicate"],
)
def test_a_name_that_ends_in_an_invalid_character(
    version: Format, times: tuple[int, ...], quantiles: Quantiles
) -> None:
    """Every way through the converter gives EBSByteBalance% these five names."""
    points = [
        SummaryPoint(metric_name="EBSByteBalance%", time_ns=time, quantiles=quantiles)
        for time in times
    ]
    names = {dict(labels)["__name__"] for labels in samples_of(convert(deliver(points, version)))}
    base = "aws_ec2_ebsbytebalance"
    assert names == {f"{base}_sum", f"{base}_count", f"{base}__min", f"{base}__max", base}
