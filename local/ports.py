"""Ports for servers that are told by number where to listen."""

import contextlib
import itertools
import socket

# Below those that the kernel gives to outgoing connections and to whoever asks for any port
# (ip(7), `ip_local_port_range`), and above those of the emulator in `lambda_services`.
_FIRST, _BLOCKS, _BLOCK = 21_000, 55, 200


def free_port() -> int:
    """Give a loopback port on which nobody listens, and that nobody else is given.

    A port that the kernel chooses may be another connection's before its server has it, or
    while its server is down. So each process has a block of ports to itself, from those that
    the kernel does not choose; they come round again after the last one.

    Raises:
        RuntimeError: Every port of the block is listened on.
    """
    for place in itertools.islice(_OWN.places, _BLOCK):
        port = _OWN.first + place
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise RuntimeError("every port of this process is listened on")


class _Block:
    """The ports of this process.

    Attributes:
        first: The first of them.
        places: The next ones to try, counted from the first.

    Raises:
        RuntimeError: Every block has an owner.
    """

    def __init__(self) -> None:
        self.places = itertools.cycle(range(_BLOCK))
        # A name without a file (unix(7), "abstract") goes with its process, however that ends.
        self._owned = socket.socket(socket.AF_UNIX)
        for block in range(_BLOCKS):
            with contextlib.suppress(OSError):
                self._owned.bind(f"\0metric-stream-ports-{block}")
                self.first = _FIRST + block * _BLOCK
                return
        raise RuntimeError("every block of ports has an owner")


_OWN = _Block()
