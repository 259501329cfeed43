"""Destinations and interpreters for the tests of the extension as a process."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from testing.log_destinations.destination import LogDestination
from testing.log_destinations.logzio import LogzioDestination
from testing.pythons import pythons
from tests.extension_process.running import AT_ONCE, DESTINATIONS, Side, shipping


@pytest.fixture
def logzio() -> Iterator[LogzioDestination]:
    """Run a Logz.io."""
    with LogzioDestination() as running:
        yield running


@pytest.fixture(params=sorted(DESTINATIONS))
def destination(request: pytest.FixtureRequest) -> Iterator[LogDestination]:
    """Run each of the destinations."""
    with DESTINATIONS[request.param]() as running:
        yield running


@pytest.fixture(params=list(pythons()))
def each_python(request: pytest.FixtureRequest) -> Path:
    """Return each Python of this machine."""
    return pythons()[request.param]


@pytest.fixture(scope="module", params=sorted(DESTINATIONS))
def side(request: pytest.FixtureRequest) -> Iterator[Side]:
    """Run an extension with each destination for all tests that leave both as they were."""
    with (
        DESTINATIONS[request.param]() as destination,
        shipping(destination, platform=AT_ONCE) as run,
    ):
        yield Side(run, destination)
