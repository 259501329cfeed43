"""Info series as records: what a converter reads in them."""

from collections.abc import Iterable

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from converters.convert import Conversion
from converters.metadata import MetricType
from converters.otlp.convert import OtlpConverter, OtlpOptions
from converters.profiles.verbatim import Verbatim
from converters.rules import SeriesRules
from tags.records import records_of
from tags.resource import MeteredResource, TaggedResource
from tags.series import InfoSeries, OtlpNaming
from testing.converting import assert_sound, bits_of, convert, samples_of
from tests.support.otlp_building import END_MS

_RULES = SeriesRules(others=Verbatim(), keep_case=True)
_STALE = "7ff0000000000002"


def _series(number: int = 0, tag: str = "Blue", name: str = "aws_resource_info") -> InfoSeries:
    return InfoSeries(
        name, "111122223333", "us-east-1", (("arn", f"arn:{number}"), ("tag_team", tag))
    )


def _convert(*records: bytes, metadata: bool = False) -> Conversion:
    conversion = convert(*records, rules=_RULES, metadata=metadata, p8s_logzio_name="")
    assert_sound(conversion)
    return conversion


def test_stale_marker() -> None:
    """Without a value a series ends, with the marker that Prometheus has for that."""
    found = bits_of(_convert(*records_of([_series()], END_MS, None)))
    assert list(found.values()) == [[(END_MS, _STALE)]]


def test_value_and_marker_have_the_same_labels() -> None:
    """A marker ends the series that a value has begun."""
    begun, ended = (_convert(*records_of([_series()], END_MS, it)) for it in (1.0, None))
    assert samples_of(begun).keys() == samples_of(ended).keys()


def test_metadata() -> None:
    """An info series is a gauge with a line of help."""
    (family,) = _convert(*records_of([_series()], END_MS, 1.0), metadata=True).families.values()
    assert (family.name, family.type, family.unit) == ("aws_resource_info", MetricType.GAUGE, "")
    assert "tags" in family.help.lower()


def test_accounts_regions_and_names() -> None:
    """Each series has its own account, region and name, whatever the order."""
    several = [
        _series()._replace(account=account, region=region, name=name)
        for account in ("111122223333", "444455556666")
        for region in ("us-east-1", "eu-west-1")
        for name in ("aws_ec2_info", "aws_rds_info")
    ]
    labels = [dict(it) for it in samples_of(_convert(*records_of(several, END_MS, 1.0)))]
    found = {(it["account"], it["region"], it["__name__"]) for it in labels}
    assert found == {(it.account, it.region, it.name) for it in several}


def test_large_series_in_many_records() -> None:
    """No record exceeds what a converter reads, and no series is lost."""
    several = [_series(number, "\N{GRINNING FACE}" * 10_000) for number in range(50)]
    records = list(records_of(several, END_MS, 1.0))
    assert len(records) > 1
    assert max(map(len, records)) < 1_000_000
    assert len(samples_of(_convert(*records))) == 50


def test_nothing() -> None:
    """Without series there is no record."""
    assert not list(records_of([], END_MS, 1.0))


@pytest.mark.parametrize(
    ("flatten", "text"),
    [
        (True, "Namespace=AWS/EC2 arn=arn:i tag_Team=Blue dimension_arn=x InstanceId=I-1"),
        (False, "Namespace=AWS/EC2 arn=arn:i tag_Team=Blue Dimensions={arn=x InstanceId=I-1}"),
    ],
)
def test_otlp(flatten: bool, text: str) -> None:
    """An OTLP endpoint gets AWS's own names, with the dimensions as the metrics have them."""
    resource = TaggedResource("arn:i", {"Team": "Blue"})
    dimensions = (("arn", "x"), ("InstanceId", "I-1"))
    metered = MeteredResource(resource, "111122223333", "us-east-1", "AWS/EC2", dimensions)
    records = records_of([OtlpNaming().series_of(metered)], END_MS, OtlpNaming.value)
    conversion = OtlpConverter(OtlpOptions(flatten=flatten)).convert(
        enumerate(records), p8s_logzio_name="", delivered_ms=END_MS
    )
    (lane,) = conversion.lanes
    request = ExportMetricsServiceRequest.FromString(lane[0].content)
    (metrics,) = request.resource_metrics
    of_resource = _text(metrics.resource.attributes)
    assert of_resource == "cloud.account.id=111122223333 cloud.region=us-east-1"
    (metric,) = metrics.scope_metrics[0].metrics
    (point,) = metric.gauge.data_points
    assert (metric.name, point.as_double, _text(point.attributes)) == ("aws_resource_info", 1, text)


def _text(attributes: Iterable[KeyValue]) -> str:
    return " ".join(
        f"{it.key}={it.value.string_value}"
        if it.value.HasField("string_value")
        else f"{it.key}={{{_text(it.value.kvlist_value.values)}}}"
        for it in attributes
    )
