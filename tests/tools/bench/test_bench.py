"""`make bench` in its short form: it measures everything; how fast it is does not matter here."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tools.bench import report
from tools.bench.__main__ import main
from tools.bench.measurement import QUICK, Target
from tools.bench.pipeline import STAGES


def test_a_short_run_measures_everything(tmp_path: Path) -> None:
    """All figures of one run; one test, so that there is one run, whoever tests in parallel."""
    path = tmp_path / "figures.json"
    assert main(["--quick", "--no-write", "--json", str(path)]) == 0
    figures = json.loads(path.read_text(encoding="utf-8"))
    for otlp in ("1.0", "0.7"):
        check_stages(figures["speed"][otlp])
        check_growth(figures["growth"][otlp])
        check_memory(figures["memory"][otlp])
    check_import(figures["import"])
    check_cold_start(figures["cold_start"])
    check_targets(figures["targets"])


def check_stages(case: dict[str, Any]) -> None:
    """Every stage is measured cold and warm."""
    assert case["delivery"]["points"] == QUICK.points
    assert case["floor"]["cpu_us"]["median"] > 0
    for warmth in ("cold", "warm"):
        assert case[warmth]["stages"].keys() == set(STAGES)
        for times in (*case[warmth]["stages"].values(), case[warmth]["total"]):
            for clock in ("cpu_us", "wall_us"):
                assert 0 < times[clock]["min"] <= times[clock]["median"]
        assert case[warmth]["ratio"] > 0


def check_growth(case: dict[str, Any]) -> None:
    """Growth is measured for every size."""
    assert case["sizes"].keys() == {str(size) for size in QUICK.sizes}
    assert case["growth"]["cold"] > 0
    assert case["growth"]["warm"] > 0


def check_memory(case: dict[str, Any]) -> None:
    """Memory is that of a process that has delivered everything."""
    assert len(case["deliveries"]) == 1 + QUICK.warm_deliveries
    peaks = [d["peak_mb"] for d in case["deliveries"]]
    assert 0 < case["started_mb"] <= case["imported_mb"] <= peaks[0] <= peaks[-1]


def check_import(found: dict[str, Any]) -> None:
    """Import is measured in every way."""
    for way in ("with_pyc", "libraries_with_pyc", "without_pyc", "empty_interpreter"):
        assert found[way]["wall_ms"]["median"] > 0
    assert found["slowest_packages"]
    assert found["slowest_modules"]


def check_cold_start(found: dict[str, Any]) -> None:
    """Init is measured for an empty handler, and for the artifact in both ways."""
    if not found and not os.environ.get("CI"):
        return
    for way in ("empty", "with_pyc", "without_pyc"):
        assert 0 < found[way]["init_ms"]["median"] < found[way]["first_answer_ms"]["median"]


def check_targets(targets: list[dict[str, Any]]) -> None:
    """Every figure that has a limit is compared with it."""
    names = " | ".join(target["name"] for target in targets)
    for word in ("warm, format 1.0", "cold, format 0.7", "per point", "peak memory", "import"):
        assert word in names
    assert all(isinstance(target["met"], bool) for target in targets)


def test_a_target_is_met_up_to_its_limit() -> None:
    """The limit itself is met."""
    assert Target("a", 7.0, 7.0, "x").met
    assert not Target("a", 7.01, 7.0, "x").met


def test_the_tables_go_between_the_markers_and_nowhere_else(tmp_path: Path) -> None:
    """Writing twice leaves one copy, and the rest of the page as it was."""
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- bench:begin -->\nold\n<!-- bench:end -->\nafter\n", "utf-8")
    for _ in range(2):
        report.write_page(page, "| new |")
    assert page.read_text("utf-8") == (
        "before\n<!-- bench:begin -->\n\n| new |\n\n<!-- bench:end -->\nafter\n"
    )


def test_a_page_without_markers_is_left_alone(tmp_path: Path) -> None:
    """Nothing is written where it is not clear where to."""
    page = tmp_path / "page.md"
    page.write_text("a page", "utf-8")
    with pytest.raises(ValueError, match="bench:begin"):
        report.write_page(page, "| new |")
    assert page.read_text("utf-8") == "a page"


def test_the_page_in_the_tree_has_its_markers() -> None:
    """The committed page can be written to."""
    assert report.PAGE.read_text("utf-8").count("<!-- bench:") == 2
