"""A Prometheus remote-write 1.0 receiver on loopback, for tests and for `make run`.

It decodes what it gets, holds the sender to the rules, keeps everything for
whoever wants to look, and answers as it is told to, also badly.
"""

import ssl

from testing.answers import accept
from testing.connection import Server
from testing.exchange import AnswerFunction, EarlyAnswerFunction, Labels, Received
from testing.ledger import Ledger
from testing.until_closed import UntilClosed


class Receiver(UntilClosed):
    """The receiver, listening from its construction until `close` or the end of `with`.

    A request that breaks a rule gets 400 and words that name the rule, whatever
    `answer` would say.

    Args:
        answer: Decides about each request that keeps the rules.
        at_headers: Decides before the body is read; None, or its answer None: read it.
        max_bytes: A further rule: the largest request in bytes before compression.
        tls: Speak HTTPS with this server-side context.

    Attributes:
        url: Where to send.
    """

    def __init__(
        self,
        answer: AnswerFunction = accept,
        *,
        at_headers: EarlyAnswerFunction | None = None,
        max_bytes: int | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._ledger = Ledger(answer, at_headers, max_bytes)
        self._server = Server(self._ledger, tls)
        scheme = "https" if tls else "http"
        self.url = f"{scheme}://127.0.0.1:{self._server.server_port}/api/v1/write"

    @property
    def failures(self) -> list[Exception]:
        """What the answer functions, and the server itself, have raised."""
        return self._ledger.failures

    def close(self) -> None:
        """End all connections and threads, also the stalled ones, and stop listening."""
        self._server.close()

    @property
    def requests(self) -> list[Received]:
        """Every request so far, in order of arrival; one still under way is there too."""
        return self._ledger.requests()

    @property
    def violations(self) -> list[str]:
        """Every broken rule so far, each with the number of its request."""
        return [
            f"request {received.number}: {words}"
            for received in self.requests
            for words in received.violations
        ]

    def accepted_samples(self) -> dict[Labels, list[tuple[int, float]]]:
        """Give the samples of the requests answered with success.

        Returns:
            Labels of a series, in the order of the wire, to its samples in order of arrival:
            timestamp in milliseconds, value. A sample that came twice is there twice.
        """
        return accepted_samples(self.requests)


def accepted_samples(requests: list[Received]) -> dict[Labels, list[tuple[int, float]]]:
    """Give the samples of those requests that were answered with success.

    Args:
        requests: In order of arrival.

    Returns:
        As `Receiver.accepted_samples`.
    """
    samples: dict[Labels, list[tuple[int, float]]] = {}
    for received in requests:
        if received.accepted:
            for labels, timestamp, value in received.samples():
                samples.setdefault(labels, []).append((timestamp, value))
    return samples
