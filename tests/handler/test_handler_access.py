"""Who may deliver, and which token the listener is shown."""

import base64
import hmac
import inspect

import pytest

from handler import access
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


def shown(key: str | None = ACCESS_KEY, **changed: str) -> tuple[int, str | None]:
    """Deliver with a key; return the status and the header Authorization at the listener."""
    with Receiver() as receiver:
        function = function_for(receiver.url, **changed)
        status = invoke(function, delivery_of(points(1), access_key=key)).status
        if not receiver.requests:
            return status, "nothing was sent"
        return status, receiver.requests[0].headers.get("authorization")


def test_key_is_the_token() -> None:
    """Without a token of the operator the request's access key is the token."""
    assert shown() == (200, f"Bearer {ACCESS_KEY}")
    assert shown(**EXPECTED) == (200, f"Bearer {ACCESS_KEY}")


def test_own_token_goes_before_the_key() -> None:
    """With a token of the operator the access key is checked and never sent on."""
    assert shown(LOGZIO_METRICS_TOKEN="own", **EXPECTED) == (200, "Bearer own")


def test_token_is_basic() -> None:
    """REMOTE_WRITE_AUTH=basic sends user:password as RFC 7617 says."""
    encoded = base64.b64encode(b"user:pass:word").decode()
    basic = {"REMOTE_WRITE_AUTH": "basic"}
    token = {"LOGZIO_METRICS_TOKEN": "user:pass:word"}
    assert shown(**basic, **token, **EXPECTED) == (200, f"Basic {encoded}")
    assert shown("user:pass:word", **basic) == (200, f"Basic {encoded}")


def test_no_authorization() -> None:
    """REMOTE_WRITE_AUTH=none sends no token, and needs no key unless one is expected."""
    none = {"REMOTE_WRITE_AUTH": "none"}
    assert shown(**none) == (200, None)
    assert shown(None, **none) == (200, None)
    assert shown(None, **none, **EXPECTED) == (400, "nothing was sent")
    assert shown("wrong", **none, **EXPECTED) == (401, "nothing was sent")


@pytest.mark.parametrize("key", [None, ""])
@pytest.mark.parametrize("changed", [{}, EXPECTED, EXPECTED | {"LOGZIO_METRICS_TOKEN": "own"}])
def test_missing_key(key: str | None, changed: dict[str, str]) -> None:
    """A request without a key, or with an empty one, is refused and never passes as any."""
    assert shown(key, **changed) == (400, "nothing was sent")


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
    assert shown(key, **EXPECTED) == (401, "nothing was sent")


def test_key_of_other_characters_than_ascii() -> None:
    """A key with letters of Latin-1 is compared too."""
    assert shown("schl\u00fcssel", FIREHOSE_ACCESS_KEY="schl\u00fcssel")[0] == 200


@pytest.mark.parametrize("key", ["a\r\nX-Other: b", "a\nb", "\u20ac", "a\0"], ids=ascii)
def test_key_that_no_header_can_carry(key: str) -> None:
    """A key that could smuggle a header into the request is no token."""
    assert shown(key) == (401, "nothing was sent")


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


def test_comparison_takes_constant_time() -> None:
    """Keys are compared by compare_digest alone, whose time tells nothing of the expected one."""
    source = inspect.getsource(access)
    assert f"hmac.{hmac.compare_digest.__name__}(" in source
    assert "access_key ==" not in source
    assert "access_key !=" not in source
