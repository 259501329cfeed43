"""What a converter remembers: each thing once, counted, and within its limits."""

import tracemalloc

import pytest

from converters.attributes import Attribute, PointAttributes
from converters.cache import SeriesCache, no_deadline
from converters.convert import Converter, Options
from converters.errors import DecodeError, TooLargeError
from converters.labels import LabelEncoder, ResourceLabels
from converters.metric import MetricScope
from converters.profiles.profile import Metric
from converters.rules import SeriesRules
from converters.statistics import quantile_statistic
from converters.wire import double_bytes
from testing.converting import contents, convert
from testing.events.otlp import Format
from tests.support.otlp_building import (
    END_NS,
    MINUTE_NS,
    SummaryPoint,
    deliver,
    gauge,
    number,
    one_record,
    resource,
)

_QUANTILES = ((0.0, 1.0), (0.5, 2.0), (0.99, 3.0), (1.0, 4.0))


def _of_cloudwatch(version: Format) -> bytes:
    """Return a record in which series have one sample or two, and dimensions in any order."""
    dimensions = (("InstanceId", "i-1"), ("Namespace", "AWS"))
    return deliver(
        [
            SummaryPoint(
                metric_name=metric, dimensions=order, time_ns=END_NS - ago, quantiles=_QUANTILES
            )
            for metric in ("CPUUtilization", "NetworkIn")
            for order in (dimensions, dimensions[::-1], ())
            for ago in (0, MINUTE_NS)
        ],
        version,
    )


_RECORDS = {
    "0.7": _of_cloudwatch(Format.V0_7),
    "1.0": _of_cloudwatch(Format.V1_0),
    "gauge": one_record(gauge("g", number(1.0, (("a", "1"), ("b", "2"))))),
}


@pytest.mark.parametrize("kind", _RECORDS)
def test_nothing_new_in_a_second_delivery(kind: str) -> None:
    """The same series again are not remembered, or counted, a second time."""
    converter = Converter(Options())
    first = contents(convert(_RECORDS[kind], converter=converter))
    used = converter._cache.bytes_used
    for _ in range(2):
        assert contents(convert(_RECORDS[kind], converter=converter)) == first
        assert converter._cache.bytes_used == used


@pytest.mark.parametrize(
    "points",
    [
        [SummaryPoint(dimensions=(("InstanceId", f"i-{n}"),)) for n in range(500)],
        [SummaryPoint(metric_name=f"m{n}") for n in range(500)],
        [SummaryPoint(dimensions=((f"k{n}", "v"),), quantiles=_QUANTILES) for n in range(500)],
        [SummaryPoint(dimensions=(("k", f"{n}" * 500),)) for n in range(100)],
        [SummaryPoint(metric_name="m" * 2000 + f"{n}") for n in range(50)],
        [SummaryPoint(quantiles=tuple((n / 1000, float(n)) for n in range(1000)))],
    ],
    ids=["series", "metrics", "labels", "long values", "long names", "percentiles"],
)
def test_the_count_is_about_the_memory_taken(points: list[SummaryPoint]) -> None:
    """What is counted is near to what Python takes, whatever there is much of."""
    converter = Converter(Options())
    record = deliver(points)
    # What is remembered for all converters together is not counted.
    convert(record)
    tracemalloc.start()
    convert(record, converter=converter)
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 0.8 < converter._cache.bytes_used / taken < 2.5


def _cache(max_bytes: int = 10**9, max_new_bytes: int = 10**9) -> SeriesCache:
    return SeriesCache(SeriesRules(), max_bytes=max_bytes, max_new_bytes=max_new_bytes)


_PAIRS = (("cloud.region", "r"), ("cloud.account.id", "1"), ("b", "2"), ("a", "1"))


def test_one_scope_for_a_resource() -> None:
    """A resource is one in any order of its attributes; another environment is another."""
    cache = _cache()
    scope = cache.resource(resource(_PAIRS), "env")
    used = cache.bytes_used
    assert cache.resource(resource(_PAIRS), "env") is scope
    assert cache.bytes_used == used > 4 * len(resource(_PAIRS))
    assert cache.resource(resource(_PAIRS[::-1]), "env") is scope
    assert cache.resource(resource(_PAIRS), "other") is not scope
    assert cache.resource(resource(_PAIRS[1:]), "env") is not scope
    assert scope.labels.fixed == {"region": "r", "account": "1", "p8s_logzio_name": "env"}


def _metric(name: bytes = b"amazonaws.com/AWS/EC2/CPUUtilization") -> MetricScope:
    return _cache().resource(resource(_PAIRS), "").metric(name, b"s")


def test_one_scope_for_a_metric() -> None:
    """A metric of one unit is remembered and counted once in its resource."""
    metric = _metric()
    used = metric.resource.cache.bytes_used
    assert metric.resource.metric(b"amazonaws.com/AWS/EC2/CPUUtilization", b"s") is metric
    assert metric.resource.cache.bytes_used == used
    assert metric.resource.metric(b"other", b"s") is not metric
    assert metric.resource.cache.bytes_used > used + len("other")
    assert metric.resource.metric(b"amazonaws.com/AWS/EC2/CPUUtilization", b"ms") is not metric


def test_name_that_is_not_text() -> None:
    """The name of a metric has to be UTF-8."""
    with pytest.raises(DecodeError, match=r"^the name of a metric is not UTF-8: "):
        _metric(b"\xff")


def test_the_deadline_is_checked_for_each_new_group() -> None:
    """With many labels a group takes milliseconds, so the delivery may end before each."""
    metric = _metric()
    calls: list[None] = []
    metric.resource.cache.begin(lambda: calls.append(None))
    for value in ("1", "2", "1"):
        metric.group_of(PointAttributes("N", "M", (Attribute("k", value),)))
    assert len(calls) == 2


@pytest.mark.parametrize(
    ("name", "identity", "from_cloudwatch"),
    [
        (b"amazonaws.com/N/M", (None, None), True),
        (b"m", ("N", "M"), True),
        (b"m", ("", ""), True),
        (b"m", ("N", None), False),
        (b"m", (None, "M"), False),
        (b"x/amazonaws.com/N/M", (None, None), False),
    ],
)
def test_what_comes_from_cloudwatch(
    name: bytes, identity: tuple[str | None, str | None], from_cloudwatch: bool
) -> None:
    """A metric is CloudWatch's by its name, or by both parts of CloudWatch's identity."""
    group = _metric(name).group_of(PointAttributes(*identity, ()))
    assert group.from_cloudwatch is from_cloudwatch


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (SummaryPoint().labels(), True),
        (SummaryPoint().attributes(), True),
        (b"", True),
        (SummaryPoint().numbers(), False),
        (SummaryPoint().labels() + b"\x40\x01", False),
        (b"\xff", False),
    ],
    ids=["labels", "attributes", "nothing", "numbers", "flags too", "not a point"],
)
def test_group_by_its_bytes(raw: bytes, found: bool) -> None:
    """Bytes that hold attributes and nothing else name a group, which is remembered by them."""
    metric = _metric()
    group = metric.group(raw)
    assert (group is not None) is found
    assert metric.groups == ({raw: group} if found else {})


def test_each_spelling_of_a_group_is_counted() -> None:
    """The same attributes in another order are the same group, remembered by those bytes too."""
    metric = _metric()
    pairs = (("a", "1"), ("b", "2"))
    first, second = (SummaryPoint(dimensions=order).labels() for order in (pairs, pairs[::-1]))
    group = metric.group(first)
    used = metric.resource.cache.bytes_used
    assert metric.group(second) is group
    assert metric.resource.cache.bytes_used == used + len(second)


def test_heads_are_remembered() -> None:
    """The heads for a length of the labels and a number of samples are made and counted once."""
    metric = _metric()
    names = metric.group_of(PointAttributes("N", "M", ())).names
    grow = metric.resource.cache.grow
    made = [names.columns.heads(*key, grow) for key in ((100, 1), (100, 2), (300, 1))]
    used = metric.resource.cache.bytes_used
    assert names.columns.heads(100, 1, grow) is made[0]
    assert names.columns.heads(100, 2, grow) is made[1]
    assert metric.resource.cache.bytes_used == used
    new = names.columns.heads(40, 1, grow)
    assert metric.resource.cache.bytes_used == used + sum(map(len, new))


def test_series_of_a_group_are_remembered() -> None:
    """The labels of a series and the head of a percentile are made and counted once."""
    group = _metric().group_of(PointAttributes("N", "M", ()))
    cache = group.metric.resource.cache
    quantile = double_bytes(0.5)
    statistic = quantile_statistic(quantile)
    made = group.series(statistic), group.quantile_head(quantile)
    used = cache.bytes_used
    assert group.series(statistic) is made[0]
    assert group.quantile_head(quantile) is made[1]
    assert cache.bytes_used == used


def test_labels_are_remembered() -> None:
    """The name of a dimension and an encoded label are made and counted once."""
    sizes: list[int] = []
    encoder = LabelEncoder(SeriesRules(), grow=sizes.append)
    labels = ResourceLabels([], "")
    point = PointAttributes("N", "M", (Attribute("k", "v"), Attribute("l", "w" * 400)))
    metric = Metric("amazonaws.com/N/M", "N", "M")
    encoded = encoder.encode(labels, metric, point, "s")
    # Two names of dimensions, and four labels.
    assert len(sizes) == 6
    assert min(sizes) > 300
    assert max(sizes) > 2 * 400
    assert encoder.encode(labels, metric, point, "s") == encoded
    assert len(sizes) == 6


def test_limit_of_a_delivery() -> None:
    """A delivery may add a number of bytes to what is remembered, whatever that is."""
    cache = _cache(max_new_bytes=2_000_000)
    for _ in range(3):
        cache.begin(no_deadline)
        cache.grow(2_000_000)
        message = r"^the labels of the delivery take more than 2 MB of memory: give the function"
        with pytest.raises(TooLargeError, match=message):
            cache.grow(1)


def test_trim() -> None:
    """What is remembered is forgotten between deliveries once it is more than it may be."""
    cache = _cache(max_bytes=1_000_000)
    scope = cache.resource(resource(_PAIRS), "")
    metric = scope.metric(b"amazonaws.com/N/M", b"s")
    metric.group(b"")
    cache.grow(1_000_000 - cache.bytes_used)
    cache.trim()
    assert cache.resource(resource(_PAIRS), "") is scope
    cache.grow(1)
    cache.trim()
    assert cache.bytes_used == 0
    # Without the references both ways Python frees them at once.
    assert (scope.metrics, metric.groups, metric.identities) == ({}, {}, {})
    assert cache.resource(resource(_PAIRS), "") is not scope
    assert cache.bytes_used > 0
