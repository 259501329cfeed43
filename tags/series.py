"""From a tagged resource to its info series, in the names of the operator's naming profile.

The labels of its dimensions are made by the code that makes those of the metrics, so that the two
can be joined.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from converters.attributes import Attribute, PointAttributes
from converters.labels import LabelEncoder, ResourceLabels
from converters.profiles.profile import Metric
from converters.rules import SeriesRules
from tags.resource import Dimensions, MeteredResource

Labels = tuple[tuple[str, str], ...]


class InfoSeries(NamedTuple):
    """An info series, without the labels that the converter adds to every series.

    Attributes:
        name: Its name.
        account: The account of the resource.
        region: The region of the resource.
        labels: All further labels by name, sorted: the ARN, tags, and what identifies the metrics.
        dimensions: The dimensions, where they have names of their own; otherwise they are labels.
        tags_left_out: How many tags are not in the labels because of MAX_LABELS.
    """

    name: str
    account: str
    region: str
    labels: Labels
    dimensions: Dimensions = ()
    tags_left_out: int = 0


class InfoNaming(Protocol):
    """How info series are named.

    Attributes:
        value: The value of each sample.
        arn_label: The label with the ARN.
    """

    value: float
    arn_label: str

    def series_of(self, metered: MeteredResource) -> InfoSeries:
        """Return the info series of a resource."""

    def as_sent(self, series: InfoSeries) -> InfoSeries:
        """Return what the listener gets a series as: two that it gets alike are equal then."""


class ProfileNaming:
    """The names and labels of a naming profile.

    Args:
        rules: What the operator has decided about the series of metrics.
        p8s_logzio_name: The value of the label of that name; empty for none.
    """

    def __init__(self, rules: SeriesRules, p8s_logzio_name: str) -> None:
        self._profile = rules.profile
        self.value = self._profile.info_value
        self.arn_label = self._profile.arn_label
        # Without the labels of every series, which the converter adds: an empty one is none.
        none = dict.fromkeys(self._profile.default_labels, "")
        own = rules._replace(external_labels=none, max_labels=None)
        self._resource = ResourceLabels((), "", own)
        self._encoder = LabelEncoder(own, lambda _: None)
        self._max_labels = rules.max_labels
        self._relabel = rules.relabel
        self._of_all = rules.labels_of_all
        if p8s_logzio_name:
            self._of_all["p8s_logzio_name"] = p8s_logzio_name
        named = self._profile.resource_names
        self._own = ("__name__", named["cloud.account.id"], named["cloud.region"])

    def series_of(self, metered: MeteredResource) -> InfoSeries:
        """Return the info series of a resource."""
        point = PointAttributes(
            metered.namespace, "", tuple([Attribute(*it) for it in metered.dimensions])
        )
        metric = Metric("", metered.namespace, "")
        # The labels of a metric of this resource, but for its name, account and region.
        labels, _ = self._encoder.collect(self._resource, metric, point, "")
        if self.arn_label in labels and self.arn_label not in self._profile.metric_label_names:
            labels[f"dimension_{self.arn_label}"] = labels[self.arn_label]
        labels[self.arn_label] = metered.resource.arn
        tags = sorted(_tag_labels(metered.resource.tags, self._profile.tag_label).items())
        kept = tags[: self._most_tags(labels)]
        return InfoSeries(
            name=self._profile.info_name(metered.namespace),
            account=metered.account,
            region=metered.region,
            labels=tuple(sorted({**dict(kept), **labels}.items())),
            tags_left_out=len(tags) - len(kept),
        )

    def as_sent(self, series: InfoSeries) -> InfoSeries:
        """Return a series with the labels that WRITE_RELABEL_CONFIGS makes, if it has rules."""
        if not self._relabel:
            return series
        own = dict(zip(self._own, (series.name, series.account, series.region), strict=True))
        labels = self._relabel.apply({**self._of_all, **dict(series.labels), **own})
        if labels is None:
            return series
        return InfoSeries("", "", "", tuple(sorted(labels.items())))

    def _most_tags(self, labels: Mapping[str, str]) -> int | None:
        """Return how many tags MAX_LABELS leaves beside the other labels; None for all."""
        if self._max_labels is None:
            return None
        return max(0, self._max_labels - len({*self._own, *self._of_all, *labels}))


class OtlpNaming:
    """The names of OTLP: those that AWS uses itself."""

    value = 1.0
    arn_label = "arn"

    def as_sent(self, series: InfoSeries) -> InfoSeries:
        """Return the series: nothing relabels what is sent as OTLP."""
        return series

    def series_of(self, metered: MeteredResource) -> InfoSeries:
        """Return the info series of a resource."""
        labels = {
            **_tag_labels(metered.resource.tags, "tag_{}".format),
            self.arn_label: metered.resource.arn,
            "Namespace": metered.namespace,
        }
        return InfoSeries(
            "aws_resource_info",
            metered.account,
            metered.region,
            tuple(sorted(labels.items())),
            metered.dimensions,
        )


def _tag_labels(tags: Mapping[str, str], label_of: Callable[[str], str]) -> dict[str, str]:
    """Return tags as labels; the values of keys with one label are joined, in the keys' order.

    An empty value is no label.
    """
    gathered: dict[str, list[str]] = {}
    for key, value in sorted(tags.items()):
        if value:
            gathered.setdefault(label_of(key), []).append(value)
    return {label: ";".join(values) for label, values in gathered.items()}
