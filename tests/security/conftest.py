"""A listener for the tests that say in each example how it answers."""

from collections.abc import Iterator

import pytest

from testing.misbehaving import raw_listener
from tests.security.canaries import Listener


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    """Run a listener for all examples of a module."""
    made = Listener()
    with raw_listener(made) as url:
        made.url = url
        yield made
