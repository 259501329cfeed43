"""Sending what was converted, in whichever function: its samples, and what is known of them."""

from collections.abc import Callable

from converters.convert import Conversion
from handler.account import Sent
from handler.client import Client
from handler.clock import Clock
from handler.conversion import sends_metadata
from handler.endpoint import Endpoint
from handler.metadata import MetadataSender
from handler.sender import Sender
from handler.settings import Settings


class Shipping:
    """Sends samples, and behind them what is due of the metadata.

    Args:
        settings: The operator's settings.
        clock: Time and chance.
        warn: Takes a message for the log, and what belongs to it.
        client: Makes the requests; None for one over the network.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        warn: Callable[..., None],
        client: Client | None = None,
    ) -> None:
        client = client or Client(connections=settings.concurrency)
        self._warn = warn
        self._sender = new_sender(settings, clock, client)
        self._metadata = MetadataSender(
            client,
            clock,
            enabled=sends_metadata(settings),
            max_bytes=settings.max_bytes,
            timeout_seconds=settings.timeout_seconds,
            warn=warn,
        )

    def send(self, conversion: Conversion, endpoint: Endpoint, deadline: float) -> Sent:
        """Send all samples, and return the account when all are settled or the time is over.

        Args:
            conversion: What was converted.
            endpoint: Where to.
            deadline: When to stop, by the clock's monotonic time.
        """
        families = conversion.families
        is_2_0 = self._sender.sends_2_0(endpoint)
        sent = self._sender.send(conversion.lanes, endpoint, deadline, families=families)
        if is_2_0 and not self._sender.sends_2_0(endpoint):
            self._warn("the listener does not know remote write 2.0: it gets 1.0")
        if not sent.undelivered and not self._sender.sends_2_0(endpoint):
            self._metadata.send(families, endpoint, deadline)
        return sent


def new_sender(settings: Settings, clock: Clock, client: Client | None = None) -> Sender:
    """Return a sender for the settings.

    Args:
        settings: The operator's settings.
        clock: Time and chance.
        client: Makes the requests; None for one over the network.
    """
    return Sender(
        client or Client(connections=settings.concurrency),
        clock,
        concurrency=settings.concurrency,
        timeout_seconds=settings.timeout_seconds,
    )
