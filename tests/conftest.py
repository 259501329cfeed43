"""Hooks for all tests: which make target runs them, and what happens where a program is missing.

Tests whose real servers are not installed are skipped, and fail in CI.
"""

import os
from collections.abc import Generator

import pytest

from testing.servers import MissingProgramError
from tests.support.markers import mark


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that some make targets leave out."""
    mark(items)


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
