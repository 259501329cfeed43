"""How a naming profile names series: read off what the function makes of a data point.

A data point whose values all differ is converted with the profile, so no name is written down
here, and a profile and its dashboards cannot drift apart.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from handler.conversion import new_converter, rules_of
from handler.settings import read_settings
from tags.resource import MeteredResource, TaggedResource
from tags.series import ProfileNaming
from testing.converting import samples_of
from testing.events.fleet import END_MS, MINUTE_MS, Point
from testing.events.otlp import Format, messages, record

_LISTENER = "https://localhost"
# They occur nowhere else in a series, also in lower case.
_ACCOUNT, _REGION, _DIMENSION = "999900001111", "xx-probe-1", "probe"
_ARN, _TAG = "arn:probe", "probe-tag"
_COUNT, _SUM, _MINIMUM, _MAXIMUM = 4, 32.0, 1.0, 200.0
_PERCENTILES = (50, 90, 95, 99)
_STATISTICS = {
    float(_COUNT): "SampleCount",
    _SUM: "Sum",
    _SUM / _COUNT: "Average",
    _MINIMUM: "Minimum",
    _MAXIMUM: "Maximum",
    **{float(percent): f"p{percent}" for percent in _PERCENTILES},
}

# The label that tells several streams into one server apart.
_ENVIRONMENT = {"logzio": "p8s_logzio_name", "yace": "job"}


class Series(NamedTuple):
    """The series of one statistic.

    Attributes:
        name: The metric name.
        matchers: Labels that tell it from other statistics of the same name.
    """

    name: str
    matchers: Mapping[str, str]


class Naming:
    """The names and labels of one profile.

    Args:
        profile: The profile's name, a value of `NAMING_PROFILE`.

    Attributes:
        filters: The variables that all panels filter by, and their labels.
    """

    def __init__(self, profile: str) -> None:
        settings = read_settings({"NAMING_PROFILE": profile, "LOGZIO_METRICS_LISTENER": _LISTENER})
        self._converter = new_converter(settings)
        self._p8s_logzio_name = settings.p8s_logzio_name
        self._info = ProfileNaming(rules_of(settings), settings.p8s_logzio_name)
        shared = {"account": self._label_of(_ACCOUNT), "region": self._label_of(_REGION)}
        own = _ENVIRONMENT.get(profile)
        self.filters = {own: own, **shared} if own else shared

    def series(
        self, namespace: str, metric: str, dimensions: Sequence[str] = ()
    ) -> Mapping[str, Series]:
        """Return the series of a metric by statistic: those that the profile makes by default."""
        made = self._made(namespace, metric, dimensions)
        common = made["Sum"].items()
        return {
            statistic: Series(
                labels["__name__"],
                {k: v for k, v in labels.items() - common if k != "__name__"},
            )
            for statistic, labels in made.items()
        }

    def own_labels(self, namespace: str, metric: str, other: str) -> list[str]:
        """Return the labels whose values tell two metrics of one resource apart."""
        one, two = (self._made(namespace, it, ())["Sum"].items() for it in (metric, other))
        return sorted({label for label, _ in one ^ two} - {"__name__"})

    def info(self, namespace: str, dimension: str) -> Series:
        """Return the info series of the resources of a namespace that have a dimension."""
        info = self._info.series_of(self._tagged(namespace, dimension))
        return Series(info.name, {k: v for k, v in info.labels if v not in (_ARN, _DIMENSION)})

    def tag(self, key: str) -> str:
        """Return the label of a tag, without `tag_`, with which all of them begin."""
        labels = self._info.series_of(self._tagged("AWS/EC2", "InstanceId", key)).labels
        return next(label for label, value in labels if value == _TAG).removeprefix("tag_")

    def joined(self, dimension: str) -> dict[str, str]:
        """Return the labels by which metrics of resources and their tags are joined."""
        where = {name: self.filters[name] for name in ("account", "region")}
        return {**where, "resource": self.label(dimension)}

    def label(self, dimension: str) -> str:
        """Return the label of a dimension."""
        return self._label_of(_DIMENSION, dimension)

    def _tagged(self, namespace: str, dimension: str, *keys: str) -> MeteredResource:
        resource = TaggedResource(_ARN, dict.fromkeys(keys, _TAG))
        dimensions = ((dimension, _DIMENSION),)
        return MeteredResource(resource, _ACCOUNT, _REGION, namespace, dimensions)

    def _label_of(self, value: str, *dimensions: str) -> str:
        labels = self._made("AWS/EC2", "CPUUtilization", dimensions)["Sum"]
        return next(label for label, found in labels.items() if found == value)

    def _made(
        self, namespace: str, metric: str, dimensions: Sequence[str]
    ) -> dict[str, dict[str, str]]:
        """Return the labels of each statistic of a data point."""
        point = Point(
            namespace,
            metric,
            tuple((name, _DIMENSION) for name in dimensions),
            "None",
            END_MS,
            MINUTE_MS,
            _COUNT,
            _SUM,
            _MINIMUM,
            _MAXIMUM,
            tuple((percent / 100, float(percent)) for percent in _PERCENTILES),
            _ACCOUNT,
            _REGION,
        )
        raw = record(messages([point], Format.V1_0))
        conversion = self._converter.convert(
            [(0, raw)], p8s_logzio_name=self._p8s_logzio_name, delivered_ms=END_MS
        )
        return {
            _STATISTICS[value]: dict(labels)
            for labels, ((_, value),) in samples_of(conversion).items()
        }
