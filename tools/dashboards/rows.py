"""What the dashboard shows: for each service a row of panels, and their queries in PromQL."""

from dataclasses import dataclass

VARIABLES = ("p8s_logzio_name", "account", "region")
"""The labels that every query filters by, each a variable of the dashboard."""

_OVER_PERIODS = {"sum": "avg", "min": "min", "max": "max"}
"""How the periods between two points of a panel become one; a sum stays that of a period."""


@dataclass(frozen=True, slots=True)
class Scope:
    """One of the sets of dimensions over which CloudWatch reports a metric.

    Only one set is shown at a time, for adding up several would count twice.

    Attributes:
        dimensions: Labels that every series has; they tell the resources apart.
        absent: Labels of the other sets.
        within: Labels that every series has, and over which a panel sums up.
        daily: Whether there is one point a day, and that one to two days late.
    """

    dimensions: tuple[str, ...]
    absent: tuple[str, ...] = ()
    within: tuple[str, ...] = ()
    daily: bool = False

    @property
    def by(self) -> str:
        """The clause of an aggregation that leaves a series for each resource."""
        return f"by ({', '.join((*VARIABLES, *self.dimensions))})"

    @property
    def interval(self) -> str:
        """The least time between two points of a panel."""
        return "1h" if self.daily else "1m"

    def over_time(self, function: str, series: str, quantile: str = "") -> str:
        """Write the query for the points of series in the time between two points of a panel."""
        matchers = [f'{name}=~"${name}"' for name in VARIABLES]
        matchers += [f'{name}!=""' for name in (*self.dimensions, *self.within)]
        matchers += [f'{name}=""' for name in self.absent]
        if quantile:
            matchers.append(f'quantile="{quantile}"')
        function, time = ("last", "3d") if self.daily else (function, "$__interval")
        return f"{function}_over_time({series}{{{', '.join(matchers)}}}[{time}])"


@dataclass(frozen=True, slots=True)
class Panel:
    """Some statistics of one metric over time.

    Attributes:
        title: What is shown.
        unit: Grafana's id of the unit.
        scope: The resources.
        metric: The name without the suffix of a statistic.
        statistics: `average`, `sum`, `min`, `max`, a quantile such as `0.99`, or `share`: the
            metric's sum in percent of that of another metric.
        whole: That other metric.
    """

    title: str
    unit: str
    scope: Scope
    metric: str
    statistics: tuple[str, ...]
    whole: str = ""

    def expression(self, statistic: str) -> str:
        """Write the query of a statistic in PromQL."""
        by, over_time = self.scope.by, self.scope.over_time
        if statistic in ("average", "share"):
            part = over_time("sum", f"{self.metric}_sum")
            share = statistic == "share"
            whole = over_time("sum", f"{self.whole}_sum" if share else f"{self.metric}_count")
            return f"{'100 * ' if share else ''}sum {by} ({part}) / sum {by} ({whole})"
        if statistic in _OVER_PERIODS:
            points = over_time(_OVER_PERIODS[statistic], f"{self.metric}_{statistic}")
            return f"{statistic} {by} ({points})"
        return f"avg {by} ({over_time('avg', self.metric, quantile=statistic)})"

    def legend(self, statistic: str) -> str:
        """Write the name of a series: the resource and where it is, and which statistic."""
        resource = " ".join(f"{{{{{name}}}}}" for name in self.scope.dimensions)
        if statistic.startswith("0."):
            statistic = f"p{float(statistic) * 100:g}"
        last = statistic if len(self.statistics) > 1 else ""
        return f"{resource} ({{{{account}}}} {{{{region}}}}) {last}".strip()


_INSTANCE = Scope(("instanceid",))
_DATABASE = Scope(("dbinstanceidentifier",))
_TARGETS = Scope(("loadbalancer", "targetgroup"), within=("availabilityzone",))
_ZONE = Scope(("loadbalancer", "targetgroup", "availabilityzone"))
_BALANCER = Scope(("loadbalancer",), absent=("targetgroup", "availabilityzone"))
# CloudWatch reports a function once more for each version and alias, the label `resource`.
_FUNCTION = Scope(("functionname",), absent=("resource",))
_ALL_FUNCTIONS = Scope((), absent=("functionname",))
_BUCKET = Scope(("bucketname", "storagetype"), daily=True)

_EC2, _RDS, _ALB = "aws_ec2_", "aws_rds_", "aws_applicationelb_"
_LAMBDA, _S3 = "aws_lambda_", "aws_s3_"
_AVERAGE, _SUM, _MAX, _SHARE = ("average",), ("sum",), ("max",), ("share",)
_ALL = ("average", "min", "max")
_QUANTILES = ("0.5", "0.9", "0.99")
_LAMBDA_QUANTILES = (*_QUANTILES, "0.999")

ROWS = {
    "EC2": (
        Panel("CPU utilization", "percent", _INSTANCE, f"{_EC2}cpuutilization", _AVERAGE),
        Panel("CPU, extremes", "percent", _INSTANCE, f"{_EC2}cpuutilization", ("min", "max")),
        Panel("Failed status checks", "short", _INSTANCE, f"{_EC2}statuscheckfailed", _MAX),
        Panel("Network in, per period", "bytes", _INSTANCE, f"{_EC2}networkin", _SUM),
        Panel("Network out, per period", "bytes", _INSTANCE, f"{_EC2}networkout", _SUM),
        Panel("EBS writes, per period", "short", _INSTANCE, f"{_EC2}ebswriteops", _SUM),
    ),
    "RDS": (
        Panel("CPU utilization", "percent", _DATABASE, f"{_RDS}cpuutilization", _ALL),
        Panel("Connections", "short", _DATABASE, f"{_RDS}databaseconnections", _MAX),
        Panel("Freeable memory", "bytes", _DATABASE, f"{_RDS}freeablememory", ("min",)),
        Panel("Read operations", "iops", _DATABASE, f"{_RDS}readiops", _AVERAGE),
        Panel("Write throughput", "Bps", _DATABASE, f"{_RDS}writethroughput", _AVERAGE),
        Panel("Write latency", "s", _DATABASE, f"{_RDS}writelatency", ("average", "max")),
        Panel("Replica lag", "s", _DATABASE, f"{_RDS}replicalag", _MAX),
    ),
    "Application load balancers": (
        Panel("Requests, per period", "short", _TARGETS, f"{_ALB}requestcount", _SUM),
        Panel(
            "Targets' 5xx, per period",
            "short",
            _TARGETS,
            f"{_ALB}httpcode_target_5xx_count",
            _SUM,
        ),
        Panel("Response time", "s", _TARGETS, f"{_ALB}targetresponsetime", _ALL),
        Panel("Response time, percentiles", "s", _ZONE, f"{_ALB}targetresponsetime", _QUANTILES),
        Panel("Processed, per period", "bytes", _BALANCER, f"{_ALB}processedbytes", _SUM),
        Panel("Connections, per period", "short", _BALANCER, f"{_ALB}activeconnectioncount", _SUM),
    ),
    "Lambda": (
        Panel("Invocations, per period", "short", _FUNCTION, f"{_LAMBDA}invocations", _SUM),
        Panel("Errors, per period", "short", _FUNCTION, f"{_LAMBDA}errors", _SUM),
        Panel(
            "Errors, of invocations",
            "percent",
            _FUNCTION,
            f"{_LAMBDA}errors",
            _SHARE,
            whole=f"{_LAMBDA}invocations",
        ),
        Panel("Duration", "ms", _FUNCTION, f"{_LAMBDA}duration", _ALL),
        Panel("Duration, percentiles", "ms", _FUNCTION, f"{_LAMBDA}duration", _LAMBDA_QUANTILES),
        Panel("Throttles, per period", "short", _FUNCTION, f"{_LAMBDA}throttles", _SUM),
        Panel(
            "Concurrent executions, all functions",
            "short",
            _ALL_FUNCTIONS,
            f"{_LAMBDA}concurrentexecutions",
            _MAX,
        ),
    ),
    "S3, daily": (
        Panel("Size of buckets", "bytes", _BUCKET, f"{_S3}bucketsizebytes", _AVERAGE),
        Panel("Objects in buckets", "short", _BUCKET, f"{_S3}numberofobjects", _AVERAGE),
    ),
}
"""The panels of each row, from left to right and line by line."""
