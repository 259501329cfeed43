"""Secret stores for the tests that need them; nothing is imported or started for the others."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.secret_stores import Stores


@pytest.fixture(scope="module")
def running() -> Iterator[Stores]:
    """Run the stores for all tests of a module."""
    from tests.support.secret_stores import running_stores  # noqa: PLC0415 - moto takes a second

    with running_stores() as stores:
        yield stores


@pytest.fixture
def stores(running: Stores, monkeypatch: pytest.MonkeyPatch) -> Stores:
    """Give the stores in good health, as what boto3 asks."""
    from handler import secrets as secret_stores  # noqa: PLC0415
    from tests.support.secret_stores import aim_at  # noqa: PLC0415

    aim_at(running.url, monkeypatch)
    # On a busy machine the stores may be slower than AWS's; only a test about that sets less.
    monkeypatch.setattr(secret_stores, "_READ_SECONDS", 60)
    running.heal()
    return running
