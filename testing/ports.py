"""Ports for servers that are told by number where to listen."""

import contextlib
import functools
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
    own = _own()
    for place in itertools.islice(own.places, _BLOCK - 1):
        port = own.first + place
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise RuntimeError("every port of this process is listened on")


class _Block:
    """A block of ports that no other process has.

    Attributes:
        first: The first of them, which is kept bound to show that the block has an owner.
        places: The next ones to try, counted from the first.

    Raises:
        RuntimeError: Every block has an owner.
    """

    def __init__(self) -> None:
        self.places = itertools.cycle(range(1, _BLOCK))
        owned = socket.socket()
        for block in range(_BLOCKS):
            self.first = _FIRST + block * _BLOCK
            with contextlib.suppress(OSError):
                # Bound only, so that nobody can connect to it. It ends with its process.
                owned.bind(("127.0.0.1", self.first))
                owned.detach()
                return
        owned.close()
        raise RuntimeError("every block of ports has an owner")


@functools.cache
def _own() -> _Block:
    """Give the block of this process, which has none before it needs one."""
    return _Block()
