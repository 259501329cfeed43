"""After a replay of the backup of a chaos run nothing is missing."""

from pathlib import Path

import pytest

from testing.emulator import required_emulator
from testing.rules import Samples
from testing.servers import Prometheus, installed
from tests.support.backups import run
from tools.chaos import kept
from tools.chaos.__main__ import main as chaos
from tools.chaos.plan import ENVIRONMENT

pytestmark = pytest.mark.real_server

WINDOW = "1d"
"""How old an out-of-order sample may be; longer than a run and its replay."""


def missing(folder: Path, stored: Samples) -> list[tuple[str, ...]]:
    """Return the former places of each sample of a run that a server does not have."""
    there = {(labels, *one) for labels, samples in stored.items() for one in samples}
    return [places for sample, places in kept.read_samples(folder) if sample not in there]


def test_nothing_is_missing_after_a_replay(tmp_path: Path) -> None:
    """A replay stores what was only in the backup; only what was refused is not stored."""
    required_emulator()
    installed("prometheus")
    folder = tmp_path / "kept"
    lines: list[str] = []
    options = [
        "--short",
        "--server",
        "prometheus",
        "--deliveries",
        "26",
        "--seed",
        "3",
        "--keep",
        str(folder),
    ]
    assert chaos(options, lines.append) == 0, lines
    with Prometheus(folder / "server", window=WINDOW) as server:
        before = missing(folder, server.stored(p8s_logzio_name=ENVIRONMENT))
        name = ("--p8s-logzio-name", ENVIRONMENT)
        ran = run(kept.bucket(folder), server.write_url, *name, "--done", "move")
        after = missing(folder, server.stored(p8s_logzio_name=ENVIRONMENT))
        assert run(kept.bucket(folder), server.write_url, *name).number("found") == 0
    assert ran.status == 0, ran
    assert before.count(("backup",)) > 0
    assert set(after) <= {("rejected",)}
    assert ran.number("sent") == ran.number("samples")
    assert ran.number("sent") >= len(before) - len(after)
