"""No token, no key and no part of one is ever logged or answered."""

import base64
import json
import logging
import socket
from collections.abc import Callable, Mapping

import pytest

from handler.app import Function
from handler.client import Client, ListenerResponse
from handler.redaction import CUT_OFF, Redactor
from testing.events import ingresses
from testing.events.ingresses import Event
from testing.http_server import Reply
from testing.misbehaving import nobody, raw_listener
from testing.receiver import Received, Receiver
from testing.replies import always
from tests.support.clocks import WaitedTime
from tests.support.invoking import (
    REAL_TIME,
    delivery,
    delivery_of,
    function_at,
    function_for,
    invoke,
    points,
    record_of,
    settings_for,
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


class Echoing(Client):
    """Raises an unforeseen error that repeats all it was given."""

    def __init__(self) -> None:
        super().__init__(1)

    def post(
        self, url: str, content: bytes, headers: Mapping[str, str], timeout: float
    ) -> ListenerResponse:
        """Raise."""
        raise RuntimeError(f"{url} {len(content)} {dict(headers)} {timeout}")


def assert_no_part(text: str, *secrets: str) -> None:
    """Search a text for any six characters in a row of a secret."""
    for secret in secrets:
        for start in range(len(secret) - PART + 1):
            assert secret[start : start + PART] not in text


def echo(received: Received) -> str:
    """Repeat the headers of a request in words."""
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

    def answer(received: Received) -> Reply:
        return Reply(status, {"Retry-After": "600"}, f"said: {echo(received)} {KEY}".encode())

    with Receiver(answer) as receiver:
        function = function_for(receiver.url, **SECRETS)
        error = invoke(function, delivery_of(points(1), access_key=KEY)).error
    text = everything() + error
    assert "[redacted]" in text
    assert_no_part(text, TOKEN, KEY, TENANT)


@pytest.mark.parametrize("before", range(2048 - len(TOKEN), 2049, 3))
def test_words_cut_within_the_token(before: int, everything: Callable[[], str]) -> None:
    """Where the listener's words are cut off within the token, its beginning is not logged."""
    words = (b"word " * 500)[:before] + TOKEN.encode() + b" and more" * 100
    with Receiver(always(Reply(401, body=words))) as receiver:
        function = function_for(receiver.url, **SECRETS)
        error = invoke(function, delivery_of(points(1), access_key=KEY)).error
    assert "word word" in error
    assert_no_part(everything() + error, TOKEN)
    assert not any(error.endswith(TOKEN[:length] + CUT_OFF) for length in range(1, len(TOKEN)))


@pytest.mark.parametrize("status", [400, 401])
def test_listener_repeats_user_and_password(status: int, everything: Callable[[], str]) -> None:
    """With basic neither the token, its base64 form nor the password alone is logged."""
    token = "operator:GHT58d3e1c"
    encoded = base64.b64encode(token.encode()).decode()

    def answer(received: Received) -> Reply:
        said = f"{echo(received)} decoded {token} password {token.partition(':')[2]}"
        return Reply(status, body=said.encode())

    basic = {"REMOTE_WRITE_AUTH": "basic", "LOGZIO_METRICS_TOKEN": token}
    with Receiver(answer) as receiver:
        function = function_for(receiver.url, **SECRETS | basic)
        error = invoke(function, delivery_of(points(1), access_key=KEY)).error
    assert_no_part(everything() + error, encoded, "GHT58d3e1c")


@pytest.mark.parametrize("token", [TOKEN, 'quo"te\\ABCDEF', "it's-ABCDEF"])
def test_unforeseen_error_repeats_everything(token: str, everything: Callable[[], str]) -> None:
    """An unforeseen error whose text holds the token is logged without it, and answered 500."""
    changed = SECRETS | {"LOGZIO_METRICS_TOKEN": token}
    environ = settings_for("https://listener.example.com", **changed)
    function = Function(environ, REAL_TIME, Echoing())
    answer = invoke(function, delivery_of(points(1), access_key=KEY))
    written = everything()
    assert (answer.status, "RuntimeError" in answer.error) == (500, True)
    assert "RuntimeError" in written
    assert_no_part(written + answer.error, token, KEY, TENANT)


@pytest.mark.parametrize(
    "changed",
    [
        lambda event: event | {"body": KEY},
        lambda event: event | {"body": None},
        lambda event: event | {"isBase64Encoded": True},
        lambda event: event | {"headers": event["headers"] | {"x-amz-firehose-access-key": "x"}},
        lambda event: (
            event | {"headers": event["headers"] | {"x-amz-firehose-source-arn": f"arn:{KEY}:::"}}
        ),
        lambda event: (
            event | {"headers": event["headers"] | {"x-amz-firehose-common-attributes": KEY}}
        ),
    ],
    ids=["body", "no body", "base64", "wrong key", "arn", "attributes"],
)
def test_refused_deliveries(
    changed: Callable[[Event], Event], everything: Callable[[], str]
) -> None:
    """No refusal of a delivery repeats a secret, wherever the delivery holds one."""
    with Receiver() as receiver:
        function = function_for(receiver.url, **SECRETS)
        answer = invoke(function, changed(delivery_of(points(1), access_key=KEY)))
    assert_no_part(everything() + answer.error, TOKEN, KEY, TENANT)


def test_bad_settings(everything: Callable[[], str]) -> None:
    """Neither a bad setting nor a good one beside it is logged with its secret."""
    bad = {name: value + "\x01" for name, value in SECRETS.items()}
    listener = f"https://{TOKEN}@listener.example.com"
    function = function_for(listener, **bad)
    answer = invoke(function, delivery_of(points(1), access_key=KEY))
    assert answer.status == 500
    assert_no_part(everything() + answer.error, TOKEN, KEY, TENANT)


def test_wrong_key_is_not_logged(everything: Callable[[], str]) -> None:
    """A wrong key may be another stream's right one: it is not logged either."""
    wrong = "ZZQ19c4b7"
    function = function_for("https://listener.example.com", **SECRETS)
    answer = invoke(function, delivery_of(points(1), access_key=wrong))
    assert answer.status == 401
    assert_no_part(everything() + answer.error, wrong, KEY, TOKEN)


def test_malformed_answer_head(everything: Callable[[], str]) -> None:
    """An answer whose head cannot be read, and repeats the token, is not logged by anybody."""

    def odd(connection: socket.socket, _request: bytes) -> None:
        said = f"HTTP/1.1 200 OK\r\n{TOKEN}\r\n X {TOKEN}\r\n: {KEY}\r\n\r\n"
        connection.sendall(said.encode())

    with raw_listener(odd) as url:
        function = function_for(f"{url}?key={KEY}", **SECRETS)
        answer = invoke(function, delivery_of(points(1), access_key=KEY))
    assert_no_part(everything() + answer.error, TOKEN, KEY)


def test_connection_errors_do_not_repeat_the_url(everything: Callable[[], str]) -> None:
    """A listener's URL may hold a secret in its query: errors do not repeat it."""
    time = WaitedTime(jitter=lambda _ceiling: 20.0)
    with nobody() as url:
        function = function_at(time.clock, f"{url}?apikey={TENANT}")
        answer = invoke(function, delivery_of(points(1)))
    assert answer.status == 503
    assert "the listener is not available" in answer.error
    assert_no_part(everything() + answer.error, TENANT)


def test_transformation(everything: Callable[[], str]) -> None:
    """A transformation's answer and log hold no secret either."""

    def answer(received: Received) -> Reply:
        return Reply(401, body=echo(received).encode())

    with Receiver(answer) as receiver:
        function = function_for(receiver.url, **SECRETS)
        response = function(ingresses.transformation([record_of(points(1))]), None)
    assert_no_part(everything() + json.dumps(response), TOKEN, KEY, TENANT)


def test_debug_level_logs_no_secret(everything: Callable[[], str]) -> None:
    """With POWERTOOLS_LOG_LEVEL=DEBUG nothing secret is written either."""
    with Receiver() as receiver:
        function = function_for(receiver.url, POWERTOOLS_LOG_LEVEL="DEBUG", **SECRETS)
        assert invoke(function, delivery_of(points(1), access_key=KEY)).status == 200
        invoke(function, delivery(b"\xff", access_key=KEY))
    assert_no_part(everything(), TOKEN, KEY, TENANT)


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
    ],
)
def test_redactor(secrets: list[str | None], text: str, expected: str) -> None:
    """Secrets are replaced, the longest first, and the beginning of one before a cut too."""
    assert Redactor(secrets)(text) == expected


def test_redactor_gives_what_can_be_written() -> None:
    """Half of a surrogate pair, which no output can take, is written as its number."""
    assert ascii(Redactor()("half \ud83d")) == ascii("half \\ud83d")
