"""The connection for `next` is idle during an invocation, and may be closed meanwhile."""

from __future__ import annotations

import select
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from extension.lambda_api import LambdaApi
from testing.misbehaving import raw_listener
from tests.support.extension_parts import LONG

if TYPE_CHECKING:
    import socket

EVENT = b'{"eventType":"INVOKE","requestId":"r"}'
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(EVENT), EVENT)


def test_closed_while_idle() -> None:
    """A connection that the services have closed between two events is opened again, silently."""
    peers = []

    def once(connection: socket.socket, _request: bytes) -> None:
        peers.append(connection.getpeername())
        connection.sendall(ANSWER)

    with raw_listener(once) as url:
        api = LambdaApi(urlsplit(url).netloc, "metric-stream-logs")
        for _ in range(3):
            assert api.next().request_id == "r"
            polling = api._polling
            assert polling is not None
            # Until the end of the connection has arrived.
            assert select.select([polling.sock], [], [], LONG)[0]
        assert polling is not None
        polling.close()
    assert len(set(peers)) == 3
