"""Any attributes give valid labels, and no value is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converters.convert import Converter, Options
from converters.rules import SeriesRules
from testing.converting import assert_sound, convert, samples_of
from testing.events.otlp import Format
from tests.support.otlp_building import Pairs, SummaryPoint, deliver
from tests.support.properties import examples
from tests.support.reference_profiles import point_labels
from tests.support.reference_rules import identity

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_KEYS = st.one_of(
    _TEXT,
    st.sampled_from(
        [
            *("Namespace", "MetricName", "__name__", "quantile", "le", "namespace", "metricname"),
            *("account", "region", "cloud_provider", "p8s_logzio_name", "cloud.region"),
            *("cloud.account.id", "cloud.provider", "aws.exporter.arn", "Dimensions"),
            *("dimension_le", "resource_le", "resource_resource_le", "a.b", "a_b", "A_B", "key_"),
        ]
    ),
)
_PAIRS = st.lists(st.tuples(_KEYS, _TEXT), max_size=8).map(tuple)
_WARM = {keep: Converter(Options(rules=SeriesRules(keep_case=keep))) for keep in (False, True)}


@pytest.mark.slow
@given(
    dimensions=_PAIRS,
    pairs=_PAIRS,
    namespace=_TEXT,
    metric_name=_TEXT,
    environment=_TEXT,
    version=st.sampled_from(Format),
    keep_case=st.booleans(),
)
@examples(200)
def test_any_attributes(
    dimensions: Pairs,
    pairs: Pairs,
    namespace: str,
    metric_name: str,
    environment: str,
    version: Format,
    keep_case: bool,
) -> None:
    """Labels are valid, sorted, unique and not empty, and hold every value that is not empty."""
    point = SummaryPoint(
        namespace=namespace,
        metric_name=metric_name,
        dimensions=dimensions,
        quantiles=((0.0, 1.0), (0.5, 2.0), (1.0, 3.0)),
    )
    conversion = convert(
        deliver([point], version, pairs),
        converter=_WARM[keep_case],
        p8s_logzio_name=environment,
    )
    assert_sound(conversion)
    found = samples_of(conversion)
    assert len(found) == 5
    named = identity(point.identity, dimensions)
    expected = point_labels(pairs, named, environment, keep_case=keep_case)
    values = [namespace, metric_name, *(value for _, value in dimensions)]
    for labels in found:
        kept = {name: text for name, text in labels if name not in ("__name__", "quantile")}
        assert kept == expected
        _assert_kept(kept, values, keep_case=keep_case)
        _assert_kept(
            kept, [v for k, v in pairs if k != "aws.exporter.arn"] + [environment], keep_case=True
        )


def _assert_kept(labels: dict[str, str], values: list[str], *, keep_case: bool) -> None:
    for value in values:
        text = value if keep_case else value.lower()
        assert not text or any(
            text == label or f";{text};" in f";{label};" for label in labels.values()
        )
