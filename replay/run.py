"""A replay: object after object, batch after batch, noted as it goes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from replay.batches import batches_of, records_of
from replay.checkpoint import SENT, Checkpoint
from replay.errors import GoneError, ReplayError, StoreError, TakenError, unforeseen
from replay.shipping import Shipped
from replay.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handler.delivery import Record
    from replay.batches import Batch
    from replay.shipping import Shipper
    from replay.stores import Found, Notebook, Source

MARK = "mark"
MOVE = "move"

_TAKEN = "another replay is at work on it"


class Watcher(Protocol):
    """Who wants to see how a replay goes on."""

    def begin(self, objects: Sequence[Found]) -> None:
        """See all objects before the first one is replayed."""

    def batch(self, found: Found, share: float, tally: Tally) -> None:
        """See what became of a batch; so much of its object, from 0 to 1, is behind us."""

    def object(self, found: Found, words: str) -> None:
        """See what became of an object."""

    def end(self) -> None:
        """See no more."""


@dataclass
class Outcome:
    """
    What a replay comes to.

    Attributes:
        found: Objects that were found.
        sent: Objects that are sent whole.
        already: Objects that had been sent before.
        left: Objects of which something is left, and why.
        tally: The account of this replay. Of a batch that an earlier one had begun,
            what that one has sent counts too.
        more: Whether objects have not been come to.
        stopped: Why the replay has ended before its end; empty where it has not.
    """

    found: int = 0
    sent: int = 0
    already: int = 0
    left: dict[str, str] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)
    more: bool = False
    stopped: str = ""

    @property
    def complete(self) -> bool:
        """Whether nothing is left to be sent."""
        return not self.left and not self.more and not self.stopped


@dataclass(frozen=True)
class Bounds:
    """
    How far to go.

    Attributes:
        done: MARK or MOVE: what is done with an object that is sent whole.
        limit: At most so many objects that have not been sent yet; None for all.
        end: When to stop, by the shipper's monotonic clock; None: at the end.
    """

    done: str = MARK
    limit: int | None = None
    end: float | None = None


class Replay:
    """
    Replays objects.

    Args:
        source: Where they are.
        notebook: Where the notes about them are.
        shipper: What converts and sends.
        watcher: Who wants to see it.
        bounds: How far to go.

    Attributes:
        outcome: What it has come to by now; also where the replay was interrupted.
    """

    def __init__(
        self,
        source: Source,
        notebook: Notebook,
        shipper: Shipper,
        watcher: Watcher,
        bounds: Bounds,
    ) -> None:
        self._source = source
        self._notebook = notebook
        self._shipper = shipper
        self._watcher = watcher
        self._bounds = bounds
        self._handled = 0
        self.outcome = Outcome()

    def run(self, objects: Sequence[Found]) -> Outcome:
        """
        Replay objects, in their order.

        Raises:
            StoreError: The notes cannot be listed, read or written: nothing is sent
                of which no note can be kept.
        """
        self.outcome.found = len(objects)
        # Whatever ends this before the last object leaves it so.
        self.outcome.more = True
        noted = self._notebook.names()
        self._watcher.begin(objects)
        try:
            self.outcome.more = not all(self._handle(found, noted) for found in objects)
        finally:
            self._watcher.end()
        return self.outcome

    def _handle(self, found: Found, noted: set[str]) -> bool:
        """Replay one object unless it has been sent; return whether to go on."""
        checkpoint = Checkpoint(found, self._shipper.listener, self._notebook)
        if found.name in noted:
            checkpoint.resume()
        try:
            if checkpoint.status != SENT:
                if self._is_over():
                    return False
                self._handled += 1
                _begin(checkpoint)
            if checkpoint.status != SENT:
                return self._replay(found, checkpoint)
        except TakenError:
            self.outcome.left[found.name] = _TAKEN
            self._watcher.object(found, f"left: {_TAKEN}")
            return True
        self.outcome.already += 1
        self._put_away(found)
        self._watcher.object(found, "sent before")
        return True

    def _is_over(self) -> bool:
        limit = self._bounds.limit
        return self._out_of_time() or (limit is not None and self._handled >= limit)

    def _out_of_time(self) -> bool:
        return self._bounds.end is not None and self._shipper.monotonic() >= self._bounds.end

    def _replay(self, found: Found, checkpoint: Checkpoint) -> bool:
        """Replay one object; return whether to go on with the next one."""
        try:
            records = records_of(self._source, found)
        except StoreError as error:
            self._close(found, checkpoint, {"object": str(error)})
            return True
        left = {f"record {r.number}": r.problem for r in records if r.content is None}
        unread = Counter(records=len(left), unreadable=len(left))
        self.outcome.tally.add(Tally(counts=unread))
        return self._send(found, checkpoint, records, left)

    def _send(
        self,
        found: Found,
        checkpoint: Checkpoint,
        records: Sequence[Record],
        left: dict[str, str],
    ) -> bool:
        """Send what is not settled of an object; return whether to go on with the next one."""
        batches = batches_of(records)
        for number, batch in enumerate(batches):
            if checkpoint.is_settled(number):
                continue
            if self._out_of_time():
                return self._break_off(found, checkpoint)
            shipped = self._ship(batch, number, checkpoint)
            self.outcome.tally.add(shipped.tally)
            self._watcher.batch(found, (number + 1) / len(batches), shipped.tally)
            if not shipped.left:
                checkpoint.settle(number, shipped.tally, shipped.unreadable)
                continue
            if shipped.cut:
                return self._break_off(found, checkpoint)
            left[f"records {batch[0][0]} to {batch[-1][0]}"] = shipped.left
            left.update(shipped.unreadable)
            if shipped.hopeless:
                self.outcome.stopped = shipped.left
                break
        self._close(found, checkpoint, left)
        return not self.outcome.stopped

    def _ship(self, batch: Batch, number: int, checkpoint: Checkpoint) -> Shipped:
        try:
            return self._shipper.ship(batch, number, checkpoint, self._bounds.end)
        except ReplayError:
            raise
        except Exception as error:  # noqa: BLE001 - one object must not keep the others back
            counts = Counter(records=len(batch), unreadable=len(batch))
            return Shipped(Tally(counts), left=unforeseen(error))

    def _break_off(self, found: Found, checkpoint: Checkpoint) -> bool:
        """Leave an object for another time, since there is none left now."""
        checkpoint.save()
        self._watcher.object(found, "to be continued")
        return False

    def _close(self, found: Found, checkpoint: Checkpoint, left: dict[str, str]) -> None:
        """Note how an object has ended."""
        checkpoint.close(left)
        reasons = {**checkpoint.reasons, **left}
        if reasons:
            place, words = next(iter(reasons.items()))
            more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
            self.outcome.left[found.name] = f"{place}: {words}{more}"
            self._watcher.object(found, f"left: {self.outcome.left[found.name]}")
            return
        self.outcome.sent += 1
        self._put_away(found)
        self._watcher.object(found, "sent")

    def _put_away(self, found: Found) -> None:
        if self._bounds.done != MOVE:
            return
        try:
            self._source.put_away(found.name)
        except GoneError:
            # Another replay has done so.
            return
        except StoreError as error:
            # It is sent, and noted as such: the next replay moves it.
            self.outcome.left[found.name] = str(error)


def _begin(checkpoint: Checkpoint) -> None:
    """
    Begin with an object, or find that another replay has sent it meanwhile.

    Raises:
        TakenError: Another one is at work on it.
        StoreError: The note cannot be read or written.
    """
    try:
        checkpoint.begin()
    except TakenError:
        checkpoint.resume()
        if checkpoint.status != SENT:
            raise
