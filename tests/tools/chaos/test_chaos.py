"""A short run of `python -m tools.chaos`, and two that have to find a loss."""

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from handler.delivery import parse_body
from testing.backends.mimir import Mimir
from testing.emulator import Emulator, required_emulator
from testing.http_server import Reply
from testing.servers import installed
from tools.chaos import kept
from tools.chaos.__main__ import main
from tools.chaos.plan import Plan
from tools.chaos.run import OpenServer
from tools.chaos.servers import REAL, STAND_INS, Server, StandIn, open_server

pytestmark = pytest.mark.real_server

Rows = dict[str, int]


@pytest.fixture(autouse=True)
def _programs() -> None:
    """Ask for the programs that a run needs."""
    required_emulator()
    installed("prometheus")


def run(
    *arguments: str, server: str = REAL, opened: OpenServer = open_server
) -> tuple[int, list[str], Rows]:
    """Run the command; return its exit code, its lines, and the rows of its tables."""
    lines: list[str] = []
    options = ["--short", "--server", server, *arguments]
    code = main(options, lambda text: lines.extend(text.splitlines()), opened)
    cells = [[cell.strip() for cell in line.split("|")] for line in lines if line.startswith("|")]
    rows = {
        row[1]: int(row[2].replace(",", ""))
        for row in cells
        if row[2][:1].isdigit() and len(row) == 4
    }
    return code, lines, rows


def test_nothing_is_lost(tmp_path: Path) -> None:
    """Under every fault each sample is stored, rejected alone or backed up; the run says so."""
    folder = tmp_path / "kept"
    code, lines, rows = run("--deliveries", "60", "--seed", "5", "--keep", str(folder))
    assert lines[-1] == "lost: 0", lines
    assert code == 0, lines
    assert rows["deliveries"] >= 60
    assert rows["data points"] >= 2_500
    for name in (
        *("delivered", "backed up", "function process killed"),
        *("server killed and started again", "blackout", "connections refused"),
        *("stored, and nothing else", "rejected with its data point, and not stored"),
        "in two: stored and in a backup object",
    ):
        assert rows[name] > 0, name
    places = [place for _, place in kept.read_samples(folder)]
    assert len(places) == rows["samples that are to come of them"]
    assert places.count(("stored",)) == rows["stored, and nothing else"]
    assert list(kept.failed_records(kept.bucket(folder)))


@pytest.mark.parametrize("server", STAND_INS)
def test_nothing_is_lost_with(server: str) -> None:
    """With each server a sample that is not stored was refused by it, or is backed up."""
    code, lines, rows = run("--deliveries", "30", "--seed", "6", server=server)
    assert (code, lines[-1]) == (0, "lost: 0"), lines
    assert rows["stored, and nothing else"] > 100
    refused = ("refused by the server, which", "in two: refused and")
    assert sum(number for name, number in rows.items() if name.startswith(refused)) > 10


class Forgetful(StandIn):
    """Accepts everything, and stores nothing."""

    def forward(self, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Accept a request."""
        del body, headers
        return Reply()


@contextlib.contextmanager
def forgetful(_name: str, _folder: Path, _plan: Plan) -> Iterator[Server]:
    """Open a server that stores nothing."""
    yield Forgetful(Mimir())


def test_a_loss_is_found() -> None:
    """With a server that accepts everything and stores nothing the run fails, with a number."""
    code, lines, rows = run("--deliveries", "26", opened=forgetful)
    assert code == 1
    assert rows["stored, and nothing else"] == 0
    assert rows["in none"] > 100
    assert lines[-1] == f"lost: {rows['in none']}"


def drop_a_record(instance: Emulator, event: dict[str, Any]) -> Any:
    """Lose the first record of a delivery, and answer as usual."""
    body = parse_body(event)
    records = body["records"][1:]
    event = {**event, "body": json.dumps({**body, "records": records}), "isBase64Encoded": False}
    return INVOKE(instance, event)


def always_succeed(instance: Emulator, event: dict[str, Any]) -> Any:
    """Answer with success, whatever has happened to the samples."""
    answer = INVOKE(instance, event)
    body = {"requestId": parse_body(event)["requestId"], "timestamp": int(time.time() * 1000)}
    return {**answer, "statusCode": 200, "body": json.dumps(body)}


INVOKE = Emulator.invoke


@pytest.mark.parametrize("defect", [drop_a_record, always_succeed])
def test_a_defect_of_the_function_is_found(
    monkeypatch: pytest.MonkeyPatch, defect: Callable[[Emulator, dict[str, Any]], Any]
) -> None:
    """A function that drops a record, or that always answers 200, makes the run fail."""
    monkeypatch.setattr(Emulator, "invoke", defect)
    code, lines, rows = run("--deliveries", "26")
    assert code == 1
    assert lines[-1] == f"lost: {rows['in none']}"
    assert rows["in none"] > 0


def test_folder_in_use(tmp_path: Path) -> None:
    """A folder that is not empty is left alone."""
    (tmp_path / "file").touch()
    code, lines, _ = run("--keep", str(tmp_path))
    assert code == 2
    assert "not empty" in lines[-1]
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
