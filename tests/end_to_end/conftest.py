"""Real servers for all tests of a process; each is started when the first test needs it."""

from collections.abc import Iterator

import pytest

from testing.servers import Prometheus
from tests.support.victoria_metrics import VictoriaMetrics


@pytest.fixture(scope="session")
def wide_prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Run a Prometheus that takes samples up to three days late: S3's daily ones too."""
    with Prometheus(tmp_path_factory.mktemp("wide"), window="3d") as server:
        yield server


@pytest.fixture(scope="session")
def victoria(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VictoriaMetrics]:
    """Run a VictoriaMetrics."""
    with VictoriaMetrics(tmp_path_factory.mktemp("victoria")) as server:
        yield server


@pytest.fixture(scope="session")
def strict_prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Run a Prometheus as it is set up by default: without an out-of-order window."""
    with Prometheus(tmp_path_factory.mktemp("strict")) as server:
        yield server


@pytest.fixture(scope="session")
def narrow_prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Run a Prometheus that takes samples up to two hours late."""
    with Prometheus(tmp_path_factory.mktemp("narrow"), window="2h") as server:
        yield server
