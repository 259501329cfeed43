"""Ports for servers that take a port number."""

import contextlib
import functools
import itertools
import socket
from collections.abc import Iterator

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
    for port in itertools.islice(_own_ports(), _BLOCK - 1):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise RuntimeError("every port of this process is in use")


@functools.cache
def _own_ports() -> Iterator[int]:
    """Return the endless ports of the first block that no other process owns.

    The first port of a block stays bound, without listening, until the process ends.
    """
    for first in range(_FIRST, _FIRST + _BLOCKS * _BLOCK, _BLOCK):
        owner = socket.socket()
        try:
            owner.bind(("127.0.0.1", first))
        except OSError:
            owner.close()
        else:
            owner.detach()
            return itertools.cycle(range(first + 1, first + _BLOCK))
    raise RuntimeError("every block of ports has an owner")
