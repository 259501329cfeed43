"""That an exchange is held to its whole time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from extension.errors import ExchangeError
from extension.messages import Request
from tests.support.extension_parts import LONG

if TYPE_CHECKING:
    from extension.exchange import Exchanges

BUDGET = 0.5


def held(exchanges: Exchanges, url: str, body: bytes = b"hello") -> None:
    """
    Check that an exchange ends without an answer, although the other side would go on for ever.

    What ends for another reason, such as a timeout of each single operation, does not end here.
    """
    began = time.monotonic()
    with pytest.raises(ExchangeError):
        exchanges.post(Request(url, {}, body), BUDGET)
    assert time.monotonic() - began < LONG / 2
