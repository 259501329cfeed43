"""Random deliveries for property tests, made to meet: few names, few times, many collisions."""

import math

from hypothesis import strategies as st

from testing.events.otlp import Format, record
from tests.support.otlp_building import (
    END_NS,
    MINUTE_NS,
    RESOURCE,
    SummaryPoint,
    gauge,
    message,
    number,
    summary,
)

HOUR_NS = 60 * MINUTE_NS

_NAMESPACES = st.sampled_from(["AWS/EC2", "aws/ec2", "AWS/ELB", "Shop % Backend", ""])
_METRICS = st.sampled_from(["CPUUtilization", "cpuutilization", "Disk Ops", "p:99", "9 lives%"])
_KEYS = st.sampled_from(
    [
        *("InstanceId", "instanceid", "Namespace", "namespace", "MetricName", "quantile", "le"),
        *(
            "a.b",
            "a_b",
            "A-B",
            "9x",
            "_x",
            "__name__",
            "",
            "account",
            "dimension_account",
            "Zürich",
        ),
        *("env", "resource_env", "p8s_logzio_name", "Dimensions"),
    ]
)
_VALUES = st.sampled_from(["i-1", "I-1", "AWS", "", "x;y", "Straße", "İ", "0"])
_DIMENSIONS = st.lists(st.tuples(_KEYS, _VALUES), max_size=4).map(tuple)
_TIMES = st.sampled_from(
    [
        *(END_NS, END_NS - MINUTE_NS, END_NS - MINUTE_NS + 999_999, END_NS - MINUTE_NS + 1_000_000),
        *(END_NS - 26 * HOUR_NS, END_NS - 25 * HOUR_NS),
        *(0, 1, 63_072_000_000_000_000 - 1, 2**64 - 1),
    ]
)
_COMMON_TIMES = st.sampled_from([END_NS, END_NS - MINUTE_NS, END_NS - 26 * HOUR_NS])
_NUMBERS = st.sampled_from(
    [0.0, 1.0, -1.5, 4.0, 1 / 3, -0.0, math.inf, -math.inf, math.nan, 1e300, 5e-324]
)
_QUANTILE = st.sampled_from([0.0, 1.0, 0.5, 0.99, 0.999, 0.1, -0.0, 1e-7, math.nan, 2.0])
_QUANTILES = st.one_of(
    st.tuples(_NUMBERS, _NUMBERS).map(lambda ends: ((0.0, ends[0]), (1.0, ends[1]))),
    st.tuples(_NUMBERS, _NUMBERS, _NUMBERS).map(
        lambda values: ((0.0, values[0]), (0.99, values[1]), (1.0, values[2]))
    ),
    st.lists(st.tuples(_QUANTILE, _NUMBERS), max_size=5).map(tuple),
)

summary_points = st.builds(
    SummaryPoint,
    namespace=_NAMESPACES,
    metric_name=_METRICS,
    dimensions=st.one_of(st.just((("InstanceId", "i-1"),)), _DIMENSIONS),
    time_ns=st.one_of(_COMMON_TIMES, _COMMON_TIMES, _TIMES),
    count=st.sampled_from([0, 1, 1, 2, 7, 2**53 + 1, 2**64 - 1]),
    total=_NUMBERS,
    quantiles=_QUANTILES,
    metric=st.sampled_from(
        [*[None] * 5, "from.elsewhere", "amazonaws.com/X", "AWS/EC2/CPUUtilization"]
    ),
    flags=st.sampled_from([0, 0, 0, 0, 1]),
    start=st.sampled_from([True, True, False]),
    unit=st.sampled_from(["", "s", "s", "ms"]),
)

_other_summaries = st.builds(
    SummaryPoint,
    namespace=st.none(),
    metric_name=st.one_of(st.none(), _METRICS),
    dimensions=_DIMENSIONS,
    quantiles=_QUANTILES,
    metric=st.sampled_from(["from.elsewhere", "x_sum"]),
    time_ns=_COMMON_TIMES,
)

# A gauge of such a name meets the series of a Summary.
_gauge_names = st.sampled_from(["amazonaws.com/AWS/EC2/CPUUtilization_sum", "x", "from.elsewhere"])
_gauge_pairs = st.just(
    (("Namespace", "AWS/EC2"), ("MetricName", "CPUUtilization"), ("InstanceId", "i-1"))
)
_gauges = st.builds(
    lambda name, value, pairs, time: gauge(name, number(value, pairs, time)),
    _gauge_names,
    _NUMBERS,
    st.one_of(_gauge_pairs, _DIMENSIONS.filter(lambda pairs: "Dimensions" not in dict(pairs))),
    _TIMES,
)

_resources = st.sampled_from(
    [
        RESOURCE,
        RESOURCE[:3],
        (*RESOURCE[:1], ("cloud.account.id", "444455556666"), *RESOURCE[2:]),
        (*RESOURCE, ("account", "Mine"), ("Env", "Prod"), ("InstanceId", "of-resource")),
        (),
    ]
)


def _summary_of(points: list[SummaryPoint], formats: list[Format]) -> bytes:
    encoded = [point.encode(version) for point, version in zip(points, formats, strict=False)]
    return summary(points[0].name, *encoded, unit=points[0].unit)


_metrics = st.one_of(
    *[
        st.builds(
            _summary_of,
            st.lists(points, min_size=1, max_size=3),
            st.lists(st.sampled_from(Format), min_size=3, max_size=3),
        )
        for points in (summary_points, summary_points, _other_summaries)
    ],
    _gauges,
)

messages = st.one_of(
    st.just(b""),
    *[
        st.builds(
            lambda metrics, pairs: message(*metrics, pairs=pairs),
            st.lists(_metrics, min_size=1, max_size=6),
            _resources,
        )
    ]
    * 4,
)

records = st.lists(messages, max_size=3).map(record)

deliveries = st.lists(records, min_size=1, max_size=4)
