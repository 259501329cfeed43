"""That an exchange is held to its whole time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from extension.destinations.destination import Request
from extension.errors import ExchangeError

if TYPE_CHECKING:
    from extension.exchange import Exchanges

BUDGET = 0.4
# What a loaded machine may add, and still far from any timeout of a single operation.
SLACK = 0.6


def held(exchanges: Exchanges, url: str, body: bytes = b"hello") -> None:
    """Check that an exchange fails, and within the budget."""
    began = time.monotonic()
    with pytest.raises(ExchangeError):
        exchanges.post(Request(url, {}, body), BUDGET)
    assert time.monotonic() - began < BUDGET + SLACK
