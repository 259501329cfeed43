"""Reply functions for the receiver: servers that refuse, limit, redirect or fail in turn."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from converters.schema.remote_write_pb2 import Sample
from testing.http_server import Reply
from testing.receiver import Received, ReplyFunction
from testing.rules import labels_of

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


def slow(reply_function: ReplyFunction, seconds: float) -> ReplyFunction:
    """Reply as another function does, and so much later: the way to a server and back."""

    def reply(received: Received) -> Reply:
        answer = reply_function(received)
        return replace(answer, delay_seconds=answer.delay_seconds + seconds)

    return reply


def redirecting(url: str, status: int = 302) -> ReplyFunction:
    """Redirect every request to a URL."""
    return always(Reply(status, {"Location": url}))
