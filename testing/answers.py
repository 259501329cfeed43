"""Ready-made ways in which a remote-write server answers."""

import threading
from collections.abc import Callable, Mapping, Sequence

from converters.schema.remote_write_pb2 import Sample
from testing.exchange import Answer, AnswerFunction, Received

SamplePredicate = Callable[[Mapping[str, str], Sample], bool]
"""Takes a series' labels and one of its samples; says whether the sample is refused."""


def accept(_received: Received) -> Answer:
    """Accept every request with 204."""
    return Answer()


def always(answer: Answer) -> AnswerFunction:
    """Give the same answer to every request."""
    return lambda _received: answer


def sequence(answers: Sequence[Answer]) -> AnswerFunction:
    """Give the answers in turn, and the last one to every request after that.

    Args:
        answers: At least one answer; the first is for the request that asks first.
    """
    if not answers:
        raise ValueError("a sequence needs at least one answer")
    lock = threading.Lock()
    left = list(answers)

    def answer(_received: Received) -> Answer:
        with lock:
            return left.pop(0) if len(left) > 1 else left[0]

    return answer


def refusing(
    predicate: SamplePredicate, status: int = 400, words: str = "out of order sample"
) -> AnswerFunction:
    """Behave as Prometheus: one refused sample and nothing of the request is stored.

    Args:
        predicate: Says which samples are refused. Native histograms are not shown to it.
        status: HTTP status of the refusal.
        words: Body of the refusal.
    """

    def answer(received: Received) -> Answer:
        for series in received.request.timeseries:
            labels = {label.name: label.value for label in series.labels}
            if any(predicate(labels, sample) for sample in series.samples):
                return Answer(status=status, body=words.encode())
        return Answer()

    return answer


def refusing_histograms(
    status: int = 500, words: str = "native histograms are disabled"
) -> AnswerFunction:
    """Behave as a Prometheus without native histograms: refuse a request that holds one.

    Args:
        status: HTTP status of the refusal.
        words: Body of the refusal.
    """

    def answer(received: Received) -> Answer:
        if any(series.histograms for series in received.request.timeseries):
            return Answer(status=status, body=words.encode())
        return Answer()

    return answer


def limiting(max_bytes: int) -> AnswerFunction:
    """Behave as Amazon Managed Prometheus: 413 for a request that is too large.

    Args:
        max_bytes: Largest size of a request in bytes, before compression.
    """

    def answer(received: Received) -> Answer:
        size = received.request.ByteSize()
        if size > max_bytes:
            words = f"a request of {size} bytes is larger than the limit of {max_bytes}"
            return Answer(status=413, body=words.encode())
        return Answer()

    return answer


def redirecting(url: str, status: int = 302) -> AnswerFunction:
    """Send every request elsewhere.

    Args:
        url: Where to.
        status: HTTP status of the redirect.
    """
    return always(Answer(status=status, redirect=url))
