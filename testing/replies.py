"""Reply functions for the receiver: servers that refuse, limit, redirect or fail in turn."""

import threading
from collections.abc import Callable, Mapping, Sequence

from converters.schema.remote_write_pb2 import Sample
from testing.http_server import Reply
from testing.receiver import Received, ReplyFunction
from testing.rules import Labels, labels_of

SamplePredicate = Callable[[Mapping[str, str], Sample], bool]
"""Takes a series' labels and one of its samples; returns whether the sample is refused."""


def accept(_received: Received) -> Reply:
    """Accept every request with 204."""
    return Reply()


def always(reply: Reply) -> ReplyFunction:
    """Return the same reply to every request."""
    return lambda _received: reply


def sequence(replies: Sequence[Reply]) -> ReplyFunction:
    """Return the replies in turn, and the last one to every request after that.

    Args:
        replies: At least one; the first is for the request that arrives first.
    """
    if not replies:
        raise ValueError("a sequence needs at least one reply")
    lock = threading.Lock()
    left = list(replies)

    def reply(_received: Received) -> Reply:
        with lock:
            return left.pop(0) if len(left) > 1 else left[0]

    return reply


def refusing(
    predicate: SamplePredicate, status: int = 400, words: str = "out of order sample"
) -> ReplyFunction:
    """Behave as Prometheus: one refused sample, and nothing of the request is stored.

    Args:
        predicate: Returns which samples are refused. It does not see native histograms.
        status: HTTP status of the refusal.
        words: Body of the refusal.
    """

    def reply(received: Received) -> Reply:
        for series in received.request.timeseries:
            labels = dict(labels_of(series))
            if any(predicate(labels, sample) for sample in series.samples):
                return Reply(status, body=words.encode())
        return Reply()

    return reply


def refusing_histograms(
    status: int = 500, words: str = "native histograms are disabled"
) -> ReplyFunction:
    """Behave as a Prometheus without native histograms: refuse a request that holds one."""

    def reply(received: Received) -> Reply:
        if any(series.histograms for series in received.request.timeseries):
            return Reply(status, body=words.encode())
        return Reply()

    return reply


def limiting(max_bytes: int) -> ReplyFunction:
    """Behave as Amazon Managed Prometheus: 413 for a request of more bytes before compression."""

    def reply(received: Received) -> Reply:
        size = received.request.ByteSize()
        if size > max_bytes:
            words = f"a request of {size} bytes is larger than the limit of {max_bytes}"
            return Reply(413, body=words.encode())
        return Reply()

    return reply


def redirecting(url: str, status: int = 302) -> ReplyFunction:
    """Redirect every request to a URL."""
    return always(Reply(status, redirect=url))


def nothing(_labels: object, _sample: Sample) -> bool:
    """Refuse no sample."""
    return False


def hosts(*numbers: int) -> SamplePredicate:
    """Refuse the sum of these hosts: one sample of each of their points."""
    refused = {f"h{number:04d}" for number in numbers}
    return lambda labels, _: labels["host"] in refused and labels["__name__"].endswith("_sum")


def hosts_whole(*numbers: int) -> SamplePredicate:
    """Refuse all samples of these hosts."""
    refused = {f"h{number:04d}" for number in numbers}
    return lambda labels, _: labels["host"] in refused


def every(step: int) -> SamplePredicate:
    """Refuse the sum of every host whose number is a multiple of `step`."""
    return hosts(*range(0, 10_000, step))


class InOrder:
    """Behaves as Prometheus without an out-of-order window, and stores all or nothing.

    Args:
        refuses: Returns which samples are refused for another reason.
        words: Body of such a refusal.

    Attributes:
        newest: The newest timestamp of each series.
        out_of_order: How many requests were refused because of the order.
        bodies: All bodies, in order.
    """

    def __init__(self, refuses: SamplePredicate = nothing, words: str = "out of bounds") -> None:
        self._refuses = refuses
        self._words = words
        self._lock = threading.Lock()
        self.newest: dict[Labels, int] = {}
        self.out_of_order = 0
        self.bodies: list[bytes] = []

    def __call__(self, received: Received) -> Reply:
        """Reply to one request."""
        with self._lock:
            self.bodies.append(received.body)
            newest = dict(self.newest)
            for labels, timestamp, value in received.samples():
                if self._refuses(dict(labels), Sample(timestamp=timestamp, value=value)):
                    return Reply(400, body=self._words.encode())
                if timestamp <= newest.get(labels, -1):
                    self.out_of_order += 1
                    return Reply(400, body=b"out of order sample")
                newest[labels] = timestamp
            self.newest = newest
        return Reply()
