"""The services of a large fleet, read from `catalogue.toml`."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from testing.events.fleet import Dimensions

_CATALOGUE = Path(__file__).with_name("catalogue.toml")


@dataclass(frozen=True, slots=True)
class Service:
    """One kind of resource; `catalogue.toml` says more.

    Attributes:
        namespace: CloudWatch's namespace.
        dimensions: Names of dimensions and templates of their values.
        metrics: Names of metrics to their units.
        weight: The number of resources for each one of the rarest service.
        percentiles: The metric that has percentiles; empty: none.
    """

    namespace: str
    dimensions: Dimensions
    metrics: dict[str, str]
    weight: int = 1
    percentiles: str = ""


def services() -> list[Service]:
    """Return all services of the fleet."""
    return [
        Service(
            entry["namespace"],
            tuple(entry["dimensions"].items()),
            {name: unit for unit, names in entry["metrics"].items() for name in names},
            entry.get("weight", 1),
            entry.get("percentiles", ""),
        )
        for entry in tomllib.loads(_CATALOGUE.read_text(encoding="utf-8"))["service"]
    ]
