"""Metric names, label names and numbers in labels, one case in a line."""

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList

from converters.attributes import any_value_text
from converters.names import decimal_text, label_name, metric_name
from tests.support import reference_rules
from tests.support.properties import examples


@pytest.mark.parametrize(
    ("name", "base"),
    [
        ("amazonaws.com/AWS/EC2/CPUUtilization", "aws_ec2_cpuutilization"),
        ("amazonaws.com/AWS/X-Ray/Traces", "aws_x_ray_traces"),
        ("amazonaws.com/AWS/Kinesis/GetRecords.Bytes", "aws_kinesis_getrecords_bytes"),
        ("amazonaws.com/AWS/ELB/HTTPCode_Backend_5XX", "aws_elb_httpcode_backend_5xx"),
        ("amazonaws.com/Shop/Memory % Committed", "shop_memory_committed"),
        ("amazonaws.com/Shop/Memory %", "shop_memory"),
        ("amazonaws.com/Shop/a/%b", "shop_a__b"),
        ("amazonaws.com/a/amazonaws.com/b", "a_b"),
        ("amazonaws.com/9Lives/x", "_9lives_x"),
        ("%% 9 lives", "_9_lives"),
        ("_a__b_", "_a__b_"),
        ("-_a_-", "_a_"),
        ("rule:job:sum", "rule:job:sum"),
        ("Größe", "gr_e"),
        ("Größe/ß", "gr_e_"),
        ("K", "k"),
        ("a\0b", "a_b"),
        ("%", "_"),
        ("", "_"),
    ],
)
def test_metric_name(name: str, base: str) -> None:
    """Runs of invalid characters become one underscore, at the ends nothing."""
    assert metric_name(name) == base
    assert reference_rules.metric_base(name) == base


@pytest.mark.parametrize(
    ("name", "minimum", "total"),
    [
        ("AWS/EC2/CPUUtilization", "aws_ec2_cpuutilization_min", "aws_ec2_cpuutilization_sum"),
        ("AWS/EC2/EBSByteBalance%", "aws_ec2_ebsbytebalance__min", "aws_ec2_ebsbytebalance_sum"),
        ("AWS/EC2/EBSIOBalance%", "aws_ec2_ebsiobalance__min", "aws_ec2_ebsiobalance_sum"),
        ("CWAgent/100%", "cwagent_100__min", "cwagent_100_sum"),
        ("Shop/CPU Utilization (%)", "shop_cpu_utilization__min", "shop_cpu_utilization_sum"),
        ("Shop/balance_", "shop_balance__min", "shop_balance__sum"),
        ("Shop/%", "shop___min", "shop__sum"),
        ("a - %", "a__min", "a_sum"),
        ("%", "_min", "__sum"),
        ("9%", "_9__min", "_9_sum"),
        ("", "_min", "__sum"),
    ],
)
def test_minimum_and_maximum_are_cleaned_with_the_name(name: str, minimum: str, total: str) -> None:
    """What is invalid at the end of a name is an underscore before `_min` and `_max` alone."""
    for prefix in ("", "amazonaws.com/"):
        assert metric_name(prefix + name, "_min") == minimum
        assert metric_name(prefix + name, "_max") == minimum.removesuffix("_min") + "_max"
        assert metric_name(prefix + name, "_sum") == total
        assert metric_name(prefix + name, "_count") == total.removesuffix("_sum") + "_count"


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("InstanceId", "instanceid"),
        ("deploy.stage", "deploy_stage"),
        ("Host Name", "host_name"),
        ("a.-b", "a__b"),
        ("9x", "key_9x"),
        ("_x", "key_x"),
        ("__name__", "key__name__"),
        ("%", "key_"),
        ("", "key_"),
        ("größe", "gr__e"),
        ("a:b", "a_b"),
        ("x_", "x_"),
    ],
)
def test_label_name(key: str, name: str) -> None:
    """Each invalid character becomes an underscore; a digit or underscore never comes first."""
    assert label_name(key) == name
    assert reference_rules.label(key) == name


@given(text=st.text())
@examples(100)
def test_names_of_any_text(text: str) -> None:
    """Both names of any text are what the slow rules say."""
    assert metric_name(text) == reference_rules.metric_base(text)
    for suffix in ("_sum", "_min", "_max"):
        assert metric_name(text, suffix) == reference_rules.metric_of(text, suffix)
    assert label_name(text) == reference_rules.label(text)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.99, "0.99"),
        (0.999, "0.999"),
        (0.1 + 0.2, "0.30000000000000004"),
        (0.0, "0"),
        (-0.0, "-0"),
        (1.0, "1"),
        (10.0, "10"),
        (-2.5, "-2.5"),
        (1e-7, "0.0000001"),
        (1e22, "10000000000000000000000"),
        (math.inf, "+Inf"),
        (-math.inf, "-Inf"),
        (math.nan, "NaN"),
    ],
)
def test_decimal_text(number: float, text: str) -> None:
    """A number in a label is the shortest decimal, never in exponents."""
    assert decimal_text(number) == text


@given(number=st.floats(allow_nan=False, allow_infinity=False))
@examples(100)
def test_decimal_text_reads_back(number: float) -> None:
    """It reads back as the same number, and has no more digits than Python's shortest."""
    text = decimal_text(number)
    assert float(text) == number
    assert set(text) <= set("-.0123456789")
    assert len(Decimal(text).normalize().as_tuple().digits) <= len(
        Decimal(repr(number)).normalize().as_tuple().digits
    )


def _list(*values: AnyValue) -> AnyValue:
    return AnyValue(array_value=ArrayValue(values=values))


def _map(**values: AnyValue) -> AnyValue:
    pairs = [KeyValue(key=key, value=value) for key, value in values.items()]
    return AnyValue(kvlist_value=KeyValueList(values=pairs))


_TEXT = AnyValue(string_value='ä "b"')
_INF = AnyValue(double_value=math.inf)
_BYTES = AnyValue(bytes_value=b"\0\xff")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (_TEXT, 'ä "b"'),
        (AnyValue(string_value=""), ""),
        (AnyValue(), ""),
        (AnyValue(bool_value=True), "true"),
        (AnyValue(bool_value=False), "false"),
        (AnyValue(int_value=-(2**63)), "-9223372036854775808"),
        (AnyValue(int_value=0), "0"),
        (AnyValue(double_value=1.5), "1.5"),
        (AnyValue(double_value=0.1), "0.1"),
        (AnyValue(double_value=math.nan), "NaN"),
        (_INF, "Infinity"),
        (AnyValue(double_value=-math.inf), "-Infinity"),
        (_BYTES, "AP8="),
        (_list(), "[]"),
        (_list(_TEXT, AnyValue(int_value=1), AnyValue()), '["ä \\"b\\"",1,null]'),
        (_list(_INF, _BYTES, _list(AnyValue(bool_value=True))), '["Infinity","AP8=",[true]]'),
        (_map(), "{}"),
        (_map(b=AnyValue(int_value=2), a=_TEXT), '{"a":"ä \\"b\\"","b":2}'),
        (_map(a=_map(b=_list())), '{"a":{"b":[]}}'),
    ],
)
def test_any_value_text(value: AnyValue, text: str) -> None:
    """Values that are not strings follow OpenTelemetry's AnyValue representation."""
    assert any_value_text(value) == text
