"""Sending one body: with retries, a fresh credential, and within the time that is left."""

import threading
from dataclasses import dataclass, field
from typing import Protocol

from converters.bodies import Body
from handler.account import SampleAccount
from handler.auth import AuthRequest
from handler.client import Client, ListenerResponse, NoResponseError
from handler.clock import Clock
from handler.endpoint import Endpoint
from handler.messages import Messages
from handler.verdict import Verdict, retry_after_seconds

# Full jitter: each delay is drawn from zero up to a ceiling that doubles.
_FIRST_CEILING_SECONDS = 0.2
_LAST_CEILING_SECONDS = 5.0

# With less time left, another attempt would only end as a timeout; a first one may still succeed.
_LEAST_SECONDS = 1.0
_LEAST_FIRST_SECONDS = 0.1


class BodyHook(Protocol):
    """Follows the bodies of a delivery, and the parts that refused ones are cut into.

    Its methods are called from the threads that send, several at once. What they raise ends the
    lane of the body, and is found in `Sent.errors`.
    """

    def before(self, body: Body) -> bool:
        """Return whether to send a body; called before each attempt, and may wait.

        False: the listener has accepted the body before. It counts as accepted, without a request.
        """

    def after(self, body: Body, verdict: Verdict) -> None:
        """Note the verdict on the response to an attempt; not called where there was none."""


@dataclass
class Attempts:
    """The requests of one delivery; `send` is called from several threads.

    Attributes:
        client: Makes single requests.
        clock: Time and chance.
        endpoint: Where to.
        account: Where requests, and failures that concern every body, are counted.
        messages: Writes bodies as the listener wants them.
        deadline: When to stop, by the clock's monotonic time.
        timeout_seconds: The time for one attempt.
        hook: Follows each body; None: nothing does.
        stopped: Set once no body may be sent any more.
    """

    client: Client
    clock: Clock
    endpoint: Endpoint
    account: SampleAccount
    messages: Messages
    deadline: float
    timeout_seconds: float
    hook: BodyHook | None
    stopped: threading.Event = field(default_factory=threading.Event)
    _renewing: threading.Lock = field(default_factory=threading.Lock)
    # Whether there is a fresh credential; None until one was refused.
    _renewed: bool | None = None
    _resume_at: float = 0.0

    def send(self, body: Body, *, is_part: bool) -> tuple[Verdict, ListenerResponse | None]:
        """Send one body until a response settles it, or no time is left for another attempt.

        Args:
            body: The body.
            is_part: Whether it is a part of a refused body. If the listener is not available for
                one of the many parts, all requests wait.

        Returns:
            The verdict, and the listener's response; None where there was none, or no request.
        """
        retries = 0
        while self._may_begin(first=not (retries or is_part)):
            if self.hook is not None and not self.hook.before(body):
                return Verdict.ACCEPTED, None
            if self._left() < _LEAST_FIRST_SECONDS:
                break
            self.account.request(again=retries > 0)
            renewed = self._renewed
            verdict, response, words = self._attempt(body)
            if verdict is Verdict.UNAVAILABLE:
                if not self._wait_to_retry(retries, response, words, everything=is_part):
                    return verdict, response
            elif verdict is Verdict.FAILED:
                self.account.fail(500, f"the listener failed, and must not be asked again: {words}")
                return verdict, response
            elif verdict is Verdict.MISDIRECTED:
                return self._stop(500, f"the listener's URL is wrong, check the setting: {words}")
            elif verdict not in (Verdict.UNAUTHORISED, Verdict.UNKNOWN_MESSAGE):
                return verdict, response
            elif verdict is Verdict.UNAUTHORISED and not self._renew(renewed):
                return self._stop(401, self._unauthorised(words))
            retries += 1
        return Verdict.UNAVAILABLE, None

    def _unauthorised(self, words: str) -> str:
        auth = self.endpoint.auth
        hint = auth.hint(words)
        # Before the listener's words, which may be long.
        return f"the listener does not accept the {auth.sends}{hint and f' ({hint})'}: {words}"

    def _left(self) -> float:
        """Return how many seconds are left; 0 or less where nothing may be sent."""
        return 0.0 if self.stopped.is_set() else self.deadline - self.clock.monotonic()

    def _may_begin(self, *, first: bool) -> bool:
        """Wait while all requests have to; return whether there is time for an attempt.

        Args:
            first: Whether the body has never been sent, which is worth an attempt at any time.
        """
        least = _LEAST_FIRST_SECONDS if first else _LEAST_SECONDS
        pause = self._resume_at - self.clock.monotonic()
        if 0 < pause <= self._left() - least:
            self.clock.wait(self.stopped, pause)
        elif pause > 0:
            return False
        return self._left() >= least

    def _attempt(self, body: Body) -> tuple[Verdict, ListenerResponse | None, str]:
        """Make one request; return the verdict on it, the response, and words for the log."""
        encoded = self.messages.encode(body)
        url, headers = self.endpoint.url, {**self.endpoint.headers, **encoded.headers}
        added = self.endpoint.auth.headers(AuthRequest("POST", url, headers, encoded.content))
        timeout = min(self._left(), self.timeout_seconds)
        try:
            response = self.client.post(url, encoded.content, {**headers, **added}, timeout)
        except NoResponseError as error:
            self.account.note_problem(str(error))
            return Verdict.UNAVAILABLE, None, str(error)
        response = self.endpoint.protocol.read(response)
        verdict = encoded.verdict_on(response, body.samples, self.endpoint.protocol)
        self.messages.note(verdict)
        if verdict is Verdict.ACCEPTED:
            self.account.note_bytes(len(encoded.content))
        else:
            self.account.note_words(response.summary)
        if response.warning:
            self.account.note_warning(response.warning)
        if not encoded.is_2_0:
            # "Senders MUST NOT assume the same when using the deprecated" message - 2.0.
            response = response._replace(written=None)
        if self.hook is not None:
            self.hook.after(body, verdict)
        return verdict, response, response.summary

    def _renew(self, renewed: bool | None) -> bool:
        """Return whether to repeat a refused body with a fresh credential.

        Args:
            renewed: What `self._renewed` was when the request was made. A fresh credential that
                is refused is not renewed again: one renewal serves all threads of a delivery.
        """
        with self._renewing:
            if self._renewed is None:
                self._renewed = self.endpoint.auth.refused()
            return self._renewed and renewed is None

    def _wait_to_retry(
        self, retries: int, response: ListenerResponse | None, words: str, *, everything: bool
    ) -> bool:
        """Wait before the next attempt; return False at once where no time is left for one."""
        ceiling = min(_LAST_CEILING_SECONDS, _FIRST_CEILING_SECONDS * 2 ** min(retries, 8))
        asked = retry_after_seconds(response.retry_after, self.clock.wall()) if response else 0.0
        delay = asked + self.clock.jitter(ceiling)
        if delay + _LEAST_SECONDS > self._left():
            self.account.fail_unavailable(words)
            return False
        if everything:
            self._resume_at = max(self._resume_at, self.clock.monotonic() + delay)
        self.clock.wait(self.stopped, delay)
        return True

    def _stop(self, status: int, reason: str) -> tuple[Verdict, None]:
        """End the sending of all bodies: the listener would answer no other one differently."""
        self.account.fail(status, reason)
        self.stopped.set()
        return Verdict.UNAVAILABLE, None
