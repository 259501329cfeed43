"""What can go wrong in the extension.

    ExtensionError
    ├── LambdaApiError         the Extensions API or the Telemetry API refused a call
    ├── SettingsError          a destination cannot be used
    ├── SecretError            a token cannot be read from its store
    └── ExchangeError          a request to a destination brought no response
        └── AbandonedExchange  it was cut off on purpose, after a freeze for instance

None of these ends the process: each is reported once, and the lifecycle goes on.
"""


class ExtensionError(Exception):
    """Base of all errors that the extension raises itself."""


class LambdaApiError(ExtensionError):
    """The Extensions API or the Telemetry API refused a call, or could not be reached.

    Attributes:
        status: The HTTP status; 0 if there was no response.
    """

    def __init__(self, call: str, status: int, detail: str) -> None:
        super().__init__(f"{call}: {status or 'no response'} {detail}".rstrip())
        self.status = status


class SettingsError(ExtensionError):
    """A destination cannot be used; the text says which variable to set, and never its value."""


class SecretError(ExtensionError):
    """A secret cannot be read; the text never has any part of it."""


class ExchangeError(ExtensionError):
    """A request to a destination brought no response within its time."""


class AbandonedExchange(ExchangeError):  # noqa: N818 -- what it is says more than that it is an error
    """A request that was cut off on purpose, and is to be sent again at once."""
