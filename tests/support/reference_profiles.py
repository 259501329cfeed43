"""The naming profiles, written down once more, the slow way, character by character."""

import string
from itertools import groupby

from tests.support import reference_rules
from tests.support.reference_rules import Pairs, grouped, prefixed

_WORD = frozenset(string.ascii_letters + string.digits)
_SEPARATORS = frozenset(" ,\t/\\.-:=@<>(“")

_SUFFIXES = {
    "logzio": {"Sum": "_sum", "SampleCount": "_count", "Minimum": "_min", "Maximum": "_max"},
    "otel": {"Sum": "_sum", "SampleCount": "_count", "Minimum": "", "Maximum": ""},
}
_WORDS = {
    "Sum": "_sum",
    "SampleCount": "_sample_count",
    "Minimum": "_minimum",
    "Maximum": "_maximum",
}
_RESOURCE = {
    "logzio": ("account", "region", "cloud_provider"),
    "otel": ("cloud_account_id", "cloud_region", "cloud_provider"),
    "yace": ("account_id", "region", "cloud_provider"),
    "cloudwatch_exporter": ("account_id", "region", "cloud_provider"),
}
_ALWAYS = {"__name__", "quantile", "le", "p8s_logzio_name"}
_OWN = {
    "logzio": {"namespace", "metricname"},
    "otel": {"Namespace", "MetricName"},
    "yace": {"name"},
    "cloudwatch_exporter": {"job"},
}


def point_labels(
    resource: Pairs,
    named: tuple[str | None, str | None, Pairs],
    environment: str,
    *,
    keep_case: bool = False,
    unit: str | None = None,
    profile: str = "logzio",
    wire: str = "amazonaws.com/",
    of_cloudwatch: bool = True,
    external: Pairs = (),
) -> dict[str, str]:
    """Return all labels that the series of a point have in common; no unit without that label."""
    namespace, metric_name, dimensions = named
    style = profile if of_cloudwatch else "logzio"
    taken = reserved(profile, of_cloudwatch=of_cloudwatch) | (
        {"unit"} if unit is not None else set()
    )
    entries = [(dimension(style, key), key, value) for key, value in dimensions]
    moved = [("dimension_" + name if name in taken else name, k, v) for name, k, v in entries]
    labels = grouped(moved) | metric_labels(style, wire, namespace or "", metric_name or "")
    if not keep_case:
        labels = {name: value.lower() for name, value in labels.items()}
    if unit is not None:
        labels["unit"] = unit
    labels = {name: value for name, value in labels.items() if value}
    fixed, other = _of_resource(resource, profile, environment)
    movable = prefixed(grouped(other), reserved(profile, of_cloudwatch=True) | taken | set(fixed))
    if of_cloudwatch and profile in ("yace", "cloudwatch_exporter"):
        fixed.pop("cloud_provider", None)
    default = {"job": "yace"} if profile == "yace" else {}
    of_all = {name: value for name, value in (default | dict(external)).items() if value}
    return of_all | prefixed(movable, set(labels)) | labels | fixed


def _of_resource(
    resource: Pairs, profile: str, environment: str
) -> tuple[dict[str, str], list[tuple[str, str, str]]]:
    """Return the labels that have a place of their own, and all others with their keys."""
    fixed: dict[str, str] = {"p8s_logzio_name": environment} if environment else {}
    other: list[tuple[str, str, str]] = []
    for key, value in resource:
        if key == "aws.exporter.arn" or not value:
            continue
        name = resource_names(profile).get(key, "")
        if name and name not in fixed:
            fixed[name] = value
        else:
            other.append((resource_label(profile, key), key, value))
    return fixed, other


def resource_names(profile: str) -> dict[str, str]:
    """Return the labels of the attributes of a resource that have a place of their own."""
    keys = ("cloud.account.id", "cloud.region", "cloud.provider")
    return dict(zip(keys, _RESOURCE[profile], strict=True))


def reserved(profile: str, *, of_cloudwatch: bool) -> set[str]:
    """Return the label names that no dimension may have."""
    if not of_cloudwatch:
        return _ALWAYS | set(_RESOURCE[profile]) | _OWN["logzio"]
    kept = set(_RESOURCE[profile])
    if profile in ("yace", "cloudwatch_exporter"):
        kept.remove("cloud_provider")
    return _ALWAYS | kept | _OWN[profile]


def dimension(profile: str, key: str) -> str:
    """Return the label of a dimension."""
    if profile == "yace":
        return "dimension_" + _only_valid(_yace_clean(key))
    if profile == "cloudwatch_exporter":
        return _letter_first(_runs(_snake(key).lower(), _WORD))
    return resource_label(profile, key)


def resource_label(profile: str, key: str) -> str:
    """Return the label of an attribute of a resource, if it has no place of its own."""
    if profile != "otel":
        return reference_rules.label(key)
    name = _runs(key, _WORD | {"_"}) or "_"
    if name[0] in string.digits:
        return "key_" + name
    return "key" + name if name[0] == "_" else name


def metric_labels(profile: str, wire: str, namespace: str, metric: str) -> dict[str, str]:
    """Return the labels that name a metric."""
    if profile == "yace":
        return {"name": "global"}
    if profile == "cloudwatch_exporter":
        return {"job": _runs(_names(wire, namespace, metric)[0].lower(), _WORD | {":"})}
    first, second = ("namespace", "metricname") if profile == "logzio" else _OTEL
    return {first: namespace, second: metric}


_OTEL = ("Namespace", "MetricName")


def series_name(
    profile: str, wire: str, named: tuple[str, str, Pairs], kind: str, quantile: str
) -> tuple[str, dict[str, str]]:
    """Return the name and the label of its own of one statistic's series."""
    suffixes = {**_SUFFIXES.get(profile, _WORDS), "Average": "_average", "quantile": "", "": ""}
    suffix = suffixes[kind]
    own = {"quantile": quantile} if kind == "quantile" else {}
    if profile == "logzio":
        return reference_rules.metric_of(wire, suffix), own
    if profile == "otel":
        ends = {"Minimum": {"quantile": "0"}, "Maximum": {"quantile": "1"}}
        return _letter_first(_runs(wire, _WORD | set("_:"))) + suffix, ends.get(kind, own)
    namespace, metric = _names(wire, named[0], named[1])
    base = _yace(namespace, metric) if profile == "yace" else _exporter(namespace, metric)
    return base + (f"_p{_percent(quantile)}" if kind == "quantile" else suffix), {}


def _names(wire: str, namespace: str, metric: str) -> tuple[str, str]:
    path = wire.removeprefix("amazonaws.com/").split("/")
    return namespace or "/".join(path[:-1]), metric or path[-1]


def _percent(quantile: str) -> str:
    """Move the point of a decimal by two places."""
    if not quantile[-1].isdigit():
        return quantile.strip("+").replace("-", "_")
    sign = "_" if quantile.startswith("-") else ""
    whole, _, fraction = quantile.removeprefix("-").partition(".")
    fraction = fraction.ljust(2, "0")
    whole, fraction = (whole + fraction[:2]).lstrip("0") or "0", fraction[2:].rstrip("0")
    return sign + whole + (f"_{fraction}" if fraction else "")


def _yace(namespace: str, metric: str) -> str:
    cleaned = _yace_clean(namespace.removeprefix("/").lower())
    name = _yace_clean(_snake(metric)).lower()
    skip = 0
    for part in cleaned.split("_"):
        skip = len(part) if name[skip:].startswith(part) else skip
    prefix = cleaned if cleaned.startswith("aws") else "aws_" + cleaned
    rest = name[skip:]
    return _only_valid(prefix + "_" + (rest.removeprefix("_")))


def _exporter(namespace: str, metric: str) -> str:
    return _letter_first(_runs(f"{namespace.lower()}_{_snake(metric).lower()}", _WORD | {":"}))


def _yace_clean(text: str) -> str:
    return "".join("_percent" if c == "%" else "_" if c in _SEPARATORS else c for c in text)


def _snake(text: str) -> str:
    """Put an underscore before an upper-case letter behind a lower-case one or a digit."""
    lower = string.ascii_lowercase + string.digits
    pairs = zip(" " + text, text, strict=False)
    return "".join(
        "_" + c if before in lower and c in string.ascii_uppercase else c for before, c in pairs
    )


def _only_valid(text: str) -> str:
    return "".join(c if c in _WORD else "_" for c in text)


def _runs(text: str, valid: set[str] | frozenset[str]) -> str:
    """Replace each run of invalid characters by one underscore."""
    runs = groupby(text, key=valid.__contains__)
    return "".join("".join(run) if is_valid else "_" for is_valid, run in runs)


def _letter_first(name: str) -> str:
    return "_" + name if not name or name[0] in string.digits else name
