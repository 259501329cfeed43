"""The embedded receiver's connections: kept alive, under TLS, slow, broken, ended by closing."""

import contextlib
import http.client
import socket
import ssl
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import requests
import snappy

from converters.schema.remote_write_pb2 import Label, Sample, TimeSeries, WriteRequest
from testing.answers import always
from testing.exchange import Answer, EarlyAnswerFunction, Received
from testing.receiver import Receiver

HEADERS = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
    "User-Agent": "test/1",
}
SERIES = TimeSeries(labels=[Label(name="__name__", value="cpu")], samples=[Sample(timestamp=1)])
GOOD = bytes(snappy.compress(WriteRequest(timeseries=[SERIES]).SerializeToString()))
BROKEN = (ConnectionResetError, BrokenPipeError)


@pytest.fixture
def session() -> Iterator[requests.Session]:
    """Give a session that no proxy of this machine is asked for."""
    with requests.Session() as made:
        made.trust_env = False
        made.headers.update(HEADERS)
        yield made


def post(session: requests.Session, receiver: Receiver, content: bytes = GOOD) -> requests.Response:
    """Send a body."""
    return session.post(receiver.url, data=content, timeout=60)


def anonymous(protocol: int) -> ssl.SSLContext:
    """Make a context for TLS without certificates, so that no key needs to be kept."""
    context = ssl.SSLContext(protocol)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("aNULL:@SECLEVEL=0")
    return context


def connection_to(receiver: Receiver) -> http.client.HTTPConnection:
    """Make a connection that has not been opened yet."""
    address = urlsplit(receiver.url)
    assert address.hostname is not None
    if address.scheme == "https":
        return http.client.HTTPSConnection(
            address.hostname,
            address.port,
            timeout=60,
            context=anonymous(ssl.PROTOCOL_TLS_CLIENT),
        )
    return http.client.HTTPConnection(address.hostname, address.port, timeout=60)


def exchange(connection: http.client.HTTPConnection) -> int:
    """Send a good body and read the whole answer; give its status."""
    connection.request("POST", "/", GOOD, HEADERS)
    response = connection.getresponse()
    response.read()
    return response.status


class TestConnections:
    """Over HTTP."""

    @pytest.mark.parametrize(
        "answer",
        [Answer(reset="before_answer"), Answer(status=200, reset="mid_body", body=b"words")],
    )
    @pytest.mark.parametrize("early", [True, False])
    def test_reset(self, answer: Answer, early: bool) -> None:
        """A reset reaches the sender as one, at the headers as well as after the body."""
        early_answer: EarlyAnswerFunction | None = always(answer) if early else None
        with (
            Receiver(always(answer), at_headers=early_answer) as receiver,
            contextlib.closing(connection_to(receiver)) as connection,
            pytest.raises(BROKEN),
        ):
            exchange(connection)
        assert receiver.requests[0].status == answer.status * (answer.reset == "mid_body")

    def test_drip(self, session: requests.Session) -> None:
        """A dripping answer arrives whole."""
        with Receiver(always(Answer(status=429, body=b"slow", drip_seconds=1e-6))) as receiver:
            response = post(session, receiver)
        assert (response.status_code, response.text) == (429, "slow")

    def test_delay(self, session: requests.Session) -> None:
        """A delayed answer is given after its delay."""
        with Receiver(always(Answer(delay_seconds=0.01))) as receiver:
            assert post(session, receiver).status_code == 204
        (received,) = receiver.requests
        assert received.ended is not None
        assert received.ended - received.begun >= 0.01

    @pytest.mark.parametrize(
        "answer",
        [
            Answer(stall=True),
            Answer(delay_seconds=3600),
            Answer(status=200, body=b"x" * 3600, drip_seconds=3600),
        ],
    )
    @pytest.mark.parametrize("early", [True, False])
    def test_close_ends_an_open_exchange(self, answer: Answer, early: bool) -> None:
        """Closing ends every thread, also one that would answer in an hour or never."""
        arrived = threading.Event()

        def give(_received: Received) -> Answer:
            arrived.set()
            return answer

        before = set(threading.enumerate())
        with Receiver(give, at_headers=give if early else None) as receiver:
            connection = connection_to(receiver)
            connection.request("POST", "/", GOOD, HEADERS)
            assert arrived.wait(60)
        assert set(threading.enumerate()) <= before
        with pytest.raises((ConnectionError, http.client.HTTPException)):
            connection.getresponse()
        connection.close()

    def test_close_ends_an_idle_connection(self) -> None:
        """Closing ends a connection on which nothing was ever sent; a second call does nothing."""
        before = set(threading.enumerate())
        receiver = Receiver()
        with contextlib.closing(connection_to(receiver)) as connection:
            connection.connect()
            receiver.close()
            receiver.close()
            assert set(threading.enumerate()) <= before
            assert connection.sock.recv(1) == b""

    def test_early_answer(self, session: requests.Session) -> None:
        """An answer at the headers comes without the body having been read."""
        with Receiver(at_headers=always(Answer(status=413, body=b"no"))) as receiver:
            response = post(session, receiver, b"x" * 1_000_000)
        assert (response.status_code, response.text) == (413, "no")
        assert receiver.requests[0].body == b""

    def test_early_silence(self, session: requests.Session) -> None:
        """A function that gives no answer at the headers leaves everything as usual."""
        with Receiver(at_headers=lambda _: None) as receiver:
            assert post(session, receiver).status_code == 204

    def test_sender_gives_up(self) -> None:
        """A request whose body breaks off is kept as one that got no answer."""
        with Receiver() as receiver:
            address = urlsplit(receiver.url)
            with socket.create_connection((address.hostname, address.port)) as connection:
                connection.sendall(b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nhalf")
                connection.shutdown(socket.SHUT_WR)
                assert connection.recv(1) == b""
        assert [(it.status, it.violations) for it in receiver.requests] == [(0, ())]

    def test_keeps_connections_alive(self) -> None:
        """A second request goes over the connection of the first."""
        with Receiver() as receiver:
            with contextlib.closing(connection_to(receiver)) as connection:
                for _ in range(2):
                    exchange(connection)
                    assert connection.sock is not None
            assert [received.status for received in receiver.requests] == [204, 204]


class TestTls:
    """Over HTTPS."""

    def test_speaks_tls(self) -> None:
        """With a TLS context the receiver speaks HTTPS, and says so in its url."""
        with Receiver(tls=anonymous(ssl.PROTOCOL_TLS_SERVER)) as receiver:
            assert receiver.url.startswith("https://")
            with contextlib.closing(connection_to(receiver)) as connection:
                assert exchange(connection) == 204

    @pytest.mark.parametrize(
        "answer",
        [Answer(reset="before_answer"), Answer(status=200, reset="mid_body", body=b"words")],
    )
    def test_reset(self, answer: Answer) -> None:
        """A connection that breaks reaches the sender as one also under TLS."""
        with (
            Receiver(always(answer), tls=anonymous(ssl.PROTOCOL_TLS_SERVER)) as receiver,
            contextlib.closing(connection_to(receiver)) as connection,
            pytest.raises((*BROKEN, http.client.IncompleteRead)),
        ):
            exchange(connection)

    def test_close_ends_a_handshake(self) -> None:
        """Closing ends a connection that never begins its handshake, and one without TLS."""
        before = set(threading.enumerate())
        with Receiver(tls=anonymous(ssl.PROTOCOL_TLS_SERVER)) as receiver:
            address = urlsplit(receiver.url)
            silent = socket.create_connection((address.hostname, address.port))
            plain = socket.create_connection((address.hostname, address.port))
            plain.sendall(b"POST / HTTP/1.1\r\n\r\n")
            assert plain.recv(1) != b"H"
        assert set(threading.enumerate()) <= before
        silent.close()
        plain.close()
