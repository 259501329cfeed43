"""The fake log destinations misbehave on demand, keep what arrived, and are closed cleanly."""

import contextlib
import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest

from testing.log_destinations.destination import LogDestination
from testing.log_destinations.kept import NotArrivedError
from testing.log_destinations.logzio import LogzioDestination
from testing.log_destinations.treatment import (
    RateLimit,
    Treatment,
    closed,
    delayed,
    dripping,
    redirected,
    reset,
    stalled,
    status,
)

PATH = "/?token=local-token"
LINE = b'{"@timestamp":"2024-08-30T10:00:00.000Z","message":"x"}\n'
HEADERS = {"Content-Type": "text/plain"}
ENDED = (ConnectionResetError, BrokenPipeError, http.client.RemoteDisconnected)


@pytest.fixture
def destination() -> Iterator[LogzioDestination]:
    """Give a destination; once it is closed, no thread of it is left."""
    before = set(threading.enumerate())
    with LogzioDestination() as made:
        yield made
    assert set(threading.enumerate()) <= before


def connection_to(
    destination: LogDestination, timeout_seconds: float = 60.0
) -> contextlib.closing[http.client.HTTPConnection]:
    """Make a connection that is opened by the first request and closed with the block."""
    address = urlsplit(destination.url)
    assert address.hostname is not None
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=timeout_seconds)
    return contextlib.closing(connection)


def exchange(connection: http.client.HTTPConnection, body: bytes = LINE) -> int:
    """Send a body and read the whole answer; give its status."""
    connection.request("POST", PATH, body, HEADERS)
    response = connection.getresponse()
    response.read()
    return response.status


class TestAnswers:
    """Answers other than the good one."""

    @pytest.mark.parametrize("code", [200, 204, 302, 400, 403, 408, 413, 429, 500, 503, 599])
    def test_status(self, destination: LogzioDestination, code: int) -> None:
        """Any status can be answered, with headers and a body, and nothing is taken."""
        body = b"" if code == 204 else b"words"
        destination.misbehave(status(code, body, headers={"X-A": "b"}, retry_after=7))
        with connection_to(destination) as connection:
            connection.request("POST", PATH, LINE, HEADERS)
            response = connection.getresponse()
            assert (response.status, response.read()) == (code, body)
            assert (response.headers["X-A"], response.headers["Retry-After"]) == ("b", "7")
        (arrival,) = destination.arrivals
        assert (arrival.status, arrival.count, arrival.stored) == (code, 1, False)
        assert (destination.records, destination.acknowledged) == ([], [])

    def test_once_and_always(self, destination: LogzioDestination) -> None:
        """Treatments of the next requests go first, then the one of all, until it behaves."""
        destination.misbehave(status(500))
        destination.misbehave_once(status(501), status(502))
        with connection_to(destination) as connection:
            assert [exchange(connection) for _ in range(4)] == [501, 502, 500, 500]
            destination.behave()
            assert exchange(connection) == 200
        assert [arrival.connection for arrival in destination.arrivals] == [1] * 5

    def test_chooses_by_head(self, destination: LogzioDestination) -> None:
        """A treatment can be chosen for each request by its head."""
        destination.misbehave(lambda it: status(503) if it.number % 2 else None)
        with connection_to(destination) as connection:
            assert [exchange(connection) for _ in range(4)] == [503, 200, 503, 200]

    def test_redirect(self, destination: LogzioDestination) -> None:
        """A redirect names another server, which sees nothing unless the sender goes there."""
        with LogzioDestination() as other, connection_to(destination) as connection:
            destination.misbehave(redirected(other.url))
            connection.request("POST", PATH, LINE, HEADERS)
            response = connection.getresponse()
            assert (response.status, response.headers["Location"]) == (307, other.url)
            response.read()
            assert (other.connections, other.arrivals) == (0, [])

    def test_delay(self, destination: LogzioDestination) -> None:
        """A late answer is the good one, and the record is there before it is acknowledged."""
        destination.misbehave(delayed(0.2))
        with connection_to(destination) as connection:
            connection.request("POST", PATH, LINE, HEADERS)
            destination.wait_for(lambda it: it.count == 1)
            assert destination.acknowledged == []
            assert connection.getresponse().status == 200
            now = time.monotonic()
        ((record, answered),) = destination.acknowledged
        assert record["message"] == "x"
        assert destination.arrivals[0].begun + 0.2 <= answered <= now

    def test_rate_limit(self, destination: LogzioDestination) -> None:
        """A rate limit takes what it can, and says for the rest when to come again."""
        now = [0.0]
        destination.misbehave(RateLimit(10, len(LINE), clock=lambda: now[0]))
        with connection_to(destination) as connection:
            assert exchange(connection) == 200
            connection.request("POST", PATH, LINE, HEADERS)
            response = connection.getresponse()
            response.read()
            assert response.status == 429
            now[0] = float(response.headers["Retry-After"])
            assert exchange(connection) == 200
        assert destination.acknowledged_count == 2


class TestBreaks:
    """Exchanges without a whole answer."""

    @pytest.mark.parametrize("stores", [True, False])
    @pytest.mark.parametrize(
        ("treat", "error"),
        [(reset, ConnectionResetError), (closed, http.client.RemoteDisconnected)],
    )
    def test_ends(
        self,
        destination: LogzioDestination,
        treat: Callable[..., Treatment],
        error: type[OSError],
        stores: bool,
    ) -> None:
        """A connection is reset or closed without an answer, with the records taken or not."""
        destination.misbehave(treat(stores=stores))
        with connection_to(destination) as connection, pytest.raises(error) as raised:
            exchange(connection)
        assert type(raised.value) is error
        assert (destination.count, destination.acknowledged_count) == (int(stores), 0)

    @pytest.mark.parametrize("treatment", [stalled(), stalled(reads=False)])
    def test_stall(self, destination: LogzioDestination, treatment: Treatment) -> None:
        """No answer comes; the connection stays open until the sender ends it."""
        destination.misbehave(treatment)
        with connection_to(destination) as connection:
            connection.request("POST", PATH, LINE, HEADERS)
            connection.sock.settimeout(0.2)
            with pytest.raises(TimeoutError):
                connection.getresponse()
            destination.wait_for(lambda it: bool(it.arrivals))
        assert (destination.count, destination.arrivals[0].status) == (0, 0)

    def test_unread(self, destination: LogzioDestination) -> None:
        """A body that is not read cannot even be sent, if it is larger than what buffers hold."""
        destination.misbehave(stalled(reads=False))
        with connection_to(destination) as connection:
            connection.connect()
            connection.sock.settimeout(1.0)
            with pytest.raises(TimeoutError):
                exchange(connection, LINE * 500_000)
            destination.wait_for(lambda it: bool(it.arrivals))
        assert destination.arrivals[0].body_bytes == 0

    @pytest.mark.parametrize("head", [True, False])
    def test_drip(self, destination: LogzioDestination, head: bool) -> None:
        """Bytes come one by one and without an end, in the head or in the body."""
        destination.misbehave(dripping(0.0001, head=head))
        address = urlsplit(destination.url)
        request = f"POST {PATH} HTTP/1.1\r\nContent-Length: 0\r\n\r\n".encode()
        with socket.create_connection((address.hostname, address.port)) as connection:
            connection.sendall(request)
            received = b""
            while len(received) < 200:
                received += connection.recv(1)
        assert received.startswith(b"HTTP/1.1 200 OK\r\n")
        assert (b"\r\n\r\n" in received) != head
        assert destination.arrivals[0].status == 0

    def test_idle_connection(self, destination: LogzioDestination) -> None:
        """An idle connection is closed on demand, so the next request on it fails."""
        with connection_to(destination) as connection:
            assert exchange(connection) == 200
            assert destination.close_idle_connections(timeout_seconds=60) == 1
            with pytest.raises(ENDED):
                exchange(connection)
            connection.close()
            assert exchange(connection) == 200
        assert [arrival.connection for arrival in destination.arrivals] == [1, 2]

    def test_black_hole(self, destination: LogzioDestination) -> None:
        """In a black hole no connection is made and no request answered; afterwards both are."""
        with connection_to(destination) as old, connection_to(destination, 0.2) as new:
            assert exchange(old) == 200
            old.sock.settimeout(0.2)
            with destination.black_hole():
                with pytest.raises(TimeoutError):
                    exchange(new)
                with pytest.raises(TimeoutError):
                    exchange(old)
            with connection_to(destination) as later:
                assert exchange(later) == 200
        assert (destination.count, destination.connections) == (2, 2)

    def test_closed_in_a_black_hole(self) -> None:
        """Closing a destination ends its black hole too."""
        before = set(threading.enumerate())
        destination = LogzioDestination()
        with destination.black_hole():
            destination.close()
        assert set(threading.enumerate()) <= before


class TestKeeping:
    """What is kept, and the waiting for it."""

    def test_waits_for_acknowledged(self, destination: LogzioDestination) -> None:
        """Waiting ends as soon as so many records are acknowledged."""

        def send() -> None:
            with connection_to(destination) as connection:
                for _ in range(3):
                    exchange(connection, LINE * 2)

        sender = threading.Thread(target=send)
        sender.start()
        destination.wait_for(6)
        assert len(destination.acknowledged) == 6
        sender.join()

    def test_waits_in_vain(self, destination: LogzioDestination) -> None:
        """What does not come in time is an error that says what has come."""
        destination.misbehave(status(503))
        with connection_to(destination) as connection:
            exchange(connection)
        with pytest.raises(NotArrivedError, match=r"0 records of 1 requests; .* \[503\]"):
            destination.wait_for(1, timeout_seconds=0)

    def test_many_senders(self, destination: LogzioDestination) -> None:
        """Several connections at once lose nothing, and each has its number."""

        def send() -> None:
            with connection_to(destination) as connection:
                for _ in range(20):
                    exchange(connection, LINE * 10)

        senders = [threading.Thread(target=send) for _ in range(8)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        assert (destination.acknowledged_count, destination.connections) == (1600, 8)
        assert [arrival.number for arrival in destination.arrivals] == list(range(1, 161))
        assert {arrival.connection for arrival in destination.arrivals} == set(range(1, 9))

    def test_tells_of_its_own_errors(self) -> None:
        """What a function of the test raises reaches the test, not only the sender."""

        def fails(_record: object) -> bool:
            raise LookupError("broken test")

        with (
            pytest.raises(LookupError, match="broken test"),
            LogzioDestination(refuses=fails) as destination,
            connection_to(destination) as connection,
            pytest.raises(ENDED),
        ):
            exchange(connection)
