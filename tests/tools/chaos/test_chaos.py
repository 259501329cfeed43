"""A short run of `python -m chaos`, and one that has to find a loss."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from testing.servers import required
from tests.support.required_emulator import required_emulator
from tools.chaos import kept
from tools.chaos.__main__ import main
from tools.chaos.bucket import failed_records
from tools.chaos.listener import Forward, Forwarded


@pytest.fixture(autouse=True)
def _programs() -> None:
    """Ask for the programs that a run needs."""
    required_emulator()
    required("prometheus")


def run(*arguments: str, swallow: bool = False) -> tuple[int, list[str]]:
    """Run the command; give its exit code and its lines."""
    lines: list[str] = []

    def tell(text: str) -> None:
        lines.extend(text.splitlines())

    if swallow:
        return main(["--short", *arguments], tell, swallowing), lines
    return main(["--short", *arguments], tell), lines


def swallowing(_url: str) -> Forward:
    """Make a server that takes everything and stores nothing."""

    def forward(_body: bytes, _headers: Mapping[str, str]) -> Forwarded:
        return Forwarded(204, b"")

    return forward


def rows(lines: list[str]) -> dict[str, int]:
    """Read the rows of the tables."""
    cells = [[cell.strip() for cell in line.split("|")] for line in lines if line.startswith("|")]
    return {row[1]: int(row[2].replace(",", "")) for row in cells if row[2][:1].isdigit()}


def test_nothing_is_lost(tmp_path: Path) -> None:
    """Under every fault each sample is stored, rejected alone or backed up; the run says so."""
    folder = tmp_path / "kept"
    code, lines = run("--deliveries", "60", "--seed", "5", "--keep", str(folder))
    assert lines[-1] == "lost: 0", lines
    assert code == 0, lines
    found = rows(lines)
    assert found["deliveries"] >= 60
    assert found["delivered"] > 0
    assert found["backed up"] > 0
    assert found["data points"] >= 2_500
    assert found["function process killed"] > 0
    for outage in ("Prometheus killed and started again", "blackout", "connections refused"):
        assert found[outage] > 0
    assert found["stored in Prometheus alone"] > 0
    assert found["rejected alone, and not stored"] > 0
    assert found["in two: stored and in a backup object"] > 0
    places = [place for _, place in kept.read_samples(folder)]
    assert len(places) == found["samples that are to come of them"]
    assert places.count(("stored",)) == found["stored in Prometheus alone"]
    assert list(failed_records(kept.bucket(folder)))


def test_a_loss_is_found() -> None:
    """With a listener that takes everything and stores nothing the run fails, with a number."""
    code, lines = run("--deliveries", "26", swallow=True)
    assert code == 1
    found = rows(lines)
    assert found["stored in Prometheus alone"] == 0
    assert found["in none"] > 100
    assert lines[-1] == f"lost: {found['in none']}"


def test_folder_in_use(tmp_path: Path) -> None:
    """A folder that holds something is left alone."""
    (tmp_path / "file").touch()
    code, lines = run("--keep", str(tmp_path))
    assert code == 2
    assert "not empty" in lines[-1]
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
