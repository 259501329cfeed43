"""The failures of a log destination, until they use `testing.http_server`."""

from typing import Any


class Ledger:
    """What the server's threads have raised."""

    def __init__(self, *_arguments: Any) -> None:
        self.failures: list[Exception] = []
