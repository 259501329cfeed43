"""
What can go wrong in the extension.

    ExtensionError
    ├── LambdaApiError     the Extensions API or the Telemetry API refused a call
    ├── SettingsError      a destination cannot be used
    ├── SecretError        a token cannot be read from its store
    └── ExchangeError      a request to a destination brought no answer
        ├── StaleConnection    the connection had been closed while it was not used
        └── AbandonedExchange  the environment was frozen in the middle of it

None of these ends the process: each is told once to the operator, and the life cycle
goes on.
"""

from __future__ import annotations


class ExtensionError(Exception):
    """Anything that the extension raises itself."""


class LambdaApiError(ExtensionError):
    """
    The Extensions API or the Telemetry API refused a call, or could not be reached.

    Attributes:
        status: The HTTP status; 0 where there was no answer.
    """

    def __init__(self, call: str, status: int, detail: str) -> None:
        super().__init__(f"{call}: {status or 'no answer'} {detail}".rstrip())
        self.status = status


class SettingsError(ExtensionError):
    """A destination cannot be used; the text says which variable to set, and never its value."""


class SecretError(ExtensionError):
    """A secret cannot be read; the text never has any part of it."""


class ExchangeError(ExtensionError):
    """A request to a destination brought no answer within its time."""


class StaleConnection(ExchangeError):  # noqa: N818 -- what it is says more than that it is an error
    """A connection that was kept open had been closed by the other side."""


class AbandonedExchange(ExchangeError):  # noqa: N818 -- what it is says more than that it is an error
    """An exchange that a freeze interrupted, and that starts anew."""
