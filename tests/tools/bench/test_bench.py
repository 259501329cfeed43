"""`make bench` in its short form: it measures everything; how fast it is does not matter here."""

import json
from pathlib import Path
from typing import Any

import pytest
import snappy

from converters.convert import Converter, Options
from handler.ingress import open_ingress
from testing.emulator import required_emulator
from testing.events.otlp import Format
from tools.bench.__main__ import MEASUREMENTS, main
from tools.bench.delivery import Floor, convert, generated
from tools.bench.measurement import QUICK


@pytest.mark.large
def test_a_short_run_measures_everything(tmp_path: Path) -> None:
    """Every measurement returns figures above zero, and every limit is compared."""
    required_emulator()
    path = tmp_path / "figures.json"
    assert main(["--quick", "--no-write", "--json", str(path)]) == 0
    figures = json.loads(path.read_text(encoding="utf-8"))
    assert set(MEASUREMENTS) <= set(figures)
    check_positive(figures)
    for found in figures["speed"].values():
        assert found["points"] == QUICK.points
        assert found["warm"]["ratio"] < found["cold"]["ratio"]
    for found in figures["memory"].values():
        assert len(found["peak_mb"]) == 1 + QUICK.warm_deliveries
        assert found["peak_mb"] == sorted(found["peak_mb"])
    names = " | ".join(target["name"] for target in figures["targets"])
    for word in ("warm, format 1.0", "cold, format 0.7", "per point", "peak memory", "import"):
        assert word in names


def check_positive(figures: Any) -> None:
    """Fail where a number is zero or less, as of something that was not measured."""
    if isinstance(figures, dict):
        for value in figures.values():
            check_positive(value)
    elif isinstance(figures, list):
        for value in figures:
            check_positive(value)
    elif not isinstance(figures, str | bool):
        assert figures > 0


def test_the_floor_works_on_the_whole_delivery() -> None:
    """The floor decodes every record, and compresses the bodies that the function sends."""
    event = generated(60, 0, Format.V1_0)
    conversion = convert(event, Converter(Options()))
    records = open_ingress(event).parse().records
    requests = [snappy.decompress(body.content) for lane in conversion.lanes for body in lane]
    floor = Floor(event, requests)
    assert floor.run() == sum(len(record.content or b"") for record in records) > 0
    assert conversion.data_points == 60
