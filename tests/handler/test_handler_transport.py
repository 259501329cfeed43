"""One request: odd answers, connections, and what the environment would like to add."""

import functools
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.client import Client, ListenerResponse, NoResponseError
from testing.answers import always
from testing.exchange import Answer
from testing.misbehaving import black_hole, raw_listener
from testing.receiver import Receiver
from tests.support.clocks import SOON
from tests.support.invoking import delivery_of, function_for, invoke, peak_of, points
from tests.support.properties import examples

HEADERS = {"Content-Type": "application/x-protobuf", "Authorization": "Bearer t-o-k-e-n"}
CHUNKED = b"HTTP/1.1 400 x\r\nTransfer-Encoding: chunked\r\n\r\n"
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away proxies that the machine's environment may name."""
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def answer_to(raw: bytes, timeout: float = 2 * SOON) -> ListenerResponse:
    """Post to a listener that answers these bytes and closes."""

    def answer(connection: socket.socket, _request: bytes) -> None:
        connection.sendall(raw)

    with raw_listener(answer) as url:
        return Client(1).post(url, b"body", HEADERS, timeout)


def http(status: str, body: bytes = b"", *headers: str) -> bytes:
    """Write an answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def test_status_words_and_retry_after() -> None:
    """An answer is its status, the beginning of its body, and Retry-After."""
    answer = answer_to(http("429 Slow", b"later, please", "retry-after: 7"))
    assert answer == ListenerResponse(429, "later, please", "7")


@pytest.mark.parametrize(
    ("raw", "status", "words"),
    [
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, ""),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", 200, "until the end"),
        (b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", 200, "ok"),
        (
            CHUNKED + b"3\r\nout\r\n3\r\n of\r\n0\r\n\r\n",
            400,
            "out of",
        ),
        (
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na",
            200,
            "a",
        ),
        (http("599 Odd", b"\xff\xfe"), 599, "\ufffd\ufffd"),
        (http("200 OK", zlib.compress(b"words"), "Content-Encoding: deflate"), 200, "words"),
        (http("200 OK", b"no gzip", "Content-Encoding: gzip"), 200, ""),
        (http("400 Bad", b"no gzip", "Content-Encoding: gzip"), 400, ""),
    ],
    ids=["204", "until the end", "no reason", "chunked", "100", "no text", "zip", "no zip", "bad"],
)
def test_answer_in_any_form(raw: bytes, status: int, words: str) -> None:
    """Whichever way HTTP allows to write an answer, it is understood."""
    assert answer_to(raw) == ListenerResponse(status, words, None)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\0" * 20,
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 99999 x\r\n\r\n",
        b"HTTP/1.1 abc x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"HTTP/1.1 200 " + b"a" * 100_000,
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
    ],
    ids=range(11),
)
def test_broken_answer_is_none(raw: bytes) -> None:
    """What is no whole answer is an error of the connection, which asks for a retry."""
    with pytest.raises(NoResponseError):
        answer_to(raw)


@examples(80)
@given(
    raw=st.binary(max_size=60)
    | st.lists(
        st.sampled_from(
            (
                *(b"HTTP/1.1 ", b"200 OK", b"302 x", b"\r\n", b"\n", b"Location: http://[", b": "),
                *(b"Content-Length: 5", b"Transfer-Encoding: chunked", b"Content-Encoding: gzip"),
                *(b"Set-Cookie: a=b; Domain=[", b"5", b"abcde", b"\xff", b"Connection: close"),
                *(b"Retry-After: x", b"HTTP/1.1 200 OK\r\n"),
            )
        ),
        max_size=12,
    ).map(b"".join)
)
def test_any_answer(raw: bytes) -> None:
    """Whatever bytes a listener answers, it is an answer or an error of the connection."""
    try:
        answer = answer_to(raw)
    except NoResponseError:
        return
    assert 100 <= answer.status <= 999


def test_huge_answer_is_left_alone() -> None:
    """Of an endless body only the beginning is read, whatever the status."""
    piece = b"words " * 10_000

    def endless(connection: socket.socket, _request: bytes) -> None:
        connection.sendall(b"HTTP/1.1 302 x\r\nLocation: /\r\n\r\n")
        while True:
            connection.sendall(piece)

    with raw_listener(endless) as url:
        answers: list[ListenerResponse] = []
        # Whoever read on would be cut off at the end of the time, which is no answer.
        peak = peak_of(lambda: answers.append(Client(1).post(url, b"body", HEADERS, SOON)))
        assert peak < 5_000_000
    answer = answers[0]
    assert answer.status == 302
    assert answer.text.startswith("words words ")
    assert len(answer.text) == 2048 + len("\u2026")


def test_compressed_bomb_is_left_alone() -> None:
    """Of an answer that inflates to a hundred megabytes only the beginning is inflated."""
    body = zlib.compress(bytes(100_000_000), 1)
    raw = http("400 Bad", body, "Content-Encoding: deflate")
    assert peak_of(lambda: answer_to(raw)) < 5_000_000
    assert len(answer_to(raw).text) <= 2049


def test_words_cut_within_a_character() -> None:
    """Words that are cut in the middle of a character are cut before it."""
    answer = answer_to(http("400 Bad", ("x" + "\u00fc" * 3000).encode()))
    assert answer.text == "x" + "\u00fc" * 1023 + "\u2026"


def test_no_cookies_are_kept() -> None:
    """A cookie of one answer is not in the next request."""
    with Receiver(always(Answer(headers={"Set-Cookie": "a=b; Path=/"}))) as receiver:
        function = function_for(receiver.url)
        for _ in range(2):
            invoke(function, delivery_of(points(1)))
        assert ["cookie" in r.headers for r in receiver.requests] == [False, False]


def test_no_credentials_from_a_netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials of a .netrc file are neither added nor put in the token's place."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with Receiver() as receiver:
        invoke(function_for(receiver.url, REMOTE_WRITE_AUTH="none"), delivery_of(points(1)))
        invoke(function_for(receiver.url), delivery_of(points(1)))
        first, second = receiver.requests
    assert "authorization" not in first.headers
    assert second.headers["authorization"].startswith("Bearer ")


@pytest.fixture
def over() -> Iterator[threading.Event]:
    """Give what is set when the test is over, for listeners that wait for nothing else."""
    event = threading.Event()
    yield event
    event.set()


def seconds_until_cut(post: Callable[[], ListenerResponse], words: str) -> float:
    """Return how long an exchange took that has to end without an answer, in these words."""
    begun = time.monotonic()
    with pytest.raises(NoResponseError, match=words):
        post()
    return time.monotonic() - begun


@pytest.mark.parametrize("place", ["stalls", "drips", "takes nothing"])
def test_attempt_through_a_proxy_is_bounded(
    place: str, over: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An attempt through the environment's proxy ends in its time too."""

    def misbehave(connection: socket.socket, _request: bytes) -> None:
        # Faster than a single read times out, and for minutes.
        for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n" + b"x" * 9000:
            if over.wait(0.02 if place == "drips" else None):
                return
            connection.sendall(bytes([byte]))

    with black_hole() as hole, raw_listener(misbehave) as slow:
        proxy = hole if place == "takes nothing" else slow
        for name in PROXIES[:2]:
            monkeypatch.setenv(name, proxy.removesuffix("/write"))
        # A handshake on a connection that was reset makes CPython 3.11 warn of a socket.
        schemes = ("http",) if place == "drips" else ("http", "https")
        for url in [f"{scheme}://listener.example.com/" for scheme in schemes]:
            post = functools.partial(Client(1).post, url, b"body", HEADERS, 0.3)
            assert seconds_until_cut(post, r"no answer within 0\.3 s|Proxy") < SOON
        over.set()


def test_tls_handshake_is_bounded(over: threading.Event) -> None:
    """A listener that never finishes the TLS handshake is cut off in time."""

    def silent(_connection: socket.socket, _request: bytes) -> None:
        over.wait()

    with raw_listener(silent) as url:
        secured = url.replace("http:", "https:")
        post = functools.partial(Client(1).post, secured, b"body", HEADERS, 0.3)
        seconds = seconds_until_cut(post, r"no answer within 0\.3 s")
        over.set()
    assert seconds < SOON


def test_listener_that_reads_nothing_is_cut_off() -> None:
    """A body that the listener never reads is given up in time."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/write"
        large = bytes(30_000_000)
        post = functools.partial(Client(1).post, url, large, HEADERS, 0.4)
        assert seconds_until_cut(post, "no answer within") < SOON


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 204 No Content\r\n\r\n",
        http("200 OK", b"stored"),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nout\r\n0\r\n\r\n",
    ],
    ids=["empty", "length", "chunked"],
)
def test_connection_is_used_again(raw: bytes) -> None:
    """An answer that was read to its end leaves the connection for the next request."""
    ports = set()

    def answer(connection: socket.socket, _request: bytes) -> bytes:
        ports.add(connection.getpeername())
        return raw

    with raw_listener(answer) as url:
        client = Client(1)
        for _ in range(3):
            client.post(url, b"body", HEADERS, 2 * SOON)
    assert len(ports) == 1


def test_answer_nobody_asked_for_is_not_taken_for_the_next() -> None:
    """Bytes behind an answer are never read as the answer to the next request."""

    def twice(_connection: socket.socket, request: bytes) -> bytes:
        if request.endswith(b"first"):
            return http("400 Bad", b"no") + http("200 OK", b"not for you")
        return http("500 Broken", b"the real one")

    with raw_listener(twice) as url:
        client = Client(1)
        assert client.post(url, b"first", HEADERS, 2 * SOON).status == 400
        assert client.post(url, b"second", HEADERS, 2 * SOON).text == "the real one"
