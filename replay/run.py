"""A replay: object after object, batch after batch, with a checkpoint after each step.

A dry run takes the same way: its sender sends nothing, and nothing is written or moved.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from replay.checkpoint import SENT, Checkpoint, CheckpointStore
from replay.content import Batch, batches_of, read_object
from replay.errors import (
    GoneError,
    ReplayError,
    StoppedError,
    StoreError,
    TakenError,
    describe_unexpected,
)
from replay.options import MOVE, Options
from replay.report import ReplayResult, Tally
from replay.sending import BatchResult, BatchSender, Cause
from replay.stores import Store, StoredObject

# Of one object; the next batches would be refused as well.
_MAX_REFUSED_BATCHES = 3

_TAKEN = "another replay is at work on it"


class Replay:
    """Replays the objects of a store.

    Args:
        stores: The backup objects, and their checkpoints, as `open_location` returns them.
        sender: Converts and sends.
        options: What to replay.
        show: Takes the name of an object, and what has happened to it.
        track: Passes objects on, and may show how many are done.
        end: When to stop, in monotonic seconds; None: never.

    Attributes:
        result: What has been done by now, also if the replay was interrupted.
    """

    def __init__(
        self,
        stores: tuple[Store, Store],
        sender: BatchSender,
        options: Options,
        show: Callable[[str, str], object],
        *,
        track: Callable[[Iterable[StoredObject]], Iterable[StoredObject]] = iter,
        end: float | None = None,
    ) -> None:
        self._objects, checkpoints = stores
        self._checkpoints = CheckpointStore(
            checkpoints, sender.listener, writable=not options.dry_run
        )
        self._sender = sender
        self._options = options
        self._show = show
        self._track = track
        self._end = end
        # Objects that were given up since the listener has settled anything.
        self._given_up = 0
        self.result = ReplayResult()

    @property
    def has_begun(self) -> bool:
        """Whether anything was sent, or an object was found wanting."""
        return bool(self.result.tally.counts or self.result.sent or self.result.left)

    def document(self) -> dict[str, Any]:
        """Return the result by now, as JSON."""
        preview = self._sender.preview
        return self.result.document() if preview is None else self.result.dry_run_document(preview)

    def run(self) -> ReplayResult:
        """Replay all objects that the options select, in their order.

        Raises:
            StoreError: The objects cannot be listed, or a checkpoint cannot be read or
                written: nothing is sent without one.
        """
        objects = [found for found in self._objects.objects() if self._options.selects(found)]
        self.result.found = len(objects)
        # Whatever ends this before the last object leaves it so.
        self.result.more = True
        self._show(f"{len(objects)} objects", f"{sum(found.size for found in objects):,} bytes")
        self.result.more = not all(map(self._replay, self._track(objects)))
        return self.result

    def _replay(self, found: StoredObject) -> bool:
        """Replay one object unless it has been sent; return whether to go on."""
        checkpoint = self._checkpoints.open(found)
        try:
            if checkpoint.status != SENT:
                if self._is_over():
                    return False
                self.result.begun += 1
                _begin(checkpoint)
            if checkpoint.status != SENT:
                return self._send(found, checkpoint)
        except TakenError:
            self._leave(found, _TAKEN)
            return True
        if self._move_away(found):
            self.result.sent_before += 1
            self._show(found.name, "sent before")
        return True

    def _is_over(self) -> bool:
        limit = self._options.limit
        return self._out_of_time() or (limit is not None and self.result.begun >= limit)

    def _out_of_time(self) -> bool:
        return self._end is not None and time.monotonic() >= self._end

    def _send(self, found: StoredObject, checkpoint: Checkpoint) -> bool:
        """Send what is not settled of an object; return whether to go on with the next one."""
        try:
            records = read_object(self._objects, found)
        except StoreError as error:
            self._close(found, checkpoint, {"object": str(error)})
            return True
        left: dict[str, str] = {}
        failed: list[BatchResult] = []
        for number, batch in enumerate(batches_of(records)):
            if checkpoint.is_settled(number):
                continue
            if self._out_of_time():
                return self._pause(found, checkpoint)
            result = self._send_batch(batch, number, checkpoint)
            self.result.tally.add(result.tally)
            if result.out_of_time:
                return self._pause(found, checkpoint)
            if result.left:
                left[_numbers(batch)] = result.left
                left.update(result.unreadable)
            else:
                checkpoint.settle(number, result.unreadable)
            if result.cause is None:
                failed.clear()
                self._given_up = 0 if result.settled else self._given_up
                continue
            failed.append(result)
            if result.cause is not Cause.REFUSED or len(failed) == _MAX_REFUSED_BATCHES:
                break
        self._close(found, checkpoint, left)
        return self._may_go_on(failed)

    def _may_go_on(self, failed: list[BatchResult]) -> bool:
        """Return whether to go on with the next object.

        Args:
            failed: The last batches of an object, of which nothing was settled.
        """
        if failed and failed[-1].cause is not None:
            self._given_up += 1
            if self._given_up >= failed[-1].cause.value:
                self.result.stopped = failed[-1].left
        return not self.result.stopped

    def _send_batch(self, batch: Batch, number: int, checkpoint: Checkpoint) -> BatchResult:
        try:
            return self._sender.send(batch, number, checkpoint, self._end)
        except StoppedError:
            checkpoint.save()
            raise
        except ReplayError:
            raise
        except Exception as error:  # noqa: BLE001 - one object must not stop the others
            count = len(batch.records)
            counts = Counter(records=count, unreadable=count)
            return BatchResult(Tally(counts), left=describe_unexpected(error))

    def _pause(self, found: StoredObject, checkpoint: Checkpoint) -> bool:
        """Leave an object for the next replay, since the time is over."""
        checkpoint.save()
        self._show(found.name, "to be continued")
        return False

    def _close(self, found: StoredObject, checkpoint: Checkpoint, left: dict[str, str]) -> None:
        """Record how an object has ended."""
        checkpoint.close(left)
        reasons = {**checkpoint.reasons, **left}
        if reasons:
            what, reason = next(iter(reasons.items()))
            more = " (and more: its checkpoint lists them)" if len(reasons) > 1 else ""
            self._leave(found, f"{what}: {reason}{more}")
            return
        if self._move_away(found):
            self.result.sent += 1
            self._show(found.name, "to be sent" if self._options.dry_run else "sent")

    def _leave(self, found: StoredObject, reason: str) -> None:
        self.result.left[found.name] = reason
        self._show(found.name, f"left: {reason}")

    def _move_away(self, found: StoredObject) -> bool:
        """Move a sent object away if that is asked for; return False where it is left."""
        if self._options.done != MOVE or self._options.dry_run:
            return True
        try:
            self._objects.move_away(found)
        except GoneError:
            # Another replay has moved it.
            return True
        except StoreError as error:
            # Its checkpoint says that it is sent: the next replay moves it, unless it is another.
            self._leave(found, str(error))
            return False
        return True


def _numbers(batch: Batch) -> str:
    (first, _), (last, _) = batch.records[0], batch.records[-1]
    return f"records {first} to {last}"


def _begin(checkpoint: Checkpoint) -> None:
    """Begin with an object, or find that another replay has sent it meanwhile.

    Raises:
        TakenError: Another replay works on it.
    """
    try:
        checkpoint.save()
    except TakenError:
        checkpoint.resume()
        if checkpoint.status != SENT:
            raise
