"""Tokens in Secrets Manager and in SSM, simulated by moto."""

import time
from collections.abc import Iterator

import pytest

from testing.aws_environment import REGION, environment_for
from testing.log_destinations.destination import LogDestination
from testing.log_destinations.logzio import LogzioDestination
from testing.log_destinations.loki import LokiDestination
from testing.misbehaving import nobody
from tests.extension_process.running import (
    ANSWERING,
    PROMPT,
    messages,
    shipping,
)
from tests.support.secret_stores import MINUTE, Stores, running_stores

WARNED_SECONDS = 120.0
MOST_READS = 2


@pytest.fixture(scope="module")
def all_stores() -> Iterator[Stores]:
    """Run both stores for all tests of a process."""
    with running_stores() as running:
        # The first call of each store takes longer than the extension waits.
        running.parameter("text", "/first")
        running.secret("first")
        yield running


@pytest.fixture
def stores(all_stores: Stores) -> Iterator[Stores]:
    """Return the stores, without faults."""
    all_stores.heal()
    yield all_stores
    all_stores.heal()


def kept_in_store(destination: LogDestination, stores: Stores, reference: str) -> dict[str, str]:
    """Return variables that only refer to the token."""
    given = destination.environment.items()
    (variable,) = [name for name, value in given if value == destination.token]
    return {
        **environment_for(stores.url),
        variable: "",
        f"{variable}_ARN": reference,
    }


def assert_read(destination: LogDestination, stores: Stores, reference: str) -> None:
    """Fail unless the token is read once, and lines arrive with it."""
    environ = kept_in_store(destination, stores, reference)
    lines = [f"line {number}" for number in range(6)]
    with shipping(destination, environ={**environ, "AWS_REGION": REGION}) as run:
        for line in lines:
            run.services.invoke([line])
        destination.wait_for(len(lines))
        run.end()
        # On a busy machine a call may take longer than two seconds, and is made again.
        assert len(stores.reads) <= MOST_READS
        if len(stores.reads) == 1:
            assert run.printed == []
    assert messages(destination) == lines


def test_token(destination: LogDestination, stores: Stores) -> None:
    """The token of each destination is read once, before the first request."""
    if isinstance(destination, LokiDestination):
        destination.username = "user"
    assert_read(destination, stores, stores.secret(destination.token))


def test_parameter(logzio: LogzioDestination, stores: Stores) -> None:
    """It may be a parameter, by its ARN or by its name."""
    reference = stores.parameter(logzio.token, "/logs/token")
    assert_read(logzio, stores, reference)
    with LogzioDestination() as another:
        stores.reads.clear()
        assert_read(another, stores, "/logs/token")


def test_rotated(logzio: LogzioDestination, stores: Stores) -> None:
    """After a rotation the old token is refused, the new one is read, and nothing is lost."""
    reference = stores.secret(logzio.token)
    with shipping(logzio, environ=kept_in_store(logzio, stores, reference)) as run:
        run.services.invoke(["before"])
        logzio.token = "new-token"
        stores.change(reference, logzio.token)
        run.services.invoke(["behind"])
        run.services.invoke(["after"])
        # A renewal that takes too long comes again a minute later.
        logzio.wait_for(3, 2 * MINUTE)
        run.end()
        if len(stores.reads) == MOST_READS:
            assert run.printed == []
    assert messages(logzio) == ["before", "behind", "after"]


@pytest.mark.parametrize("fault", ["denied", "slow", "unreachable"])
def test_unavailable(logzio: LogzioDestination, stores: Stores, fault: str) -> None:
    """A store that does not return the token delays nothing, and causes one warning."""
    reference = stores.secret(logzio.token)
    environ = {**kept_in_store(logzio, stores, reference), **ANSWERING}
    if fault == "denied":
        stores.fault = lambda _asked: "AccessDeniedException"
    elif fault == "slow":
        stores.open.clear()
    with nobody() as nowhere:
        if fault == "unreachable":
            environ["AWS_ENDPOINT_URL"] = nowhere.removesuffix("/write")
        with shipping(logzio, environ=environ) as run:
            until = time.monotonic() + WARNED_SECONDS
            while not run.warnings and time.monotonic() < until:
                assert run.services.invoke(["line"]).added_seconds < PROMPT
            run.end()
            assert len(run.warnings) == 1
            assert logzio.token not in run.output
    assert logzio.connections == 0
