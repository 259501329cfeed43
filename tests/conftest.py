"""Hooks for all tests: which make target runs them, and what happens where a program is missing.

`make test-all` runs all tests. `make test` leaves out those with the marker `large` (more than five
seconds) or `real_server`, and `make check` runs the unit tests without `large` and `slow` (half a
second or more). Tests whose real servers are not installed are skipped, and fail in CI.
"""

import os
from collections.abc import Generator

import pytest

from testing.servers import MissingProgramError


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the load tests as large, and all but one case of each test that starts the extension."""
    seen: set[str] = set()
    # Sorted, so that the case that stays is always the same one.
    for item in sorted(items, key=lambda item: item.nodeid):
        function = item.nodeid.partition("[")[0]
        repeated = function.startswith("tests/extension_process/") and function in seen
        seen.add(function)
        if repeated or function.startswith("tests/extension_load/"):
            item.add_marker("large")


def _skip_without_programs() -> Generator[None, object, object]:
    try:
        return (yield)
    except MissingProgramError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Generator[None, object, object]:
    """Skip where a fixture needs a program that is missing."""
    return (yield from _skip_without_programs())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, object, object]:
    """Skip where the test itself needs a program that is missing."""
    return (yield from _skip_without_programs())
