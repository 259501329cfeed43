"""The labels of a series: reserved names, collisions, case; one case in a line."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import SummaryDataPoint

from converters.convert import Converter, Options
from converters.labels import _moved, encode_label, insert_label
from converters.rules import SeriesRules
from converters.schema.remote_write_pb2 import TimeSeries
from testing.converting import assert_sound, contents, convert, samples_of, time_series
from testing.events.otlp import Format, record
from testing.rules import labels_of
from tests.support.clocks import processor_seconds
from tests.support.otlp_building import (
    RESOURCE,
    Pairs,
    SummaryPoint,
    attribute,
    deliver,
    field,
    one_record,
    point_record,
    summary,
)
from tests.support.properties import examples

_OF_RESOURCE = {"account": "111122223333", "region": "us-east-1", "cloud_provider": "aws"}
_OF_METRIC = {"namespace": "aws/ec2", "metricname": "cpuutilization"}
_ENVIRONMENT = {"p8s_logzio_name": "Env"}
_ALWAYS = _OF_RESOURCE | _OF_METRIC | _ENVIRONMENT


def _labels(*records: bytes, name: str = "Env", **rules: Any) -> dict[str, str]:
    """Return the labels of the only point's sum, without its name."""
    conversion = convert(*records, rules=SeriesRules(**rules), p8s_logzio_name=name)
    assert_sound(conversion)
    (found,) = [
        dict(labels) for labels in samples_of(conversion) if dict(labels)["__name__"] == _SUM
    ]
    del found["__name__"]
    return found


_SUM = "aws_ec2_cpuutilization_sum"


@pytest.mark.parametrize("version", list(Format))
@pytest.mark.parametrize(
    ("dimensions", "labels"),
    [
        ((), {}),
        ([("InstanceId", "I-1")], {"instanceid": "i-1"}),
        ([("Namespace", "AWS")], {"dimension_namespace": "aws"}),
        ([("MetricName", "Other")], {"dimension_metricname": "other"}),
        ([("namespace", "x")], {"dimension_namespace": "x"}),
        ([("Account", "7")], {"dimension_account": "7"}),
        ([("region", "r")], {"dimension_region": "r"}),
        ([("cloud.provider", "c")], {"dimension_cloud_provider": "c"}),
        ([("quantile", "0.5")], {"dimension_quantile": "0.5"}),
        ([("le", "1")], {"dimension_le": "1"}),
        ([("P8S_LOGZIO_NAME", "p")], {"dimension_p8s_logzio_name": "p"}),
        ([("__name__", "n")], {"key__name__": "n"}),
        ([("Namespace", "A"), ("namespace", "B")], {"dimension_namespace": "a;b"}),
        ([("dimension_le", "z"), ("le", "a")], {"dimension_le": "z;a"}),
        ([("a.b", "2"), ("a-b", "1")], {"a_b": "1;2"}),
        ([("a-b", "1"), ("a.b", "2")], {"a_b": "1;2"}),
        ([("ä", "3"), ("Z", "1"), ("z", "2")], {"z": "1;2", "key_": "3"}),
        ([("é", "3"), ("ü", "2"), ("%", "1")], {"key_": "1;3;2"}),
        ([("x", "b"), ("x", "a")], {"x": "a;b"}),
        ([("x", ""), ("X", "a")], {"x": "a"}),
        ([("x", "")], {}),
        ([("", "empty key")], {"key_": "empty key"}),
        ([("9x", "Ü")], {"key_9x": "ü"}),
    ],
)
def test_dimensions(version: Format, dimensions: Pairs, labels: dict[str, str]) -> None:
    """Every dimension finds a label of its own or shares one, and never takes a reserved one."""
    point = SummaryPoint(dimensions=tuple(dimensions))
    assert _labels(deliver([point], version)) == _ALWAYS | labels


@pytest.mark.parametrize(
    ("resource", "labels"),
    [
        ([("aws.exporter.arn", "arn")], {}),
        ([("service.name", "Web")], {"service_name": "Web"}),
        ([("account", "Mine")], {"resource_account": "Mine"}),
        ([("le", "1"), ("resource_le", "2")], {"resource_le": "2", "resource_resource_le": "1"}),
        ([("namespace", "K8s")], {"resource_namespace": "K8s"}),
        ([("quantile", "q")], {"resource_quantile": "q"}),
        ([("InstanceId", "R")], {"resource_instanceid": "R"}),
        ([("cloud.region", "Second")], {"cloud_region": "Second"}),
        ([("a.b", "2"), ("a-b", "1")], {"a_b": "1;2"}),
        ([("a", "2"), ("a", "1")], {"a": "1;2"}),
        ([("\uffff", "1"), ("\U00010000", "2")], {"key_": "1;2"}),
        ([("empty", "")], {}),
        ([("p8s_logzio_name", "x")], {"resource_p8s_logzio_name": "x"}),
        ([("9x", "N")], {"key_9x": "N"}),
    ],
)
def test_resource_attributes(resource: Pairs, labels: dict[str, str]) -> None:
    """Resource attributes keep their value as it is, and give way to all others."""
    raw = deliver([SummaryPoint()], pairs=(*RESOURCE, *resource))
    assert _labels(raw) == _ALWAYS | {"instanceid": "i-1"} | labels


@pytest.mark.parametrize(
    ("dimensions", "resource", "labels"),
    [
        ("env resource_env", "env", "resource_resource_env=env"),
        (
            "a resource_a",
            "a resource_a",
            "resource_resource_a=a resource_resource_resource_a=resource_a",
        ),
        ("a", "a resource_a", "resource_a=resource_a resource_resource_a=a"),
        ("", "le resource_le", "resource_le=resource_le resource_resource_le=le"),
        ("resource_le", "le", "resource_resource_le=le"),
        ("resource_le", "le quantile", "resource_resource_le=le resource_quantile=quantile"),
    ],
)
def test_moved_resource_attributes(dimensions: str, resource: str, labels: str) -> None:
    """A resource attribute moves on until its name is free, and never takes another's."""
    point = SummaryPoint(dimensions=tuple((key, "d") for key in dimensions.split()))
    pairs = (*RESOURCE, *((key, key) for key in resource.split()))
    expected = dict.fromkeys(dimensions.split(), "d") | dict(
        label.split("=") for label in labels.split()
    )
    assert _labels(deliver([point], pairs=pairs)) == _ALWAYS | expected


def _naive(labels: dict[str, str], prefix: str, taken: set[str]) -> dict[str, str]:
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
def test_names_that_move(labels: dict[str, str], taken: set[str]) -> None:
    """Moving labels in linear time gives the names that looking one by one gives."""
    assert _moved(labels, "p_", taken) == _naive(labels, "p_", taken)


def test_a_chain_of_names_is_moved_in_linear_time() -> None:
    """Two thousand labels that all move to the next one's name take a moment, not minutes."""
    names = ["p_" * depth + "a" for depth in range(2_000)]
    moved: dict[str, str] = {}
    labels, taken = dict.fromkeys(names, "v"), frozenset(names)
    assert processor_seconds(lambda: moved.update(_moved(labels, "p_", taken))) < 2
    assert len(moved) == 2_000


@pytest.mark.parametrize(
    ("others", "names"),
    [
        ("", "m"),
        ("a", "a m"),
        ("a b l", "a b l m"),
        ("a l z", "a l m z"),
        ("n z", "m n z"),
        ("l la lz mm", "l la lz m mm"),
        ("M _", "M _ m"),
    ],
)
def test_inserted_label(others: str, names: str) -> None:
    """A label is inserted where sorting by bytes puts its name."""
    encoded = b"".join(encode_label(name, name * 70) for name in others.split())
    series = TimeSeries.FromString(insert_label(encoded, "m", "v"))
    assert [label.name for label in series.labels] == names.split()
    assert {label.value for label in series.labels if label.name != "m"} == {
        name * 70 for name in others.split()
    }


def test_missing_resource() -> None:
    """Without a resource there is no label of it, and no empty one either."""
    assert _labels(deliver([SummaryPoint(dimensions=())], pairs=())) == _OF_METRIC | _ENVIRONMENT


def test_resource_values_that_are_not_strings() -> None:
    """An account that is sent as a number is the same account."""
    account = attribute("cloud.account.id", AnyValue(int_value=7)).SerializeToString()
    metrics = field(2, field(2, summary(_NAME, SummaryPoint().encode())))
    assert _labels(record([field(1, field(1, field(1, account)) + metrics)]))["account"] == "7"


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("cloud.account.id", "account"),
        ("cloud.region", "region"),
        ("cloud.provider", "cloud_provider"),
        ("other", "other"),
    ],
)
def test_an_empty_resource_attribute_is_ignored(key: str, name: str) -> None:
    """Of an attribute that is empty and comes again, the one with a value is the label."""
    raw = deliver([SummaryPoint(dimensions=())], pairs=((key, ""), (key, "v")))
    assert _labels(raw)[name] == "v"


def test_environments_of_one_warm_converter() -> None:
    """A warm converter does not confuse deliveries of two environments."""
    converter = Converter(Options())
    for name in ("", "one", "two", "", "one"):
        conversion = convert(deliver([SummaryPoint()]), converter=converter, p8s_logzio_name=name)
        found = {dict(labels).get("p8s_logzio_name", "") for labels in samples_of(conversion)}
        assert found == {name}


def test_order_of_repeated_resource_attributes() -> None:
    """The first account on the wire is the account, whatever a warm converter has seen before."""
    twice = (("cloud.account.id", "1"), ("cloud.account.id", "2"))
    records = [deliver([SummaryPoint()], pairs=pairs) for pairs in (twice, twice[::-1])]
    warm = Converter(Options())
    for raw, account in zip(records, "12", strict=True):
        assert _labels(raw)["account"] == account
        assert contents(convert(raw, converter=warm)) == contents(convert(raw))


@pytest.mark.parametrize("version", list(Format))
def test_kept_case(version: Format) -> None:
    """LABEL_VALUE_CASE=keep leaves values as they are, and lower-cases names all the same."""
    point = SummaryPoint(dimensions=(("InstanceId", "I-1"), ("Namespace", "AWS")))
    assert _labels(deliver([point], version), keep_case=True) == {
        **_OF_RESOURCE,
        **_ENVIRONMENT,
        "namespace": "AWS/EC2",
        "metricname": "CPUUtilization",
        "instanceid": "I-1",
        "dimension_namespace": "AWS",
    }


@pytest.mark.parametrize(
    ("pairs", "labels"),
    [
        ([("Dimensions", "text")], {"dimensions": "text"}),
        ([("Namespace", "N"), ("Namespace", "M")], {"namespace": "n", "dimension_namespace": "m"}),
        ([("Namespace", ""), ("Namespace", "M")], {"dimension_namespace": "m"}),
        ([("MetricName", ""), ("MetricName", "M")], {"dimension_metricname": "m"}),
        (
            [("MetricName", "N"), ("MetricName", "M")],
            {"metricname": "n", "dimension_metricname": "m"},
        ),
        ([("other", "O")], {"other": "o"}),
        ([], {}),
    ],
)
def test_flat_attributes(pairs: Pairs, labels: dict[str, str]) -> None:
    """In 1.0 too the first Namespace and MetricName are the identity, all else is a dimension."""
    point = SummaryDataPoint.FromString(SummaryPoint().numbers())
    point.attributes.extend([attribute(key, value) for key, value in pairs])
    record = point_record(point.SerializeToString())
    assert _labels(record) == _OF_RESOURCE | _ENVIRONMENT | labels


def test_dimension_is_never_the_identity() -> None:
    """A dimension called Namespace is a dimension even if the map stands before the identity."""
    point = SummaryDataPoint.FromString(SummaryPoint().numbers() + _dimensions("AWS"))
    point.attributes.extend([attribute("Namespace", "AWS/ELB"), attribute("MetricName", "m")])
    found = _labels(point_record(point.SerializeToString()))
    assert (found["namespace"], found["dimension_namespace"]) == ("aws/elb", "aws")


def _dimensions(namespace: str) -> bytes:
    point = SummaryPoint(namespace=None, metric_name=None, dimensions=(("Namespace", namespace),))
    return point.attributes()


def test_labels_and_attributes_in_one_point() -> None:
    """A point that has labels and attributes keeps both."""
    old = SummaryPoint(dimensions=(("a", "1"),))
    new = SummaryPoint(namespace=None, metric_name=None, dimensions=(("b", "2"), ("c", "3")))
    for raw in (
        old.labels() + old.numbers() + new.attributes(),
        old.numbers() + new.attributes() + old.labels(),
        old.labels() + new.attributes() + old.numbers(),
    ):
        assert _labels(point_record(raw)) == _ALWAYS | {"a": "1", "b": "2", "c": "3"}


def test_order_of_attributes() -> None:
    """Two points whose attributes differ in order alone are of one series."""
    pairs = (("a", "1"), ("b", "2"), ("a", "0"))
    points = [
        SummaryPoint(dimensions=dimensions, count=count)
        for count, dimensions in ((1, pairs), (2, pairs[::-1]))
    ]
    for version in Format:
        conversion = convert(one_record(summary(_NAME, *(p.encode(version) for p in points))))
        assert conversion.dropped_samples == {"duplicate": 4}
        assert len(list(map(labels_of, time_series(conversion)))) == 4


_NAME = SummaryPoint().name
