"""Who may deliver, and which token the listener gets."""

import base64

import pytest

from testing.events import ingresses
from testing.receiver import Receiver
from tests.support.invoking import (
    ACCESS_KEY,
    body_of,
    delivery_of,
    function_for,
    invoke,
    points,
    record_of,
)

EXPECTED = {"FIREHOSE_ACCESS_KEY": ACCESS_KEY}


def authorization_of(key: str | None = ACCESS_KEY, **changed: str) -> tuple[int, str | None]:
    """Deliver with a key; return the status and the header Authorization at the listener."""
    with Receiver() as receiver:
        function = function_for(receiver.url, **changed)
        status = invoke(function, delivery_of(points(1), access_key=key)).status
        if not receiver.requests:
            return status, "nothing was sent"
        return status, receiver.requests[0].headers.get("authorization")


def test_key_is_the_token() -> None:
    """Without a token of the operator the request's access key is the token."""
    assert authorization_of() == (200, f"Bearer {ACCESS_KEY}")
    assert authorization_of(**EXPECTED) == (200, f"Bearer {ACCESS_KEY}")


def test_own_token_takes_precedence() -> None:
    """With a token of the operator the access key is checked and never sent on."""
    assert authorization_of(LOGZIO_METRICS_TOKEN="own", **EXPECTED) == (200, "Bearer own")


def test_token_is_basic() -> None:
    """REMOTE_WRITE_AUTH=basic sends user:password as RFC 7617 says."""
    encoded = base64.b64encode(b"user:pass:word").decode()
    basic = {"REMOTE_WRITE_AUTH": "basic"}
    token = {"LOGZIO_METRICS_TOKEN": "user:pass:word"}
    assert authorization_of(**basic, **token, **EXPECTED) == (200, f"Basic {encoded}")
    assert authorization_of("user:pass:word", **basic) == (200, f"Basic {encoded}")


def test_no_authorization() -> None:
    """REMOTE_WRITE_AUTH=none sends no token, and needs no key unless one is expected."""
    none = {"REMOTE_WRITE_AUTH": "none"}
    assert authorization_of(**none) == (200, None)
    assert authorization_of(None, **none) == (200, None)
    assert authorization_of(None, **none, **EXPECTED) == (400, "nothing was sent")
    assert authorization_of("wrong", **none, **EXPECTED) == (401, "nothing was sent")


@pytest.mark.parametrize("key", [None, ""])
@pytest.mark.parametrize("changed", [{}, EXPECTED, EXPECTED | {"LOGZIO_METRICS_TOKEN": "own"}])
def test_missing_key(key: str | None, changed: dict[str, str]) -> None:
    """A request without a key, or with an empty one, is refused and never passes as any."""
    assert authorization_of(key, **changed) == (400, "nothing was sent")


@pytest.mark.parametrize(
    "key",
    [
        "x",
        ACCESS_KEY[:-1],
        ACCESS_KEY + "x",
        ACCESS_KEY.upper(),
        f" {ACCESS_KEY}",
        f"{ACCESS_KEY},{ACCESS_KEY}",
        "\u00e9",
        "\ud800",
        "\0",
    ],
    ids=ascii,
)
def test_wrong_key(key: str) -> None:
    """Any other key than the expected one is refused, whatever characters it has."""
    assert authorization_of(key, **EXPECTED) == (401, "nothing was sent")


def test_key_of_other_characters_than_ascii() -> None:
    """A key with letters of Latin-1 is compared too."""
    assert authorization_of("schl\u00fcssel", FIREHOSE_ACCESS_KEY="schl\u00fcssel")[0] == 200


@pytest.mark.parametrize("key", ["a\r\nX-Other: b", "a\nb", "\u20ac", "a\0"], ids=ascii)
def test_key_that_no_header_can_carry(key: str) -> None:
    """A key that could smuggle a header into the request is no token."""
    assert authorization_of(key) == (401, "nothing was sent")


def test_token_without_expected_key() -> None:
    """A token without an expected key would let anybody send: a settings error for HTTP."""
    with Receiver() as receiver:
        function = function_for(receiver.url, LOGZIO_METRICS_TOKEN="own")
        answer = invoke(function, delivery_of(points(1)))
        assert (answer.status, receiver.requests) == (500, [])
    assert "FIREHOSE_ACCESS_KEY" in answer.error


def test_key_in_multi_value_headers_is_checked() -> None:
    """The key counts where it is, also only in multiValueHeaders."""
    headers = {"X-Amz-Firehose-Access-Key": "wrong"}
    event = ingresses.alb(headers, body_of([record_of(points(1))]), multi_value=True)
    with Receiver() as receiver:
        assert invoke(function_for(receiver.url, **EXPECTED), event).status == 401
