"""One request: responses of any kind, the time that it takes, and what the environment may add."""

import functools
import socket
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.client import Client, ListenerResponse, NoResponseError
from testing.http_server import Reply
from testing.misbehaving import black_hole, nobody, raw_listener
from testing.receiver import Receiver
from testing.replies import always
from tests.support.clocks import SOON
from tests.support.invoking import (
    ACCESS_KEY,
    delivery_of,
    function_for,
    invoke,
    peak_of,
    points,
)
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


@pytest.fixture
def over() -> Iterator[threading.Event]:
    """Give what is set when the test is over, for listeners that wait for nothing else."""
    event = threading.Event()
    yield event
    event.set()


def response_to(raw: bytes, timeout: float = 2 * SOON) -> ListenerResponse:
    """Post to a listener that writes these bytes and closes."""

    def answer(connection: socket.socket, _request: bytes) -> None:
        connection.sendall(raw)

    with raw_listener(answer) as url:
        return Client(1).post(url, b"body", HEADERS, timeout)


def http(status: str, body: bytes = b"", *headers: str) -> bytes:
    """Write a response."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (http("429 Slow", b"later, please", "retry-after: 7"), (429, "later, please", "7")),
        (b"HTTP/1.1 204 No Content\r\n\r\n", (204, "", None)),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", (200, "until the end", None)),
        (b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", (200, "ok", None)),
        (b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", (200, "ok", None)),
        (CHUNKED + b"3\r\nout\r\n3\r\n of\r\n0\r\n\r\n", (400, "out of", None)),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + http("200 OK", b"a"), (200, "a", None)),
        (http("599 Odd", b"\xff\xfe"), (599, "\ufffd\ufffd", None)),
        (http("200 OK", zlib.compress(b"text"), "Content-Encoding: deflate"), (200, "text", None)),
        (http("200 OK", b"no gzip", "Content-Encoding: gzip"), (200, "", None)),
        (http("400 Bad", b"no gzip", "Content-Encoding: gzip"), (400, "", None)),
        # Cut in the middle of a character, and so before it.
        (http("400 x", ("x" + "ü" * 3000).encode()), (400, "x" + "ü" * 1023 + "…", None)),
        # What a 4xx refuses stands, however much of its text has come.
        (b"HTTP/1.1 401 x\r\nContent-Length: 10\r\n\r\nabc", (401, "", None)),
        (b"HTTP/1.1 400 x\r\nContent-Length: +3\r\n\r\nabc", (400, "abc", None)),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_response(raw: bytes, expected: tuple[int, str, str | None]) -> None:
    """Whichever way HTTP allows to write a response, it is understood."""
    read = response_to(raw)
    assert (read.status, read.text, read.retry_after) == expected
    assert (read.location, read.content, read.written) == ("", b"", None)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "RemoteDisconnected"),
        (b"\0" * 20, "BadStatusLine"),
        (b"SSH-2.0-OpenSSH\r\n", "BadStatusLine"),
        (b"HTTP/1.1 99999 x\r\n\r\n", "BadStatusLine"),
        (b"HTTP/1.1 abc x\r\n\r\n", "BadStatusLine"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", "IncompleteRead"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\nabc", "Content-Length is not a number"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: +3\r\n\r\nabc", "Content-Length is not a number"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "IncompleteRead"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", "IncompleteRead"),
        (b"HTTP/1.1 200 " + b"a" * 100_000, "LineTooLong"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n", "HTTPException"),
        (b"HTTP/1.1 200 OK", "the head of the response was cut off"),
        (b"HTTP/1.1 200 OK\r\n", "the head of the response was cut off"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1", "the head of the response was cut off"),
        (b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n", "the head of the response was cut off"),
        (b"HTTP/1.1 102 Processing\r\n\r\n" + http("200 OK"), "102 is not the status"),
        (b"HTTP/1.1 103 Early Hints\r\n\r\n" + http("200 OK"), "103 is not the status"),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_no_response(raw: bytes, reason: str) -> None:
    """What is no whole response is an error, which asks for a retry."""
    with pytest.raises(NoResponseError, match=reason):
        response_to(raw)


@pytest.mark.slow
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
def test_any_bytes(raw: bytes) -> None:
    """Whatever bytes a listener writes, they are a response or a NoResponseError."""
    try:
        response = response_to(raw)
    except NoResponseError:
        return
    assert 200 <= response.status <= 999


def test_endless_body() -> None:
    """Of an endless body only the beginning is read, whatever the status."""
    piece = b"words " * 10_000

    def endless(connection: socket.socket, _request: bytes) -> None:
        connection.sendall(b"HTTP/1.1 302 x\r\nLocation: /\r\n\r\n")
        while True:
            connection.sendall(piece)

    with raw_listener(endless) as url:
        responses: list[ListenerResponse] = []
        # A client that read on would have no response at the end of the time.
        peak = peak_of(lambda: responses.append(Client(1).post(url, b"body", HEADERS, SOON)))
    assert peak < 5_000_000
    assert responses[0].status == 302
    assert responses[0].text == ("words " * 400)[:2048] + "\u2026"


def test_compressed_bomb() -> None:
    """Of a body that inflates to a hundred megabytes only the beginning is inflated."""
    raw = http("400 Bad", zlib.compress(bytes(100_000_000), 1), "Content-Encoding: deflate")
    responses: list[ListenerResponse] = []
    assert peak_of(lambda: responses.append(response_to(raw))) < 5_000_000
    assert len(responses[0].text) == 2049


def test_no_cookies_are_kept() -> None:
    """A cookie of one response is not in the next request."""
    with Receiver(always(Reply(headers={"Set-Cookie": "a=b; Path=/"}))) as receiver:
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
        keyed = {"REMOTE_WRITE_AUTH": "none", "FIREHOSE_ACCESS_KEY": ACCESS_KEY}
        invoke(function_for(receiver.url, **keyed), delivery_of(points(1)))
        invoke(function_for(receiver.url), delivery_of(points(1)))
        first, second = receiver.requests
    assert "authorization" not in first.headers
    assert second.headers["authorization"].startswith("Bearer ")


def test_url_in_any_alphabet() -> None:
    """A path that is not ASCII is sent as UTF-8, escaped; what is escaped already stays."""
    heads: list[bytes] = []

    def answer(_connection: socket.socket, request: bytes) -> bytes:
        heads.append(request.split(b"\r\n")[0])
        return http("204 No Content")

    with raw_listener(answer) as url:
        Client(1).post(f"{url}//\u00e4%2F?a=%20b&c=\u00fc", b"body", {}, SOON)
    assert heads == [b"POST /write//%C3%A4%2F?a=%20b&c=%C3%BC HTTP/1.1"]


@pytest.mark.parametrize("host", ["a..b", "x" * 64 + ".example.com", "\u00fc" * 70])
def test_unknown_host(host: str) -> None:
    """A host that no resolver knows, or can be asked for, is called so."""
    with pytest.raises(NoResponseError, match=r"^the URL's host name is not known$"):
        Client(1).post(f"https://{host}/write?secret=1", b"body", {}, SOON)


def test_refused_connection() -> None:
    """A port on which nothing listens is called so."""
    with nobody() as url, pytest.raises(NoResponseError) as raised:
        Client(1).post(url, b"body", {}, SOON)
    reason = "the connection is refused: nothing listens at the host and port"
    assert str(raised.value) == reason
    # What led to it may repeat the URL.
    assert raised.value.__context__ is None


def seconds_until_cut(url: str, body: bytes = b"body") -> float:
    """Return how long an exchange took whose 0.3 s end without a response."""
    begun = time.monotonic()
    with pytest.raises(NoResponseError, match=r"no answer within 0\.3 s|Proxy"):
        Client(1).post(url, body, HEADERS, 0.3)
    return time.monotonic() - begun


def drips(over: threading.Event, head: bytes, connection: socket.socket, _request: bytes) -> None:
    """Write a response byte by byte: faster than a single read times out, and for minutes."""
    for byte in head + b"x" * 9000:
        if over.wait(0.02):
            return
        connection.sendall(bytes([byte]))


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nX-Long: ",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
    ],
    ids=["head", "length", "1.0", "close"],
)
def test_dripping_response(head: bytes, over: threading.Event) -> None:
    """A response that drips in is given up in time, and so is the thread that reads it."""
    before = set(threading.enumerate())
    with raw_listener(functools.partial(drips, over, head)) as url:
        assert seconds_until_cut(url) < SOON
        # Without a bound for all reads it would go on until the listener ends.
        for thread in set(threading.enumerate()) - before:
            if thread.name == "listener-request":
                thread.join(SOON)
                assert not thread.is_alive()
        over.set()


@pytest.mark.slow
@pytest.mark.parametrize("place", ["stalls", "drips", "takes nothing"])
def test_attempt_through_a_proxy_is_bounded(
    place: str, over: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An attempt through the environment's proxy ends in its time too."""

    def stall(_connection: socket.socket, _request: bytes) -> None:
        over.wait()

    drip = functools.partial(drips, over, b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n")
    with black_hole() as hole, raw_listener(drip if place == "drips" else stall) as slow:
        proxy = hole if place == "takes nothing" else slow
        for name in PROXIES[:2]:
            monkeypatch.setenv(name, proxy.removesuffix("/write"))
        # A handshake on a connection that was reset makes CPython 3.11 warn of a socket.
        for scheme in ("http",) if place == "drips" else ("http", "https"):
            assert seconds_until_cut(f"{scheme}://listener.example.com/") < SOON
        over.set()


def test_tls_handshake_is_bounded(over: threading.Event) -> None:
    """A listener that never finishes the TLS handshake is given up in time."""

    def silent(_connection: socket.socket, _request: bytes) -> None:
        over.wait()

    with raw_listener(silent) as url:
        assert seconds_until_cut(url.replace("http:", "https:")) < SOON
        over.set()


@pytest.mark.parametrize(
    ("status", "location", "summary"),
    [
        (301, "/write/", "301 (it redirects to /write/)"),
        (
            308,
            "https://a.example/" + "x" * 9_000,
            f"308 (it redirects to https://a.example/{'x' * 482}…)",
        ),
        (400, "/write/", "400"),
        (200, "/write/", "200"),
    ],
)
def test_redirect_is_named(status: int, location: str, summary: str) -> None:
    """A redirect's Location is in the summary, and no other response's is."""
    found = response_to(http(f"{status} x", b"", f"Location: {location}"))
    assert found.summary == summary


def test_listener_that_reads_nothing() -> None:
    """A body that the listener never reads is given up in time."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/write"
        assert seconds_until_cut(url, bytes(30_000_000)) < SOON


def test_name_look_up_is_bounded(over: threading.Event, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name look-up that hangs is given up in time; when it ends, nothing is sent any more."""
    ended = threading.Event()
    look_up = socket.getaddrinfo

    def hang(*args: Any, **kwargs: Any) -> Any:
        over.wait(2 * SOON)
        ended.set()
        return look_up(*args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    with Receiver() as receiver:
        before = set(threading.enumerate())
        assert seconds_until_cut(receiver.url) < SOON
        left = set(threading.enumerate()) - before
        over.set()
        assert ended.wait(SOON)
        for thread in left:
            thread.join(SOON)
        assert receiver.requests == []


@pytest.mark.slow
def test_second_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the first address of a host does not respond, there is time for the second one."""
    with black_hole() as dead, Receiver() as receiver, monkeypatch.context() as names:
        ports = [int(url.split(":")[2].split("/")[0]) for url in (dead, receiver.url)]
        kinds = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        found = [(*kinds, ("127.0.0.1", port)) for port in ports]
        names.setattr(socket, "getaddrinfo", lambda *_args, **_kwargs: found)
        # The receiver says what is wrong with the body: the request has reached it.
        assert Client(1).post("http://two.example/write", b"x", HEADERS, 4.0).status == 400


def test_name_look_up_does_not_hold_the_process() -> None:
    """A process, such as a replay, ends while a name look-up still hangs."""
    program = (
        "import socket, threading; from handler.client import Client, NoResponseError\n"
        "socket.getaddrinfo = lambda *args, **kwargs: threading.Event().wait()\n"
        "try: Client(1).post('http://listener.invalid/', b'', {}, 0.1)\n"
        "except NoResponseError as error: print(error)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=SOON, check=True
    )
    assert ran.stdout == "no answer within 0.1 s\n"
