"""What the operator decides about the series of CloudWatch's metrics."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from converters.profiles.logzio import Logzio
from converters.profiles.profile import NamingProfile
from converters.relabel import RelabelConfigs
from converters.statistics import Selection, selection_of

CONTRACT = Logzio()
"""The names of metrics that are not CloudWatch's, in every profile, unless the rules differ."""

# Label names with a meaning of their own in every profile: an attribute of that name moves.
_RESERVED = frozenset(("__name__", "quantile", "le", "p8s_logzio_name"))


class SeriesRules(NamedTuple):
    """What the operator decides about names, labels and statistics.

    Attributes:
        profile: How the series of CloudWatch's metrics are named.
        statistics: Which statistics become series; None for those of the profile.
        keep_case: Leave the values of point attributes as they are, or lower-case them as
            Logz.io does; None for what the profile does.
        unit_label: Add the label `unit` with the unit of the metric.
        max_labels: Leave point attributes out of a series with more labels; None for no limit.
        external_labels: Labels of every series that has none of that name.
        relabel: The rules that change labels, and drop series.
        others: How the series of metrics that are not CloudWatch's are named.
    """

    profile: NamingProfile = CONTRACT
    statistics: Selection | None = None
    keep_case: bool | None = None
    unit_label: bool = False
    max_labels: int | None = None
    external_labels: Mapping[str, str] = {}
    relabel: RelabelConfigs = RelabelConfigs()
    others: NamingProfile = CONTRACT

    @property
    def selection(self) -> Selection:
        """The statistics that become series."""
        return self.statistics or selection_of(self.profile.statistics)

    @property
    def reserved(self) -> AbstractSet[str]:
        """The label names that no dimension and no attribute of a resource may have."""
        of_resource = {*self.profile.resource_names.values()} - self.profile.not_of_cloudwatch
        return self._always_reserved | of_resource | self.profile.metric_label_names

    @property
    def reserved_by_others(self) -> AbstractSet[str]:
        """The label names that no attribute of another producer's point may have."""
        of_resource = self.profile.resource_names.values()
        return self._always_reserved | {*of_resource} | self.others.metric_label_names

    @property
    def _always_reserved(self) -> AbstractSet[str]:
        return _RESERVED | {"unit"} if self.unit_label else _RESERVED

    @property
    def labels_of_all(self) -> dict[str, str]:
        """The labels of every series that has none of that name; an empty one is none."""
        labels = {**self.profile.default_labels, **self.external_labels}
        return {name: value for name, value in labels.items() if value}
