"""Ports for servers that take a port number."""

import contextlib
import functools
import itertools
import socket

# Below the ports that the kernel assigns by itself (ip(7), `ip_local_port_range`), and above those
# of `testing.emulator`.
_FIRST, _BLOCKS, _BLOCK = 21_000, 55, 200


def free_port() -> int:
    """Return an unused loopback port that no other process gets from this function.

    The kernel could assign a port that it has chosen to another connection, before its server
    binds it or while its server is down. So each process has a block of ports that the kernel does
    not assign; after the last one it begins again with the first.

    Raises:
        RuntimeError: Every port of the block is in use.
    """
    own = _own()
    for place in itertools.islice(own.places, _BLOCK - 1):
        port = own.first + place
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise RuntimeError("every port of this process is in use")


class _Block:
    """A block of ports that no other process has.

    Attributes:
        first: The first of them, which stays bound to mark the block as owned.
        places: Offsets of the next ports to try.

    Raises:
        RuntimeError: Every block has an owner.
    """

    def __init__(self) -> None:
        self.places = itertools.cycle(range(1, _BLOCK))
        owned = socket.socket()
        for block in range(_BLOCKS):
            self.first = _FIRST + block * _BLOCK
            with contextlib.suppress(OSError):
                # Bound without listening, until the process ends.
                owned.bind(("127.0.0.1", self.first))
                owned.detach()
                return
        owned.close()
        raise RuntimeError("every block of ports has an owner")


@functools.cache
def _own() -> _Block:
    """Return the block of this process."""
    return _Block()
