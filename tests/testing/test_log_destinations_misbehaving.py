"""The stand-ins of log destinations misbehave on demand, and keep what arrived."""

import contextlib
import http.client
import socket
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from testing.log_destinations.destination import NotArrivedError
from testing.log_destinations.logzio import LogzioDestination
from testing.log_destinations.treatment import (
    Treatment,
    closed,
    delayed,
    dripping,
    reset,
    stalled,
    status,
)

PATH = "/?token=local-token"
LINE = b'{"@timestamp":"2024-08-30T10:00:00.000Z","message":"x"}\n'
HEADERS = {"Content-Type": "text/plain"}


@pytest.fixture
def destination() -> Iterator[LogzioDestination]:
    """Run a destination."""
    with LogzioDestination() as made:
        yield made


@pytest.fixture
def connection(destination: LogzioDestination) -> Iterator[http.client.HTTPConnection]:
    """Make a connection, which its first request opens."""
    made = http.client.HTTPConnection("127.0.0.1", destination.port, timeout=60)
    with contextlib.closing(made):
        yield made


def exchange(connection: http.client.HTTPConnection, body: bytes = LINE) -> int:
    """Send a body, read the whole response, and return its status."""
    connection.request("POST", PATH, body, HEADERS)
    response = connection.getresponse()
    response.read()
    return response.status


@pytest.mark.parametrize("code", [200, 204, 302, 400, 429, 503, 599])
def test_status(
    destination: LogzioDestination, connection: http.client.HTTPConnection, code: int
) -> None:
    """Any status can be the reply, with headers and a body, and nothing is accepted."""
    body = b"" if code == 204 else b"words"
    destination.misbehave(status(code, body, headers={"X-A": "b"}, retry_after=7))
    connection.request("POST", PATH, LINE, HEADERS)
    response = connection.getresponse()
    assert (response.status, response.read()) == (code, body)
    assert (response.headers["X-A"], response.headers["Retry-After"]) == ("b", "7")
    (arrival,) = destination.arrivals
    assert (arrival.status, arrival.count, arrival.stored) == (code, 1, False)
    assert (destination.records, destination.acknowledged) == ([], [])


def test_once_and_always(
    destination: LogzioDestination, connection: http.client.HTTPConnection
) -> None:
    """Treatments of the next requests take precedence over that of all, until it behaves."""
    destination.misbehave(status(500))
    destination.misbehave_once(status(501), status(502))
    assert [exchange(connection) for _ in range(4)] == [501, 502, 500, 500]
    destination.misbehave(lambda it: status(503) if it.number % 2 else None)
    assert [exchange(connection) for _ in range(2)] == [503, 200]
    destination.behave()
    assert exchange(connection) == 200
    assert [arrival.connection for arrival in destination.arrivals] == [1] * 7


def test_delay(destination: LogzioDestination, connection: http.client.HTTPConnection) -> None:
    """A late reply is the good one, and the record is there before it is acknowledged."""
    destination.misbehave(delayed(0.2))
    connection.request("POST", PATH, LINE, HEADERS)
    destination.wait_for(lambda it: it.count == 1)
    assert destination.acknowledged == []
    assert connection.getresponse().status == 200
    now = time.monotonic()
    ((record, answered),) = destination.acknowledged
    assert record["message"] == "x"
    assert destination.arrivals[0].begun + 0.2 <= answered <= now


@pytest.mark.parametrize(
    ("treatment", "error", "count"),
    [
        (reset(), ConnectionResetError, 0),
        (reset(stores=True), ConnectionResetError, 1),
        (closed(), http.client.RemoteDisconnected, 0),
        (closed(stores=True), http.client.RemoteDisconnected, 1),
        (stalled(), TimeoutError, 0),
        (stalled(reads=False), TimeoutError, 0),
    ],
)
def test_no_reply(
    destination: LogzioDestination, treatment: Treatment, error: type[OSError], count: int
) -> None:
    """A connection breaks or stalls without a reply, with the records accepted or not."""
    destination.misbehave(treatment)
    connection = http.client.HTTPConnection("127.0.0.1", destination.port, timeout=1)
    with contextlib.closing(connection), pytest.raises(error) as raised:
        # More than the buffers hold: if the body is not read, it cannot even be sent.
        exchange(connection, LINE if treatment.reads else LINE * 500_000)
    assert type(raised.value) is error
    assert (destination.count, destination.acknowledged_count) == (count, 0)
    assert destination.arrivals[0].status == 0


@pytest.mark.parametrize("head", [True, False])
def test_drip(destination: LogzioDestination, head: bool) -> None:
    """Bytes come one by one and without an end, in the headers or in the body."""
    destination.misbehave(dripping(0.0001, head=head))
    address = urlsplit(destination.url)
    request = f"POST {PATH} HTTP/1.1\r\nContent-Length: 0\r\n\r\n".encode()
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.sendall(request)
        received = b""
        while len(received) < 400:
            received += connection.recv(1)
    assert received.startswith(b"HTTP/1.1 200 OK\r\n")
    assert (b"\r\n\r\n" in received) != head


def test_waits(destination: LogzioDestination, connection: http.client.HTTPConnection) -> None:
    """Waiting ends when enough is acknowledged, or with an error that says what has arrived."""
    exchange(connection, LINE * 6)
    destination.wait_for(6)
    assert len(destination.acknowledged) == 6
    destination.misbehave(status(503))
    exchange(connection)
    with pytest.raises(NotArrivedError, match=r"6 records of 2 requests; .* \[200, 503\]"):
        destination.wait_for(7, timeout_seconds=0)
