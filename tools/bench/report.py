"""Tables for a person, JSON for a program."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tabulate import tabulate

from tools.bench.measurement import Cell, Measurement, Table, Target
from tools.bench.processes import ROOT

_BEGIN, _END = "<!-- bench:begin -->", "<!-- bench:end -->"
PAGE = ROOT / "docs" / "performance.md"
FIGURES = ROOT / "docs" / "performance.json"


def text(measurements: Sequence[Measurement], machine: str) -> str:
    """Give all tables in Markdown, the targets first."""
    targets = [target for found in measurements for target in found.targets]
    tables = [_targets(targets)] if targets else []
    tables += [table for found in measurements for table in found.tables]
    parts = [f"Measured on: {machine}."]
    for table in tables:
        parts += [f"### {table.title}", _markdown(table)]
    return "\n\n".join(parts)


def figures(
    measurements: dict[str, Measurement], machine: dict[str, Any], effort: dict[str, Any]
) -> dict[str, Any]:
    """Give everything that was measured as one JSON object."""
    targets = [target for found in measurements.values() for target in found.targets]
    return {
        "machine": machine,
        "effort": effort,
        "targets": [
            {
                "name": target.name,
                "value": target.value,
                "unit": target.unit,
                "limit": target.limit,
                "aim": target.aim,
                "met": target.met,
            }
            for target in targets
        ],
        **{name: found.figures for name, found in measurements.items()},
    }


def write_json(path: Path, found: dict[str, Any]) -> None:
    """Write figures to a file."""
    path.write_text(json.dumps(_rounded(found), indent=2) + "\n", encoding="utf-8")


def write_page(path: Path, tables: str) -> None:
    """Put tables between the two markers of a page."""
    page = path.read_text(encoding="utf-8")
    before, begin, rest = page.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise ValueError(f"{path.name} has no {_BEGIN} ... {_END}")
    path.write_text(f"{before}{begin}\n\n{tables}\n\n{end}{after}", encoding="utf-8")


def _targets(targets: Sequence[Target]) -> Table:
    rows: list[list[Cell]] = []
    for target in targets:
        limit = f"{target.limit:g} {target.unit}"
        if target.aim is not None:
            limit += f" (aim {target.aim:g})"
        rows.append([target.name, target.value, limit, "met" if target.met else "MISSED"])
    return Table("Targets", ["what", "measured", "at most", ""], rows)


def _markdown(table: Table) -> str:
    width = len(table.headers)
    return tabulate(
        table.rows,
        headers=table.headers,
        tablefmt="github",
        floatfmt=".2f",
        colalign=("left", *["right"] * (width - 1)),
    )


def _rounded(value: Any) -> Any:
    """Leave out digits that mean nothing."""
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return value
