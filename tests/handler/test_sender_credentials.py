"""A credential that the listener refuses: looked for again once, and by all threads together."""

import itertools
import threading
from collections.abc import Mapping

import pytest

from handler.auth import Auth, AuthRequest, BearerAuth
from handler.secrets import Secret
from tests.support.clocks import SOON
from tests.support.sending import (
    lanes_of,
    send,
)
from tests.support.stand_in_client import URL, Posted, StandInClient


class Signing(Auth):
    """Signs each request anew, as a signature with a time does.

    Args:
        renewals: What it says to each refusal.
    """

    def __init__(self, *renewals: bool) -> None:
        super().__init__(None)
        self._renewals = list(renewals)
        self._numbers = itertools.count()
        self.requests: list[AuthRequest] = []
        self.refusals = 0
        self.fresh = False

    def headers(self, request: AuthRequest) -> Mapping[str, str]:
        """Return a header that no other request has."""
        self.requests.append(request)
        return {"Authorization": f"{'fresh' if self.fresh else 'old'} {next(self._numbers)}"}

    def refused(self) -> bool:
        """Return what is prepared."""
        self.refusals += 1
        self.fresh = self._renewals.pop(0)
        return self.fresh


def test_auth_sees_the_request() -> None:
    """A scheme sees method, URL, headers and body of each attempt."""
    auth = Signing()
    send(
        StandInClient(lambda _request, number: (204, "") if number else None),
        lanes_of(1),
        auth=auth,
    )
    assert auth.requests == [("POST", URL, {"X-Tenant": "t"}, b"\0")] * 2


@pytest.mark.parametrize("renewed", [True, False])
@pytest.mark.parametrize("lanes", [1, 4])
@pytest.mark.parametrize("status", [401, 403])
def test_refused_credential(renewed: bool, lanes: int, status: int) -> None:
    """A refusal that does not end costs one renewal, and at most one repetition of each body."""
    together = threading.Barrier(lanes)

    def answer(_request: Posted, number: int) -> tuple[int, str]:
        if number < lanes:
            together.wait(SOON)
        return status, "no"

    client, auth = StandInClient(answer), Signing(renewed)
    sent = send(client, lanes_of(lanes), auth=auth)
    assert auth.refusals == 1
    assert len(client.posted) <= lanes * (2 if renewed else 1)
    assert sent.undelivered == lanes
    assert {status for status, _ in sent.failures} == {401}


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ('"Missing Authentication Token"', " (it wants REMOTE_WRITE_AUTH=sigv4)"),
        ("wrong token", ""),
    ],
)
def test_listener_that_wants_a_signature(words: str, hint: str) -> None:
    """Where Amazon Managed Prometheus asks for a signature, the answer says so."""
    sent = send(StandInClient(lambda _request, _number: (403, words)), lanes_of(1))
    reason = f"the listener does not accept the token{hint}: 403 {words}"
    assert sent.failures == ((401, reason),)


def test_threads_share_a_renewal() -> None:
    """Bodies that were refused with the old credential are all repeated with the fresh one."""
    together = threading.Barrier(4)

    def answer(request: Posted, _number: int) -> tuple[int, str]:
        if request.headers["Authorization"].startswith("fresh"):
            return 204, ""
        together.wait(SOON)
        return 401, "no"

    auth = Signing(True)
    sent = send(StandInClient(answer), lanes_of(4), auth=auth)
    assert (sent.accepted, sent.requests, sent.retries, auth.refusals) == (4, 8, 4, 1)


class Changing(Secret):
    """A secret that another delivery renews before this delivery looks for a newer version."""

    def __init__(self, *versions: str) -> None:
        super().__init__(versions[0])
        self._later = list(versions)

    def versions(self) -> tuple[str, ...]:
        """Return the next version, and at the end the last one."""
        return (self._later.pop(0) if len(self._later) > 1 else self._later[0],)


@pytest.mark.parametrize(("versions", "requests"), [(("old", "new"), 2), (("old",), 1)])
def test_credential_that_was_renewed_meanwhile(versions: tuple[str, ...], requests: int) -> None:
    """A refused token is compared with the one that was sent, not with the latest one."""
    client = StandInClient(
        lambda request, _number: (
            204 if request.headers["Authorization"] == "Bearer new" else 401,
            "",
        )
    )
    sent = send(client, lanes_of(1), auth=BearerAuth(Changing(*versions)))
    assert (sent.requests, sent.accepted) == (requests, requests - 1)
