"""Info series on their way to the listener, through the receiver's own converter and sender."""

from collections.abc import Iterable, Iterator
from itertools import islice

from converters.convert import Conversion
from converters.profiles.verbatim import Verbatim
from handler.access import Keyring, own_token, redactor_of, secrets_of
from handler.account import Sent
from handler.client import Client
from handler.clock import Clock
from handler.conversion import new_converter, rules_of
from handler.endpoint import endpoint_at
from handler.settings import Settings
from handler.shipping import Shipping
from handler.telemetry import Telemetry
from tags.records import records_of
from tags.series import InfoNaming, InfoSeries, OtlpNaming, ProfileNaming

# Of half a megabyte each: what is converted at once is in memory several times.
_RECORDS_AT_ONCE = 4


class SeriesSender:
    """Sends info series in portions; keeps connections, and what it knows of the listener.

    Args:
        settings: The receiver's settings.
        clock: Time and chance.
        telemetry: Takes warnings.
        client: Makes the requests; None for one over the network.

    Attributes:
        naming: How info series are named.
    """

    def __init__(
        self, settings: Settings, clock: Clock, telemetry: Telemetry, client: Client | None = None
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._keyring = Keyring(settings, clock.monotonic, telemetry.warning)
        self._shipping = Shipping(settings, clock, telemetry.warning, client)
        rules = rules_of(settings)
        self.naming: InfoNaming = (
            OtlpNaming()
            if settings.otlp_endpoint
            else ProfileNaming(rules, settings.p8s_logzio_name)
        )
        # The names are made already, and values of tags keep their case.
        self._converter = new_converter(settings, rules._replace(others=Verbatim(), keep_case=True))

    def send(
        self, series: Iterable[InfoSeries], time_ms: int, end: float, *, stale: bool = False
    ) -> Iterator[tuple[Conversion, Sent]]:
        """Convert and send series; yield what has happened to each portion of them.

        Args:
            series: The series, each once.
            time_ms: The time of their samples, in ms since the epoch.
            end: When to stop, by the clock's monotonic time.
            stale: Whether the samples are markers that the series have ended.

        Raises:
            SettingsError, SecretError, CredentialsError: There is no token, or it cannot be
                fetched.
        """
        settings = self._settings
        token = own_token(settings, self._keyring)
        endpoint = endpoint_at(settings.listener, settings, token, self._keyring.headers)
        records = records_of(series, time_ms, None if stale else self.naming.value)
        while portion := list(islice(records, _RECORDS_AT_ONCE)):
            conversion = self._converter.convert(
                enumerate(portion),
                p8s_logzio_name=settings.p8s_logzio_name,
                delivered_ms=time_ms,
            )
            deadline = min(end, self._clock.monotonic() + settings.budget_seconds)
            yield conversion, self._shipping.send(conversion, endpoint, deadline)

    def redact(self, text: str) -> str:
        """Return a text without secrets, those that have been fetched meanwhile too."""
        return redactor_of(tuple(secrets_of(self._settings, self._keyring, None, "")))(text)
