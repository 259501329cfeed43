"""The stand-ins of log destinations break and stall connections on demand."""

import contextlib
import http.client

import pytest

from testing.log_destinations.logzio import LogzioDestination
from testing.log_destinations.treatment import Treatment, closed, reset, stalled

LINE = b'{"@timestamp":"2024-08-30T10:00:00.000Z","message":"x"}\n'


def exchange(connection: http.client.HTTPConnection, body: bytes) -> None:
    """Send a body, and wait for the response."""
    connection.request("POST", "/?token=local-token", body, {"Content-Type": "text/plain"})
    connection.getresponse()


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
def test_no_reply(treatment: Treatment, error: type[OSError], count: int) -> None:
    """A connection breaks or stalls without a reply, with the records accepted or not."""
    # More than the buffers hold: if the body is not read, it cannot even be sent.
    body = LINE if treatment.reads else LINE * 500_000
    with LogzioDestination() as destination:
        destination.misbehave(treatment)
        connection = http.client.HTTPConnection("127.0.0.1", destination.port, timeout=1)
        with contextlib.closing(connection), pytest.raises(error) as raised:
            exchange(connection, body)
        assert type(raised.value) is error
        assert (destination.count, destination.acknowledged_count) == (count, 0)
        assert destination.arrivals[0].status == 0
