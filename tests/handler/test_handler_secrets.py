"""No token, no key and no part of one is ever logged or answered.

The property in tests/security/test_security_canaries.py plants secrets in every other place.
"""

import base64
import json
import logging
from collections.abc import Callable

import pytest

from handler.redaction import CUT_OFF, Redactor
from testing.http_server import Reply
from testing.misbehaving import nobody
from testing.receiver import Received
from testing.replies import always
from tests.support.clocks import WaitedTime
from tests.support.invoking import (
    deliver,
    delivery_of,
    function_at,
    invoke,
    points,
)

TOKEN = "KWQZ7f3b9e51c8d24a60"
KEY = "XJV5d2c7e90b1f648a3"
TENANT = "MPL81f4c"
SECRETS = {
    "LOGZIO_METRICS_TOKEN": TOKEN,
    "FIREHOSE_ACCESS_KEY": KEY,
    "REMOTE_WRITE_HEADERS": json.dumps({"X-Api-Key": TENANT}),
}
PART = 6
DELIVERY = delivery_of(points(1), access_key=KEY)


def assert_no_part(text: str, *secrets: str) -> None:
    """Search a text for any six characters in a row of a secret."""
    for secret in secrets:
        for start in range(len(secret) - PART + 1):
            assert secret[start : start + PART] not in text


def echo(received: Received) -> str:
    """Return the headers of a request as a text."""
    return " ".join(f"{name}={value}" for name, value in received.headers.items())


@pytest.fixture
def everything(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> Callable[[], str]:
    """Give what returns all that was written, by any logger too."""
    caplog.set_level(logging.DEBUG)

    def read() -> str:
        captured = capfd.readouterr()
        return captured.out + captured.err + caplog.text

    return read


@pytest.mark.parametrize("status", [400, 401, 403, 404, 302, 500, 503, 413])
def test_listener_repeats_the_token(status: int, everything: Callable[[], str]) -> None:
    """A listener that repeats its request's headers brings no secret into log or answer."""

    def reply(received: Received) -> Reply:
        return Reply(status, {"Retry-After": "600"}, f"said: {echo(received)} {KEY}".encode())

    text = deliver(reply, DELIVERY, SECRETS)[0].error + everything()
    assert "[redacted]" in text
    assert_no_part(text, TOKEN, KEY, TENANT)


@pytest.mark.parametrize("before", range(2048 - len(TOKEN), 2049, 3))
def test_words_cut_within_the_token(before: int, everything: Callable[[], str]) -> None:
    """If the listener's text is cut off within the token, its beginning is not logged."""
    words = (b"word " * 500)[:before] + TOKEN.encode() + b" and more" * 100
    error = deliver(always(Reply(401, body=words)), DELIVERY, SECRETS)[0].error
    assert "word word" in error
    assert_no_part(everything() + error, TOKEN)
    assert not any(error.endswith(TOKEN[:length] + CUT_OFF) for length in range(1, len(TOKEN)))


@pytest.mark.parametrize("status", [400, 401])
def test_listener_repeats_user_and_password(status: int, everything: Callable[[], str]) -> None:
    """With basic neither the token, its base64 form nor the password alone is logged."""
    token = "operator:GHT58d3e1c"
    encoded = base64.b64encode(token.encode()).decode()

    def reply(received: Received) -> Reply:
        said = f"{echo(received)} decoded {token} password {token.partition(':')[2]}"
        return Reply(status, body=said.encode())

    basic = {"REMOTE_WRITE_AUTH": "basic", "LOGZIO_METRICS_TOKEN": token}
    error = deliver(reply, DELIVERY, SECRETS | basic)[0].error
    assert_no_part(everything() + error, encoded, "GHT58d3e1c")


def test_connection_errors_do_not_repeat_the_url(everything: Callable[[], str]) -> None:
    """A listener's URL may hold a secret in its query: errors do not repeat it."""
    time = WaitedTime(jitter=lambda _ceiling: 20.0)
    with nobody() as url:
        function = function_at(time.clock, f"{url}?apikey={TENANT}")
        answer = invoke(function, delivery_of(points(1)))
    assert answer.status == 503
    assert "the listener is not available" in answer.error
    assert_no_part(everything() + answer.error, TENANT)


ODD = ["abc&def<ghi>12345"]


@pytest.mark.parametrize(
    ("secrets", "text", "expected"),
    [
        (["abc"], "x abc y abc", "x [redacted] y [redacted]"),
        (["abc", "abcdef"], "abcdef abc", "[redacted] [redacted]"),
        ([None, ""], "text", "text"),
        (["abcdef"], "words abcd" + CUT_OFF, "words [redacted]" + CUT_OFF),
        (["abcdef"], "words a" + CUT_OFF, "words [redacted]" + CUT_OFF),
        (["abcdef"], "words abcd", "words abcd"),
        (["abab", "bax"], "x aba" + CUT_OFF, "x [redacted]" + CUT_OFF),
        # The spellings that listeners use, and a long part of a secret.
        (ODD, "token abc&def<ghi>12345 no", "token [redacted] no"),
        (ODD, "token abc&amp;def&lt;ghi&gt;12345 no", "token [redacted] no"),
        (ODD, r"token abc\u0026def\u003cghi\u003e12345 no", "token [redacted] no"),
        (ODD, "token abc%26def%3Cghi%3E12345 no", "token [redacted] no"),
        (ODD, "token ABC&DEF<GHI>12345 no", "token [redacted] no"),
        (ODD, "token abc&def<g**** no", "token [redacted]**** no"),
    ],
)
def test_redactor(secrets: list[str | None], text: str, expected: str) -> None:
    """Secrets are replaced, the longest first, and the beginning of one before a cut too."""
    assert Redactor(secrets)(text) == expected


def test_redactor_gives_what_can_be_written() -> None:
    """Half of a surrogate pair, which no output can take, is written as its number."""
    assert ascii(Redactor()("half \ud83d")) == ascii("half \\ud83d")
