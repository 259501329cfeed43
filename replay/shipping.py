"""Batches on their way to the listener, through the function's own converter and sender."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from handler.access import Keyring, secrets_of
from handler.client import Client
from handler.conversion import new_converter
from handler.listener import endpoint_at
from handler.redaction import Redactor
from handler.sender import Clock, Sender
from replay.errors import ReplayError, StoppedError, UsageError
from replay.requests import BatchTransport, Pace
from replay.tally import tally_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from converters.bodies import Lane
    from converters.convert import Conversion
    from handler.account import Sent
    from handler.settings import Settings
    from replay.batches import Batch
    from replay.checkpoint import Checkpoint
    from replay.tally import Tally

REAL_TIME = Clock(
    monotonic=time.monotonic,
    wall=time.time,
    jitter=lambda ceiling: random.uniform(0, ceiling),  # noqa: S311 - spreads retries, no secret
)

# As many batches of which the listener takes nothing, and does not say why, mean that it
# will take none.
_MAX_REFUSED_WHOLE = 3


@dataclass(frozen=True)
class Manner:
    """
    How to send.

    Attributes:
        p8s_logzio_name: The label of that name; None for the setting's. A backup
            object does not carry the stream's common attributes.
        samples_per_second: The most on average; None for no limit.
        patience_seconds: How long to try until a batch is left, beside the time
            that the rate takes.
    """

    p8s_logzio_name: str | None = None
    samples_per_second: float | None = None
    patience_seconds: float = 60.0


@dataclass(frozen=True)
class Shipped:
    """
    What became of a batch.

    Attributes:
        tally: Its account.
        unreadable: What is wrong with records that could not be decoded, by their place.
        left: Why samples are undelivered; empty where every sample is settled.
        hopeless: Whether another batch would fare no better.
        cut: Whether there was just no more time.
    """

    tally: Tally
    unreadable: Mapping[str, str] = field(default_factory=dict)
    left: str = ""
    hopeless: bool = False
    cut: bool = False


class Shipper:
    """
    Converts and sends batches.

    Args:
        settings: The function's settings.
        manner: How to send.
        network: What makes the requests; None: over the network.
        clock: Time and chance.

    Attributes:
        stopped: Once set, nothing is sent any more.
    """

    def __init__(
        self,
        settings: Settings,
        manner: Manner,
        network: Client | None = None,
        clock: Clock = REAL_TIME,
    ) -> None:
        self.stopped = threading.Event()
        self._settings = settings
        self._manner = manner
        self._clock = clock
        self._network = network or Client(connections=settings.concurrency)
        self._pace = Pace(manner.samples_per_second, clock.monotonic, self.stopped)
        self._keyring = Keyring(settings, clock.monotonic)
        self._name = manner.p8s_logzio_name or settings.p8s_logzio_name
        self._converter = new_converter(settings)
        self._refused_whole = 0
        # A stack keeps one secret for both, and sends with the key where there is no token.
        self._token = self._keyring.token or self._keyring.access_key
        if not settings.scheme.needs_token:
            self._token = None
        self._endpoint = endpoint_at(settings.listener, settings, self._token)

    def check_token(self) -> None:
        """
        See to it that there is a token, where one is needed.

        Raises:
            UsageError: There is none.
            SecretError: It cannot be fetched.
        """
        if not self._settings.scheme.needs_token:
            return
        if self._token is None:
            raise UsageError(
                "there is no token: set LOGZIO_METRICS_TOKEN or LOGZIO_METRICS_TOKEN_ARN, "
                "or REMOTE_WRITE_AUTH=none"
            )
        self._token.versions()

    def convert(self, batch: Batch) -> Conversion:
        """Convert a batch; the same batch always makes the same bodies."""
        # An object has no time of delivery, so the newest point of each batch stands for it.
        return self._converter.convert(batch, p8s_logzio_name=self._name, delivered_ms=None)

    def ship(
        self, batch: Batch, number: int, checkpoint: Checkpoint, end: float | None = None
    ) -> Shipped:
        """
        Convert and send a batch, except for what had been accepted of it before.

        Args:
            batch: Records, each with its number in the object.
            number: The batch's number in the object.
            checkpoint: The note about the object.
            end: When to stop at the latest, by the clock's monotonic time; None: never.

        Raises:
            StoreError: The note cannot be written.
            StoppedError: The replay has been ended.
        """
        if self.stopped.is_set():
            raise StoppedError("interrupted")
        conversion = self.convert(batch)
        lanes = conversion.lanes
        patient_until = self._patient_until(lanes)
        deadline = patient_until if end is None else min(patient_until, end)
        transport = BatchTransport(self._network, lanes, number, checkpoint, self._pace, deadline)
        sender = Sender(
            transport,
            self._clock,
            concurrency=self._settings.concurrency,
            timeout_seconds=self._settings.timeout_seconds,
        )
        sent = sender.send(lanes, self._endpoint, deadline)
        for error in sent.errors:
            if isinstance(error, ReplayError):
                raise error
        tally = tally_of(len(batch), conversion, sent)
        tally.counts["requests"] = transport.requests
        redact = Redactor(secrets_of(self._settings, self._keyring, None, ""))
        tally.rejected = type(tally.rejected)({redact(k): n for k, n in tally.rejected.items()})
        tally.examples = {redact(k): redact(v) for k, v in tally.examples.items()}
        statuses = {status for status, _ in sent.failures}
        return Shipped(
            tally=tally,
            unreadable={f"record {n}": str(error) for n, error in conversion.failures.items()},
            left=redact(_words(sent)),
            hopeless=self._is_hopeless(statuses, transport, sent),
            cut=deadline < patient_until and statuses == {503},
        )

    def _patient_until(self, lanes: Sequence[Lane]) -> float:
        """Return when patience with a batch ends; what the rate takes is not the listener's."""
        waiting = self._pace.seconds_behind()
        waiting += self._pace.seconds_for(sum(body.samples for lane in lanes for body in lane))
        return self._clock.monotonic() + self._manner.patience_seconds + waiting

    def _is_hopeless(self, statuses: set[int], transport: BatchTransport, sent: Sent) -> bool:
        """Tell whether another batch would fare no better than one that has ended so."""
        if transport.refused and statuses == {500}:
            # Something in this batch may be why, where others were taken or will be.
            self._refused_whole = 0 if transport.accepted else self._refused_whole + 1
            return self._refused_whole >= _MAX_REFUSED_WHOLE
        self._refused_whole = 0
        return bool(statuses - {503}) or not (transport.accepted or sent.rejected)

    def monotonic(self) -> float:
        """Return the time in seconds, for durations."""
        return self._clock.monotonic()

    @property
    def listener(self) -> str:
        """Where everything goes, without a query, which may hold a secret."""
        return urlsplit(self._settings.listener)._replace(query="").geturl()


def _words(sent: Sent) -> str:
    if not sent.undelivered:
        return ""
    said = "; ".join(words for _, words in sent.failures)
    return f"{sent.undelivered} samples: {said}"
