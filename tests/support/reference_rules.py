"""The naming and label rules of the contract, written down once more, the slow way."""

import string
from itertools import groupby

Pairs = tuple[tuple[str, str], ...]

_LABEL = frozenset(string.ascii_lowercase + string.digits + "_")
_METRIC = _LABEL | {":"}


def metric_base(name: str) -> str:
    """Return the metric name without a suffix."""
    lowered = name.lower().replace("/", "_").replace("amazonaws.com_", "")
    runs = [(valid, "".join(run)) for valid, run in groupby(lowered, key=_METRIC.__contains__)]
    parts = []
    for index, (valid, run) in enumerate(runs):
        if valid:
            parts.append(run)
        elif 0 < index < len(runs) - 1:
            parts.append("_")
    base = "".join(parts)
    return "_" + base if base[:1] in set(string.digits) | {""} else base


def metric_of(name: str, suffix: str) -> str:
    """Return the metric name of a statistic."""
    if suffix in {"_min", "_max"}:
        return metric_base(name + suffix)
    return metric_base(name) + suffix


def label(key: str) -> str:
    """Return the label name for the key of an attribute."""
    name = "".join(sign if sign in _LABEL else "_" for sign in key.lower())
    if not name or name.startswith("_"):
        return "key" + (name or "_")
    return "key_" + name if name[0] in string.digits else name


def quantile_text(quantile: float) -> str:
    """Return the shortest decimal of a quantile, found by adding digits until it reads back."""
    if quantile != quantile or quantile in (float("inf"), float("-inf")):  # noqa: PLR0124
        return "NaN" if quantile != quantile else ("+Inf" if quantile > 0 else "-Inf")  # noqa: PLR0124
    return next(
        text for text in (f"{quantile:.{n}f}" for n in range(400)) if float(text) == quantile
    )


def identity(flat: Pairs, members: Pairs) -> tuple[str | None, str | None, Pairs]:
    """Take the first Namespace and MetricName apart from the dimensions."""
    rest = list(flat)
    taken: dict[str, str] = {}
    for key, value in flat:
        if key in ("Namespace", "MetricName") and key not in taken:
            taken[key] = value
            rest.remove((key, value))
    return taken.get("Namespace"), taken.get("MetricName"), (*rest, *members)


def grouped(entries: list[tuple[str, str, str]]) -> dict[str, str]:
    """Join what has one name, in the byte order of the keys."""
    entries = [entry for entry in entries if entry[2]]
    entries.sort(key=lambda entry: (entry[1].encode(), entry[2]))
    names = {name for name, _, _ in entries}
    return {name: ";".join(value for own, _, value in entries if own == name) for name in names}


def prefixed(labels: dict[str, str], taken: set[str]) -> dict[str, str]:
    """Prefix those whose name is taken, as often as it takes."""
    result = {name: value for name, value in labels.items() if name not in taken}
    for name in sorted(set(labels) - set(result)):
        free = name
        while free in taken or free in result:
            free = "resource_" + free
        result[free] = labels[name]
    return result
