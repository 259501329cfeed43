"""Servers for all tests of a process; each is started when the first test needs it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.tools.dashboards.stored import Stored, filled


@pytest.fixture(scope="session")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Stored]]:
    """Return a function from a naming profile to the server with its series."""
    with ExitStack() as stack:
        servers: dict[str, Stored] = {}

        def of(profile: str) -> Stored:
            if profile not in servers:
                folder = tmp_path_factory.mktemp(profile)
                servers[profile] = stack.enter_context(filled(profile, folder))
            return servers[profile]

        yield of
