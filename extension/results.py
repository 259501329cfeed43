"""What follows from the result of a batch: count it, put it back, drop it, report losses."""

from extension.backoff import Backoff
from extension.buffer import Buffer
from extension.clocks import Clocks
from extension.destinations.destination import Destination
from extension.destinations.responses import BatchResult, Meaning
from extension.own_log import OwnLog, location
from extension.records import LogRecord

UNAUTHORIZED = "unauthorized"
# The cause of an internal error may pass; after the third one in a row it is the batch.
_ERRORS_TO_DROP = 3
# A destination that asks for a longer wait than this is worth a warning.
_LONG_WAIT_SECONDS = 10.0
# How often a token store is asked for another token after a refusal.
_TOKEN_SECONDS = 60.0
_SECONDS_BETWEEN_LOSS_RECORDS = 10.0


class ResultHandler:
    """Applies the results of the batches of one destination, and reports losses to it.

    It has `stopped` if the destination refused the token and there is no other one.
    """

    def __init__(
        self,
        destination: Destination,
        buffer: Buffer,
        backoff: Backoff,
        clocks: Clocks,
        log: OwnLog,
    ) -> None:
        self._destination = destination
        self._buffer = buffer
        self._backoff = backoff
        self._clocks = clocks
        self._log = log
        self._errors = 0
        self._platform = {"platformDroppedRecords": 0, "platformDroppedBytes": 0}
        self._reported: dict[str, int] = {}
        self._last_report = float("-inf")
        self.stopped = False

    def handle(self, result: BatchResult, count: int) -> bool:
        """Account for the first records of the batch; return whether to send the next ones."""
        name = self._destination.name
        self._log.debug(f"{name}: {result.meaning.value} {count} records {result.detail}")
        self._errors = 0
        if result.meaning is Meaning.RETRY:
            self._retry(result)
            return False
        if result.meaning is Meaning.STOP:
            renewed = self._destination.renew()
            with self._buffer.changed:
                self._buffer.put_back()
                if not renewed:
                    self._token_refused(result.detail)
            return False
        self._backoff.succeeded()
        if result.meaning is Meaning.SENT:
            refused, reason = min(max(result.refused, 0), count), "refused"
        else:
            refused, reason = count, "oversized" if result.meaning is Meaning.HALVE else "refused"
        # In one step: otherwise a flush could end before the losses are queued.
        with self._buffer.changed:
            self._buffer.resolve(count - refused)
            self._drop(reason, refused, result.detail)
            if refused < count:
                self.report_losses()
        return True

    def internal_error(self, error: Exception) -> None:
        """Keep the batch after an error of the extension itself; drop it after the third."""
        name = self._destination.name
        self._log.warn_once(f"{name} error", f"error while sending to {name}: {location(error)}")
        self._backoff.failed(None)
        self._errors += 1
        if self._errors >= _ERRORS_TO_DROP:
            self._buffer.resolve(self._buffer.in_batch, "fault")
            self._errors = 0
        else:
            self._buffer.put_back()

    def platform_dropped(self, records: int, size: int) -> None:
        """Count a `platform.logsDropped`: records and bytes that the platform could not keep."""
        with self._buffer.changed:
            self._platform["platformDroppedRecords"] += records
            self._platform["platformDroppedBytes"] += size

    def report_losses(self, *, final: bool = False) -> None:
        """Queue one record about all losses since the last one, if there are any.

        There is at most one in ten seconds: a destination that refuses these records too would
        otherwise be sent one for each that it refused, without end. No other follows a final one.
        """
        with self._buffer.changed:
            now = self._clocks.monotonic()
            if now - self._last_report < _SECONDS_BETWEEN_LOSS_RECORDS and not final:
                return
            total = {**self._buffer.account().lost, **self._platform}
            new = {name: count - self._reported.get(name, 0) for name, count in total.items()}
            lost = {name: count for name, count in new.items() if count > 0}
            if not lost:
                return
            self._last_report = now
            counts = ", ".join(f"{name}={count}" for name, count in sorted(lost.items()))
            content = {"message": f"log records were lost: {counts}", "logsDropped": lost}
            record = LogRecord(self._clocks.timestamp(), "extension", content, None, "WARN")
            try:
                line = self._destination.encode(record)
            except Exception as error:  # noqa: BLE001 -- promise 1: it is reported again later
                self._log.warn_once("encode", f"cannot encode a record: {location(error)}")
                return
            self._reported = total
            self._buffer.add([line])

    def _retry(self, result: BatchResult) -> None:
        name = self._destination.name
        self._backoff.failed(result.retry_after)
        if self._backoff.open or (result.retry_after or 0.0) > _LONG_WAIT_SECONDS:
            self._log.warn_once(
                f"{name} down",
                f"{name} cannot be reached ({result.detail}); records are kept and sent when it "
                "is back, the oldest are dropped when BUFFER_MAX_BYTES is reached",
            )
        self._buffer.put_back()

    def _drop(self, reason: str, count: int, detail: str) -> None:
        if count:
            self._buffer.resolve(count, reason)
            self._log.warn_once(
                f"{self._destination.name} {reason}",
                f"{self._destination.name} did not accept {count} records ({reason}): {detail}; "
                "later ones are counted without a warning",
            )

    def _token_refused(self, detail: str) -> None:
        """Stop sending, or wait for another token if it is in a store."""
        name = self._destination.name
        if self._destination.renewable:
            self._backoff.failed(_TOKEN_SECONDS)
            consequence = (
                "records are kept, and sent when the secret holds another one, which is checked "
                "once a minute"
            )
        else:
            self.stopped = True
            self._buffer.drop_all(UNAUTHORIZED)
            consequence = "nothing more is sent to it until the function is configured anew"
        self._log.warn_once(f"{name} stopped", f"{name} refuses access ({detail}); {consequence}")
