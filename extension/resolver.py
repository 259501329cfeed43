"""Host names to addresses, within a time: `getaddrinfo` itself knows no timeout."""

from __future__ import annotations

import socket
import threading
from typing import Any


class Resolver:
    """Looks one host up, in a thread of its own, and keeps what it found."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._lock = threading.Lock()
        self._looking: threading.Event | None = None
        self._found: list[tuple[socket.AddressFamily, Any]] = []
        self._error: OSError | None = None

    def addresses(self, timeout: float) -> list[tuple[socket.AddressFamily, Any]]:
        """
        Return the family and the socket address of each address of the host.

        Raises:
            OSError: The host has none, or the answer takes longer than `timeout` seconds.
        """
        if self._found:
            return self._found
        with self._lock:
            # One look-up that hangs is waited for again, not joined by a second one.
            looking = self._looking
            if looking is None:
                looking = self._looking = threading.Event()
                threading.Thread(target=self._look, args=(looking,), daemon=True).start()
        if not looking.wait(timeout):
            raise TimeoutError("the host name was not resolved in time")
        if self._error:
            raise self._error
        return self._found

    def forget(self) -> None:
        """Look again the next time: what was found does not answer."""
        self._found = []

    def _look(self, looking: threading.Event) -> None:
        try:
            found = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
            self._found = [(family, address) for family, _type, _proto, _name, address in found]
            self._error = None
        except (OSError, UnicodeError) as error:
            # UnicodeError: a name that IDNA cannot encode.
            self._error = error if isinstance(error, OSError) else OSError(str(error))
        finally:
            self._looking = None
            looking.set()
