"""Batches on their way to the listener, through the function's own converter and sender."""

import enum
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from converters.convert import Conversion
from converters.reasons import DropReason
from handler.access import (
    Keyring,
    own_token,
    read_settings_redacted,
    redactor_of,
    secrets_of,
)
from handler.account import Sent
from handler.clock import Clock
from handler.conversion import new_converter
from handler.endpoint import endpoint_at
from handler.redaction import cut
from handler.settings import Settings, known_variables
from handler.shipping import new_sender
from handler.verdict import Verdict
from replay.checkpoint import Checkpoint
from replay.content import Batch
from replay.errors import ReplayError, StoppedError
from replay.hooks import SETTLING, BatchRequests, Pace, Preview
from replay.options import Options
from replay.report import Tally, tally_of

_CLOCK = Clock()

# Of the metrics with points in the future.
_MAX_METRICS, _MAX_METRICS_TEXT = 3, 300


class Cause(enum.Enum):
    """Why the listener has settled nothing of a batch.

    The value is how many objects in a row may end so before the replay does: an object may hold
    what the listener cannot take, so the next ones are tried.
    """

    WRONG_SETTING = 1
    UNAVAILABLE = 2
    REFUSED = 10


@dataclass(frozen=True)
class BatchResult:
    """What happened to a batch.

    Attributes:
        tally: Its numbers.
        unreadable: Why records cannot be read, by record.
        left: Why the next replay has to send it again; empty if every sample is settled.
        settled: Whether the listener has settled anything of it.
        cause: Why it has settled nothing; None if it has, or was not asked.
        out_of_time: Whether only the end of the replay's time was the reason.
    """

    tally: Tally
    unreadable: Mapping[str, str] = field(default_factory=dict)
    left: str = ""
    settled: bool = False
    cause: Cause | None = None
    out_of_time: bool = False


class BatchSender:
    """Converts and sends batches; in a dry run it only converts and counts them.

    Args:
        settings: The function's settings.
        options: How to send.
        clock: Time and chance.

    Raises:
        SettingsError: There is no token.
        SecretError, CredentialsError: A secret, or AWS's credentials, cannot be fetched.

    Attributes:
        stopped: Once set, nothing is sent any more.
        preview: What a dry run has found; None if this is not a dry run.
        listener: Where everything goes, without a query, which may hold a secret.
    """

    def __init__(self, settings: Settings, options: Options, clock: Clock = _CLOCK) -> None:
        self.stopped = threading.Event()
        self.listener = urlsplit(settings.listener)._replace(query="").geturl()
        self._settings = settings
        self._clock = clock
        self._patience = options.patience
        self._pace = Pace(options.rate, clock.monotonic, self.stopped)
        self._keyring = Keyring(settings, clock.monotonic)
        token = headers = None
        if not options.dry_run:
            token, headers = own_token(settings, self._keyring), self._keyring.headers
        self._name = options.p8s_logzio_name or settings.p8s_logzio_name
        self._converter = new_converter(settings)
        self._endpoint = endpoint_at(settings.listener, settings, token, headers)
        self.preview = Preview(self._endpoint.protocol.bodies) if options.dry_run else None
        self._sender = new_sender(settings, clock)

    def convert(self, batch: Batch) -> Conversion:
        """Convert a batch; it makes the same bodies each time, but for points in the future."""
        return self._converter.convert(
            batch.records,
            p8s_logzio_name=self._name,
            # An object does not have it.
            delivered_ms=None,
            replayed_ms=int(self._clock.wall() * 1000),
        )

    def send(
        self, batch: Batch, number: int, checkpoint: Checkpoint, end: float | None = None
    ) -> BatchResult:
        """Convert and send a batch, except what was accepted of it before.

        Args:
            batch: Records of the object.
            number: The batch's number in the object.
            checkpoint: The checkpoint of the object.
            end: When to stop, in monotonic seconds; None: never.

        Raises:
            StoreError: The checkpoint cannot be written.
            StoppedError: The replay has been ended.
        """
        if self.stopped.is_set():
            raise StoppedError("interrupted")
        conversion = self.convert(batch)
        lanes = conversion.lanes
        # The time that the rate takes is not the listener's.
        paced = self._pace.seconds_for(sum(body.samples for lane in lanes for body in lane))
        patient_until = self._clock.monotonic() + self._patience + paced
        deadline = patient_until if end is None else min(patient_until, end)
        requests = BatchRequests(lanes, number, checkpoint, self._pace, deadline)
        sent = self._sender.send(
            lanes,
            self._endpoint,
            deadline,
            self.preview or requests,
            checkpoint.settled_points(number),
            conversion.families,
        )
        for error in sent.errors:
            if isinstance(error, ReplayError):
                raise error
        statuses = {status for status, _ in sent.failures}
        redact = redactor_of(tuple(secrets_of(self._settings, self._keyring, None, "")))
        unreadable = batch.unreadable | {n: str(e) for n, e in conversion.failures.items()}
        tally = tally_of(batch, conversion, sent)
        tally.examples = {reason: redact(words) for reason, words in tally.examples.items()}
        return BatchResult(
            tally=tally,
            unreadable={f"record {number}": why for number, why in sorted(unreadable.items())},
            left=redact(_undelivered(conversion, sent)),
            settled=bool(sent.rejected or requests.verdicts & SETTLING),
            cause=_cause(statuses, requests.verdicts, sent),
            out_of_time=deadline < patient_until and statuses == {503},
        )


def open_sender(environ: Mapping[str, str], options: Options) -> BatchSender:
    """Return a sender with the settings of an environment.

    Raises:
        SettingsError: One message with every problem found, and without secrets; or there is no
            token.
        SecretError, CredentialsError: The token cannot be fetched.
    """
    variables = known_variables(environ) | options.variables
    return BatchSender(read_settings_redacted(variables), options)


def _cause(statuses: set[int], verdicts: set[Verdict], sent: Sent) -> Cause | None:
    """Return why the listener has settled nothing of a batch; None if it has."""
    if 401 in statuses or Verdict.MISDIRECTED in verdicts:
        return Cause.WRONG_SETTING
    if not sent.undelivered or sent.rejected or sent.errors or verdicts & SETTLING:
        return None
    return Cause.REFUSED if Verdict.UNEXPLAINED in verdicts else Cause.UNAVAILABLE


def _undelivered(conversion: Conversion, sent: Sent) -> str:
    """Return why a later replay has something to send; empty if it has not."""
    reasons = []
    if sent.undelivered:
        failures = "; ".join(reason for _, reason in sent.failures)
        reasons.append(f"{sent.undelivered} samples: {failures}")
    ahead = conversion.dropped_points.get(DropReason.IN_THE_FUTURE)
    if ahead:
        metrics = cut(
            ", ".join(conversion.warnings[DropReason.IN_THE_FUTURE][:_MAX_METRICS]),
            _MAX_METRICS_TEXT,
        )
        reasons.append(
            f"{ahead} data points of {metrics} are in the future: replay again when their time "
            "has come"
        )
    return "; ".join(reasons)
