"""What a panel shows, and its queries in PromQL."""

from collections.abc import Iterator
from dataclasses import dataclass

from tools.dashboards.naming import Naming, Series

_BETWEEN_POINTS = {"Sum": "avg", "Minimum": "min", "Maximum": "max"}
"""How the periods between two points of a panel become one; a sum stays that of a period."""

TAG = "tag_$tag"
"""The label of the tag that a dashboard selects by, in info series."""

_SWEEPS = "15m"
"""A time with more than one sweep of the tags."""

SHARE = "share"
"""In the place of a statistic: the metric's sum in percent of that of another metric."""


@dataclass(frozen=True, slots=True)
class Scope:
    """One of the sets of dimensions over which CloudWatch reports a metric.

    Only one set is shown at a time, for adding up several would count twice.

    Attributes:
        dimensions: They tell the resources apart; a variable selects by the first.
        absent: Dimensions of the other sets.
        daily: Whether there is one point a day, and that one to two days late.
    """

    dimensions: tuple[str, ...]
    absent: tuple[str, ...] = ()
    daily: bool = False

    @property
    def interval(self) -> str:
        """The least time between two points of a panel."""
        return "1h" if self.daily else "1m"


@dataclass(frozen=True, slots=True)
class Panel:
    """Some statistics of one metric over time.

    Attributes:
        title: What is shown.
        unit: Grafana's id of the unit.
        scope: The resources.
        metric: CloudWatch's name.
        statistics: CloudWatch's names, or `SHARE`.
        whole: The metric that the share is of.
    """

    title: str
    unit: str
    scope: Scope
    metric: str
    statistics: tuple[str, ...]
    whole: str = ""

    def expression(self, naming: Naming, namespace: str, statistic: str) -> str:
        """Write the query of a statistic in PromQL, for the names of a profile."""
        text = self._of_any_tag(naming, namespace, statistic)
        if not self.scope.dimensions:
            return text
        made = naming.series(namespace, self.metric, self.scope.dimensions)
        series, dimension = made.get(statistic, made["Sum"]), self.scope.dimensions[0]
        info = naming.info(namespace, dimension)
        on = f"and on ({', '.join(naming.joined(dimension).values())})"
        # A metric has no label of a tag. As long as `All` is chosen, that matches, so a panel needs
        # no info series.
        matcher = f'{TAG}=~"$tag_value"'
        everything = self._over_time(naming, series, "last", matcher)
        matchers = [f'{label}="{value}"' for label, value in info.matchers.items()]
        tagged = f"last_over_time({info.name}{{{', '.join([*matchers, matcher])}}}[{_SWEEPS}])"
        return f"{text} {on} ({everything} or {tagged})"

    def _of_any_tag(self, naming: Naming, namespace: str, statistic: str) -> str:
        made = naming.series(namespace, self.metric, self.scope.dimensions)
        if statistic == SHARE:
            whole = naming.series(namespace, self.whole, self.scope.dimensions)["Sum"]
            own = ", ".join(naming.own_labels(namespace, self.metric, self.whole))
            # Not `on`, which would have to name the external labels too.
            divided = f"/ ignoring ({own})" if own else "/"
            part = self._over_time(naming, made["Sum"], "sum")
            return f"100 * {part} {divided} {self._over_time(naming, whole, 'sum')}"
        if statistic == "Average" and statistic not in made:
            total = self._over_time(naming, made["Sum"], "sum")
            return f"{total} / {self._over_time(naming, made['SampleCount'], 'sum')}"
        return self._over_time(naming, made[statistic], _BETWEEN_POINTS.get(statistic, "avg"))

    def legend(self, naming: Naming, statistic: str) -> str:
        """Write the name of a series: the resource and where it is, and which statistic."""
        labels = [naming.label(one) for one in self.scope.dimensions]
        where = [naming.filters[name] for name in ("account", "region")]
        shown = [*labels, *where] if labels else where
        last = statistic.lower() if len(self.statistics) > 1 else ""
        return f"{' '.join(f'{{{{{label}}}}}' for label in shown)} {last}".strip()

    def _over_time(self, naming: Naming, series: Series, function: str, *more: str) -> str:
        """Write the query for the points of series in the time between two points of a panel."""
        function, time = ("last", "3d") if self.scope.daily else (function, "$__interval")
        matchers = ", ".join([*self._matchers(naming, series), *more])
        return f"{function}_over_time({series.name}{{{matchers}}}[{time}])"

    def _matchers(self, naming: Naming, series: Series) -> Iterator[str]:
        yield from (f'{label}=~"${name}"' for name, label in naming.filters.items())
        for index, dimension in enumerate(self.scope.dimensions):
            # The value for `All` is `.+`.
            yield naming.label(dimension) + ('!=""' if index else '=~"$resource"')
        yield from (f'{naming.label(dimension)}=""' for dimension in self.scope.absent)
        yield from (f'{label}="{value}"' for label, value in series.matchers.items())
