"""What becomes of a batch once its answer is known: accounted for, put back, or given up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extension.destinations.destination import Meaning
from extension.own_log import where

if TYPE_CHECKING:
    from extension.buffer import Buffer
    from extension.destinations.destination import BatchResult, Destination
    from extension.losses import Losses
    from extension.own_log import OwnLog
    from extension.patience import Patience

UNAUTHORIZED = "unauthorized"
# A fault of our own may be one of the moment; the third time it is one of the batch.
_FAULTS_TO_DROP = 3
# A destination that asks for more patience than this is worth a line.
_LONG_WAIT_SECONDS = 10.0
# How long a stored token that is refused is kept on with; the store may soon have another.
_TOKEN_SECONDS = 60.0


class Settlement:
    """
    Carries out what answers mean for the records of one destination.

    Args:
        destination: May have a newer token.
        buffer: Holds the batch.
        patience: Is told of failures and successes.
        losses: Tells the destination what it did not get.
        log: Is told what an operator has to mend.

    Attributes:
        stopped: Whether the destination has refused a token for which there is no other.
    """

    def __init__(
        self,
        destination: Destination,
        buffer: Buffer,
        patience: Patience,
        losses: Losses,
        log: OwnLog,
    ) -> None:
        self._destination = destination
        self._buffer = buffer
        self._patience = patience
        self._losses = losses
        self._log = log
        self._faults = 0
        self.stopped = False

    def whole(self) -> None:
        """Know that a batch came to its end without a fault of our own."""
        self._faults = 0

    def settle(self, verdict: BatchResult, count: int) -> bool:
        """Account for some records of the batch; tell whether the next ones may be sent."""
        name = self._destination.name
        self._log.debug(f"{name}: {verdict.meaning.value} {count} records {verdict.detail}")
        if verdict.meaning is Meaning.RETRY:
            self._patience.failed(verdict.retry_after)
            if self._patience.open or (verdict.retry_after or 0.0) > _LONG_WAIT_SECONDS:
                self._log.warn_once(
                    f"{name} down",
                    f"{name} cannot be reached ({verdict.detail}); records are kept and sent "
                    "when it is back, the oldest are dropped when BUFFER_MAX_BYTES is reached",
                )
            self._buffer.put_back()
            return False
        if verdict.meaning is Meaning.STOP:
            renewed = self._destination.renew()
            with self._buffer.changed:
                self._buffer.put_back()
                if not renewed:
                    self._refused_token(verdict.detail)
            return False
        self._patience.succeeded()
        if verdict.meaning is Meaning.SENT:
            refused, reason = min(max(verdict.refused, 0), count), "refused"
        else:
            refused, reason = count, "oversized" if verdict.meaning is Meaning.HALVE else "refused"
        with self._buffer.changed:
            # At once, for a flush would be over before the losses are queued.
            self._buffer.resolve(count - refused)
            self._drop(reason, refused, verdict.detail)
            if refused < count:
                self._losses.report()
        return True

    def _drop(self, reason: str, count: int, detail: str) -> None:
        if count:
            self._buffer.resolve(count, reason)
            self._log.warn_once(
                f"{self._destination.name} {reason}",
                f"{self._destination.name} did not take {count} records ({reason}): {detail}; "
                "said once, counted always",
            )

    def _refused_token(self, detail: str) -> None:
        """Stop; where the token is in a store, only until the store may have another."""
        name = self._destination.name
        if self._destination.renewable:
            self._patience.failed(_TOKEN_SECONDS)
            self._log.warn_once(
                f"{name} stopped",
                f"{name} refuses the token ({detail}); records are kept, and sent when the "
                "secret holds another one, which is looked for once a minute",
            )
            return
        self.stopped = True
        self._buffer.drop_all(UNAUTHORIZED)
        self._log.warn_once(
            f"{name} stopped",
            f"{name} refuses the token ({detail}); nothing more is sent to it "
            "until the function starts anew with the right one",
        )

    def fault(self, error: Exception) -> None:
        """Account for a fault of our own: a batch that brings one again and again is dropped."""
        name = self._destination.name
        self._log.warn_once(f"{name} fault", f"fault while sending to {name}: {where(error)}")
        self._patience.failed(None)
        self._faults += 1
        if self._faults >= _FAULTS_TO_DROP:
            self._buffer.resolve(self._buffer.in_batch, "fault")
            self._faults = 0
        else:
            self._buffer.put_back()
