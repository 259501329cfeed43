"""Listeners that refuse some samples, for the tests of isolation."""

import threading

from testing.http_server import Reply
from testing.receiver import Received
from testing.replies import SamplePredicate
from testing.rules import Labels


def hosts(*numbers: int) -> SamplePredicate:
    """Refuse the sum of these hosts: one sample of each of their points."""
    refused = {f"h{number:04d}" for number in numbers}
    return lambda labels, _: labels["host"] in refused and labels["__name__"].endswith("_sum")


class InOrder:
    """Behaves as Prometheus without an out-of-order window, and stores all or nothing.

    Attributes:
        newest: The newest timestamp of each series.
        out_of_order: How many requests were refused because of the order.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.newest: dict[Labels, int] = {}
        self.out_of_order = 0

    def __call__(self, received: Received) -> Reply:
        """Reply to one request."""
        with self._lock:
            newest = dict(self.newest)
            for labels, timestamp, _ in received.samples():
                if timestamp <= newest.get(labels, -1):
                    self.out_of_order += 1
                    return Reply(400, body=b"out of order sample")
                newest[labels] = timestamp
            self.newest = newest
        return Reply()
