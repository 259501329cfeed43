"""What the receiver knows: every request, the rules it broke, how it is answered.

Nothing here knows of sockets; the threads of `local.connection` call it at once.
"""

import dataclasses
import threading
import time
from collections.abc import Mapping

from testing import rules
from testing.exchange import Answer, AnswerFunction, EarlyAnswerFunction, Received

_WORDS_IN_AN_ANSWER = 10


class Ledger:
    """The requests of one receiver, and the decisions about them.

    Args:
        answer: Decides about each request that keeps the rules.
        at_headers: Decides before the body is read; None: always read it.
        max_bytes: Largest request in bytes before compression; None: any.

    Attributes:
        failures: What the answer functions, and the server itself, have raised.
    """

    def __init__(
        self,
        answer: AnswerFunction,
        at_headers: EarlyAnswerFunction | None,
        max_bytes: int | None,
    ) -> None:
        self.failures: list[Exception] = []
        self._answer = answer
        self._at_headers = at_headers
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._received: list[Received] = []

    def requests(self) -> list[Received]:
        """Give every request so far, in order of arrival."""
        with self._lock:
            return list(self._received)

    def begin(self, method: str, path: str, headers: Mapping[str, str]) -> Received:
        """Keep a request whose headers are in.

        Args:
            method: HTTP method.
            path: Path and query.
            headers: Header names in lower case to values.

        Returns:
            The request with its number.
        """
        with self._lock:
            number = len(self._received) + 1
            received = Received(number, method, path, headers, begun=time.monotonic())
            self._received.append(received)
        return received

    def decide_early(self, received: Received) -> Answer | None:
        """Give the answer for which the body is not needed, if there is one."""
        if self._at_headers is None:
            return None
        try:
            return self._at_headers(received)
        except Exception as error:  # noqa: BLE001 a test's own function: it must learn of any
            return self._failed(error)

    def read(self, received: Received, body: bytes) -> Received:
        """Decode and check a body.

        Args:
            received: The request whose body it is.
            body: The body as it was sent.

        Returns:
            The request with all that was found.
        """
        broken = rules.broken_by_headers(received.method, received.headers)
        request = received.request
        try:
            request = rules.decode(body)
            broken += rules.broken_by_request(request, self._max_bytes)
        except rules.UnreadableBodyError as error:
            broken.append(str(error))
        return self._keep(
            dataclasses.replace(received, body=body, request=request, violations=tuple(broken))
        )

    def decide(self, received: Received) -> Answer:
        """Give the answer to a whole request: the rules it breaks, or what was asked for."""
        if received.violations:
            words = "; ".join(received.violations[:_WORDS_IN_AN_ANSWER])
            return Answer(status=400, body=words.encode())
        try:
            return self._answer(received)
        except Exception as error:  # noqa: BLE001 a test's own function: it must learn of any
            return self._failed(error)

    def end(self, received: Received, status: int = 0) -> None:
        """Keep how a request ended.

        Args:
            received: The request.
            status: The status it is answered; 0: it gets no answer.
        """
        self._keep(dataclasses.replace(received, status=status, ended=time.monotonic()))

    def _keep(self, received: Received) -> Received:
        """Put what is now known of a request in the place of what was."""
        with self._lock:
            self._received[received.number - 1] = received
        return received

    def _failed(self, error: Exception) -> Answer:
        """Keep what an answer function raised, and answer something all the same."""
        self.failures.append(error)
        return Answer(status=500, body=f"the answer function failed: {error!r}".encode())
