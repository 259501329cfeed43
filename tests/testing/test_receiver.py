"""The embedded receiver: what it keeps of a request, its replies, and its connections."""

import contextlib
import http.client
import ssl
import threading
from collections.abc import Iterator

import pytest
import requests
import snappy

from converters.schema.remote_write_pb2 import Histogram, Sample, TimeSeries, WriteRequest
from testing.http_server import Reply
from testing.receiver import Received, Receiver
from testing.replies import always, sequence
from testing.servers import loopback_session

HEADERS = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
    "User-Agent": "test/1",
}
CPU = (("__name__", "cpu"), ("host", "a"))
DISK = (("__name__", "disk"), ("host", "a"))
BROKEN = (ConnectionResetError, BrokenPipeError, http.client.IncompleteRead)
RESETS = (Reply(reset="before_answer"), Reply(200, reset="mid_body", body=b"words"))


def series(labels: tuple[tuple[str, str], ...], *samples: tuple[int, float]) -> TimeSeries:
    """Make a series of (timestamp in ms, value)."""
    made = TimeSeries(samples=[Sample(timestamp=at, value=value) for at, value in samples])
    for name, value in labels:
        made.labels.add(name=name, value=value)
    return made


def body(*several: TimeSeries) -> bytes:
    """Make the body of a request."""
    return bytes(snappy.compress(WriteRequest(timeseries=several).SerializeToString()))


GOOD = body(series(CPU, (1000, 1.5)))
NATIVE = series((("__name__", "latency"),))
NATIVE.histograms.append(Histogram(count_int=3, timestamp=7))


@pytest.fixture
def session() -> Iterator[requests.Session]:
    """Return a session that sends the headers of remote write."""
    with loopback_session() as made:
        made.headers.update(HEADERS)
        yield made


def post(session: requests.Session, receiver: Receiver, content: bytes = GOOD) -> requests.Response:
    """Send a body, following no redirect."""
    return session.post(receiver.url, data=content, timeout=60, allow_redirects=False)


def anonymous(protocol: int) -> ssl.SSLContext:
    """Make a context for TLS without certificates, which needs no key."""
    context = ssl.SSLContext(protocol)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("aNULL:@SECLEVEL=0")
    return context


def connection_to(receiver: Receiver) -> http.client.HTTPConnection:
    """Make a connection that is not open yet."""
    if receiver.url.startswith("https:"):
        context = anonymous(ssl.PROTOCOL_TLS_CLIENT)
        return http.client.HTTPSConnection("127.0.0.1", receiver.port, timeout=60, context=context)
    return http.client.HTTPConnection("127.0.0.1", receiver.port, timeout=60)


def exchange(connection: http.client.HTTPConnection) -> int:
    """Send a good body and read the whole reply; return its status."""
    connection.request("POST", "/", GOOD, HEADERS)
    response = connection.getresponse()
    response.read()
    return response.status


def test_keeps_a_request(session: requests.Session) -> None:
    """A request is kept with its headers in lower case, its body, its content, its status."""
    with Receiver() as receiver:
        assert post(session, receiver).status_code == 204
    (received,) = receiver.requests
    assert (received.number, received.method, received.path) == (1, "POST", "/api/v1/write")
    assert received.headers["user-agent"] == "test/1"
    assert (received.body, received.status) == (GOOD, 204)
    assert received.request.timeseries[0].labels[1].value == "a"
    assert received.ended is not None
    assert received.begun <= received.ended


def test_accepted_samples(session: requests.Session) -> None:
    """Only what was answered with success is accepted, in the order of arrival."""
    with Receiver(sequence([Reply(), Reply(503), Reply(200)])) as receiver:
        post(session, receiver, body(series(CPU, (2, 2.0)), series(DISK, (2, 3.0))))
        post(session, receiver, body(series(CPU, (3, 3.0))))
        post(session, receiver, body(series(CPU, (1, 1.0))))
        assert receiver.accepted_samples() == {CPU: [(2, 2.0), (1, 1.0)], DISK: [(2, 3.0)]}


@pytest.mark.parametrize("tls", [None, anonymous(ssl.PROTOCOL_TLS_SERVER)], ids=["http", "https"])
@pytest.mark.parametrize("reply", RESETS)
def test_reset(reply: Reply, tls: ssl.SSLContext | None) -> None:
    """The sender sees a reset, over HTTP and HTTPS."""
    with (
        Receiver(always(reply), tls=tls) as receiver,
        contextlib.closing(connection_to(receiver)) as connection,
        pytest.raises(BROKEN),
    ):
        exchange(connection)
    assert receiver.requests[0].status == reply.status * (reply.reset == "mid_body")


@pytest.mark.parametrize(
    "reply",
    [Reply(stall=True), Reply(delay_seconds=3600), Reply(200, body=b"x" * 99, drip_seconds=3600)],
)
def test_close_ends_an_open_exchange(reply: Reply) -> None:
    """Closing ends every thread, also one that would reply in an hour or never."""
    arrived = threading.Event()

    def give(_received: Received) -> Reply:
        arrived.set()
        return reply

    before = set(threading.enumerate())
    with Receiver(give) as receiver:
        connection = connection_to(receiver)
        connection.request("POST", "/", GOOD, HEADERS)
        assert arrived.wait(60)
    assert set(threading.enumerate()) <= before
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        connection.getresponse()
    connection.close()
