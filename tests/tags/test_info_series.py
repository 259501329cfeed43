"""The labels of info series: those of the metrics, the ARN, and the tags."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converters.profiles import PROFILES
from converters.profiles.verbatim import Verbatim
from converters.rules import SeriesRules
from tags.kinds import read_kinds
from tags.last_sweep import series_in
from tags.records import records_of
from tags.resource import MeteredResource, TaggedResource
from tags.series import ProfileNaming
from testing.converting import assert_sound, convert, samples_of, series_text
from tests.support.otlp_building import END_MS, SummaryPoint, deliver
from tests.support.properties import examples
from tests.support.sweeping import object_of

_ARN = "arn:aws:ec2:us-east-1:111122223333:instance/I-1"
_OF_METRICS = ("__name__", "metricname", "MetricName", "quantile", "cloud_provider")


def _metered(
    namespace: str = "AWS/EC2",
    dimensions: tuple[tuple[str, str], ...] = (("InstanceId", "I-1"),),
    arn: str = _ARN,
    **tags: str,
) -> MeteredResource:
    resource = TaggedResource(arn, tags or {"Team": "Blue"})
    return MeteredResource(resource, "111122223333", "us-east-1", namespace, dimensions)


def _info(
    *metered: MeteredResource, profile: str = "logzio", dimension_labels: str = "keep", **more: Any
) -> list[dict[str, str]]:
    """Return the labels of the series of some resources, as a listener gets them."""
    name = more.pop("p8s_logzio_name", "")
    rules = SeriesRules(PROFILES[profile](dimension_labels), **more)
    naming = ProfileNaming(rules, name)
    conversion = convert(
        *records_of(map(naming.series_of, metered), END_MS, naming.value),
        rules=rules._replace(others=Verbatim(), keep_case=True),
        p8s_logzio_name=name,
    )
    assert_sound(conversion)
    found = samples_of(conversion)
    assert {tuple(it) for it in found.values()} == {((END_MS, naming.value),)}
    return [dict(labels) for labels in found]


def _of_metrics(metered: MeteredResource, profile: str, **more: Any) -> dict[str, str]:
    """Return the labels of CloudWatch's metrics of a resource, without those of a metric."""
    point = SummaryPoint(namespace=metered.namespace, dimensions=metered.dimensions, unit="%")
    style = more.pop("dimension_labels", "keep")
    conversion = convert(
        deliver([point]), rules=SeriesRules(PROFILES[profile](style), **more), p8s_logzio_name=""
    )
    labels = dict(next(iter(samples_of(conversion))))
    of_metrics = (*_OF_METRICS, "unit") if "unit_label" in more else _OF_METRICS
    return {name: value for name, value in labels.items() if name not in of_metrics}


@pytest.mark.parametrize(
    ("profile", "text"),
    [
        (
            "logzio",
            (
                f'aws_resource_info{{account="111122223333", arn="{_ARN}", instanceid="i-1", '
                'namespace="aws/ec2", region="us-east-1", tag_team="Blue"}'
            ),
        ),
        (
            "otel",
            (
                f'aws_resource_info{{InstanceId="I-1", Namespace="AWS/EC2", arn="{_ARN}", '
                'cloud_account_id="111122223333", cloud_region="us-east-1", tag_Team="Blue"}'
            ),
        ),
        (
            "yace",
            (
                'aws_ec2_info{account_id="111122223333", dimension_InstanceId="I-1", job="yace", '
                f'name="{_ARN}", region="us-east-1", tag_Team="Blue"}}'
            ),
        ),
        (
            "cloudwatch_exporter",
            (
                f'aws_resource_info{{account_id="111122223333", arn="{_ARN}", instance_id="I-1", '
                'job="aws_ec2", region="us-east-1", tag_Team="Blue"}'
            ),
        ),
    ],
)
def test_exact_labels(profile: str, text: str) -> None:
    """Each profile has exactly the labels that its documented join needs."""
    (labels,) = _info(_metered(), profile=profile)
    assert series_text(sorted(labels.items())) == text


_DIMENSIONS = (
    (("InstanceId", "I-1"),),
    (("LoadBalancer", "app/Web/50dc"), ("TargetGroup", "targetgroup/Web/6d0e")),
    (("DomainName", "Logs"), ("ClientId", "111122223333")),
    # Labels that the profile, or a setting, has for something else.
    (("Namespace", "Shop"), ("Region", "Global"), ("Name", "N"), ("Job", "J"), ("Unit", "U")),
    (("account", "A"), ("account_id", "B"), ("AccountId", "C"), ("region", "R")),
    # One label of two dimensions; letters that no label has.
    (("Table Name", "a"), ("table-name", "b"), ("\N{LATIN SMALL LETTER E WITH ACUTE}t%", "c")),
    (("p8s_logzio_name", "A"), ("le", "B"), ("quantile", "C"), ("__name__", "D"), ("9", "E")),
)


@pytest.mark.parametrize("dimensions", _DIMENSIONS)
@pytest.mark.parametrize(
    ("profile", "more"),
    [
        *((profile, {}) for profile in PROFILES),
        *((profile, {"unit_label": True}) for profile in PROFILES),
        ("logzio", {"keep_case": True}),
        ("otel", {"keep_case": False}),
        ("yace", {"dimension_labels": "snake_case"}),
        ("yace", {"dimension_labels": "snake_case", "keep_case": False}),
        ("cloudwatch_exporter", {"keep_case": False}),
    ],
)
def test_joins_with_metrics(
    profile: str, more: dict[str, Any], dimensions: tuple[tuple[str, str], ...]
) -> None:
    """An info series has each label that the metrics of its resource have, with its value."""
    metered = _metered("AWS/ApplicationELB", dimensions)
    (info,) = _info(metered, profile=profile, **more)
    metrics = _of_metrics(metered, profile, **more)
    if profile == "yace":
        # The metrics have no ARN, so YACE's own value stands for it.
        assert metrics.pop("name") == "global"
    assert metrics.items() <= info.items()
    own = {PROFILES[profile].arn_label, "__name__"}
    assert {name for name in info.keys() - metrics.keys() if not name.startswith("tag_")} == own


@pytest.mark.parametrize("profile", PROFILES)
def test_dimensions_of_all_kinds(profile: str) -> None:
    """No dimension of a known kind has the label of the ARN, or of a tag."""
    names = {name for kind in read_kinds() for name, _ in kind.dimensions}
    labels = {PROFILES[profile]().dimension_label(name) for name in names}
    assert PROFILES[profile].arn_label not in labels
    assert not [label for label in labels if label.startswith("tag_")]


@pytest.mark.parametrize("profile", ["logzio", "otel", "cloudwatch_exporter"])
def test_dimension_named_arn(profile: str) -> None:
    """The ARN keeps its label, and a dimension of that name moves."""
    (info,) = _info(_metered(dimensions=(("arn", "other"),)), profile=profile)
    assert (info["arn"], info["dimension_arn"]) == (_ARN, "other")


@pytest.mark.parametrize(
    ("profile", "tags", "labels"),
    [
        ("logzio", {"CostCenter": "A-1"}, {"tag_costcenter": "A-1"}),
        (
            "logzio",
            {"aws:cloudformation:stack-name": "S"},
            {"tag_aws_cloudformation_stack_name": "S"},
        ),
        ("logzio", {"Team": "B", "team": "b"}, {"tag_team": "B;b"}),
        ("logzio", {"a.b": "1", "a b": "2", "a-b": "3"}, {"tag_a_b": "2;3;1"}),
        ("logzio", {"1st": "A", "_x": "B"}, {"tag_1st": "A", "tag__x": "B"}),
        ("logzio", {"Empty": "", "empty": "", "Team": "B"}, {"tag_team": "B"}),
        ("logzio", {"Team": "", "team": "b"}, {"tag_team": "b"}),
        ("logzio", {"Team": ""}, {}),
        ("logzio", {"Half": "\ud800!"}, {"tag_half": "\N{REPLACEMENT CHARACTER}!"}),
        ("otel", {"CostCenter": "A", "a..b": "C"}, {"tag_CostCenter": "A", "tag_a_b": "C"}),
        ("otel", {"Team": "B", "team": "b"}, {"tag_Team": "B", "tag_team": "b"}),
        ("yace", {"CostCenter": "A", "a..b": "C"}, {"tag_CostCenter": "A", "tag_a__b": "C"}),
        (
            "yace",
            {"Used%": "A", "caf\N{LATIN SMALL LETTER E WITH ACUTE}": "B"},
            {"tag_Used_percent": "A", "tag_caf_": "B"},
        ),
        ("cloudwatch_exporter", {"CostCenter": "A"}, {"tag_CostCenter": "A"}),
        ("cloudwatch_exporter", {"a..b__c": "C"}, {"tag_a_b_c": "C"}),
    ],
)
def test_tags(profile: str, tags: dict[str, str], labels: dict[str, str]) -> None:
    """The key is cleaned as the profile says, and the value is AWS's; none is lost."""
    metered = _metered()
    resource = metered.resource._replace(tags=tags)
    (info,) = _info(metered._replace(resource=resource), profile=profile)
    assert {name: it for name, it in info.items() if name.startswith("tag_")} == labels


def test_tags_in_snake_case() -> None:
    """DIMENSION_LABELS=snake_case is for tags too, as YACE's option is."""
    (info,) = _info(_metered(CostCenter="A"), profile="yace", dimension_labels="snake_case")
    assert info["tag_cost_center"] == "A"


@pytest.mark.parametrize(
    ("profile", "external", "label"),
    [
        ("yace", {"job": "mine"}, ("job", "mine")),
        ("cloudwatch_exporter", {"job": "mine"}, ("job", "aws_ec2")),
        ("logzio", {"env": "prod"}, ("env", "prod")),
        ("logzio", {"tag_team": "none"}, ("tag_team", "Blue")),
    ],
)
def test_external_labels(profile: str, external: dict[str, str], label: tuple[str, str]) -> None:
    """EXTERNAL_LABELS are added as to the metrics."""
    (info,) = _info(_metered(), profile=profile, external_labels=external)
    assert label in info.items()


def test_environment_label() -> None:
    """Info series have the label `p8s_logzio_name` that the metrics have."""
    (info,) = _info(_metered(), p8s_logzio_name="prod")
    assert info["p8s_logzio_name"] == "prod"


def test_as_many_tags_as_max_labels_allow() -> None:
    """The last tags are left out, and counted; never what the join needs."""
    tags = {f"t{number:02}": "x" for number in range(50)}
    metered = _metered("AWS/EBS", (("VolumeId", "v"),), **tags)
    rules = SeriesRules(max_labels=14, external_labels={"env": "prod"})
    (info,) = _info(
        metered,
        max_labels=14,
        external_labels={"env": "prod"},
        p8s_logzio_name="prod",
    )
    assert len(info) == 14
    assert info["volumeid"] == "v"
    assert [name for name in info if name.startswith("tag_")] == [f"tag_t{n:02}" for n in range(6)]
    assert ProfileNaming(rules, "prod").series_of(metered).tags_left_out == 44


_TEXT = st.text(min_size=1, max_size=8)


@examples(60)
@given(
    tags=st.dictionaries(_TEXT, st.text(max_size=8), max_size=6),
    dimensions=st.dictionaries(st.text("aA_-:.9E", min_size=1, max_size=5), _TEXT, max_size=4),
    profile=st.sampled_from(sorted(PROFILES)),
    data=st.data(),
)
def test_any_tags(
    tags: dict[str, str], dimensions: dict[str, str], profile: str, data: st.DataObject
) -> None:
    """Whatever the tags are, there is one valid series with all values, which is kept as it is."""
    metered = _metered(dimensions=tuple(dimensions.items()))
    metered = metered._replace(resource=metered.resource._replace(tags=tags))
    order = data.draw(st.permutations(sorted(tags.items())))
    series = ProfileNaming(SeriesRules(PROFILES[profile]()), "").series_of(metered)
    again = metered._replace(resource=metered.resource._replace(tags=dict(order)))
    assert ProfileNaming(SeriesRules(PROFILES[profile]()), "").series_of(again) == series
    assert list(series_in(object_of([series]))) == [series]
    (info,) = _info(metered, profile=profile)
    values = [value for name, value in info.items() if name.startswith("tag_")]
    assert sum(map(len, values)) >= sum(map(len, tags.values()))
