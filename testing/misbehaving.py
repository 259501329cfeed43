"""Listeners that misbehave in ways of their own, on loopback."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator, Mapping

from converters.schema.remote_write_pb2 import Sample
from testing.answers import SamplePredicate
from testing.exchange import Answer, Labels, Received, labels_of

Conversation = Callable[[socket.socket, bytes], bytes | None]
"""Takes a connection and a whole request; returns what to answer, None to close without."""


def nothing(_labels: object, _sample: Sample) -> bool:
    """Refuse no sample."""
    return False


def hosts(*numbers: int) -> SamplePredicate:
    """Refuse the sum of these hosts: one sample of each of these points."""
    refused = {f"h{number:04d}" for number in numbers}

    def refuses(labels: Mapping[str, str], _sample: Sample) -> bool:
        return labels["host"] in refused and labels["__name__"].endswith("_sum")

    return refuses


def hosts_whole(*numbers: int) -> SamplePredicate:
    """Refuse all samples of these hosts."""
    refused = {f"h{number:04d}" for number in numbers}
    return lambda labels, _sample: labels["host"] in refused


def every(step: int) -> SamplePredicate:
    """Refuse the sum of every so many hosts."""
    return hosts(*range(0, 10_000, step))


class InOrder:
    """Behaves as Prometheus without an out-of-order window, and stores all or nothing.

    Args:
        refuses: Says which samples are refused for another reason.
        words: What is said then.
    """

    def __init__(self, refuses: SamplePredicate = nothing, words: str = "out of bounds") -> None:
        self._refuses = refuses
        self._words = words
        self._lock = threading.Lock()
        self.newest: dict[Labels, int] = {}
        self.out_of_order = 0
        self.bodies: list[bytes] = []

    def __call__(self, received: Received) -> Answer:
        """Answer one request."""
        with self._lock:
            self.bodies.append(received.body)
            newest = dict(self.newest)
            for series in received.request.timeseries:
                labels = labels_of(series)
                for sample in series.samples:
                    if self._refuses(dict(labels), sample):
                        return Answer(status=400, body=self._words.encode())
                    if sample.timestamp <= newest.get(labels, -1):
                        self.out_of_order += 1
                        return Answer(status=400, body=b"out of order sample")
                    newest[labels] = sample.timestamp
            self.newest = newest
        return Answer()


@contextlib.contextmanager
def raw_listener(answer: Conversation) -> Iterator[str]:
    """Serve HTTP by hand; yields the URL.

    Args:
        answer: Called with each request of each connection, from one thread for each.
    """
    server = socket.create_server(("127.0.0.1", 0), backlog=16)
    threads: list[threading.Thread] = []
    connections: list[socket.socket] = []

    def accept() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            connections.append(connection)
            threads.append(threading.Thread(target=_converse, args=(connection, answer)))
            threads[-1].start()

    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/write"
    finally:
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
        server.close()
        accepting.join()
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()


def _converse(connection: socket.socket, answer: Conversation) -> None:
    with connection, contextlib.suppress(OSError):
        while request := _read_request(connection):
            answered = answer(connection, request)
            if answered is None:
                return
            connection.sendall(answered)


def _read_request(connection: socket.socket) -> bytes:
    """Return head and body of the next request; nothing where the connection ended."""
    received = b""
    while b"\r\n\r\n" not in received:
        piece = connection.recv(65536)
        if not piece:
            return b""
        received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    lengths = [
        int(line.split(b":")[1])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length:")
    ]
    length = lengths[0] if lengths else 0
    while len(body) < length:
        piece = connection.recv(65536)
        if not piece:
            return b""
        body += piece
    return head + b"\r\n\r\n" + body


@contextlib.contextmanager
def black_hole() -> Iterator[str]:
    """Yield the URL of a port on which a connection is never made."""
    with socket.socket() as server, contextlib.ExitStack() as waiting:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        # Once the queue of the port is full, the kernel answers no further SYN.
        for _ in range(4):
            filler = waiting.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(server.getsockname())
        yield f"http://127.0.0.1:{server.getsockname()[1]}/write"


@contextlib.contextmanager
def nobody() -> Iterator[str]:
    """Yield the URL of a port on which nobody listens, and nobody else will."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}/write"
