"""The checkpoint of one object: how far its replay has come, and what is left of it.

It is written before anything of the object is sent, after each body that the
listener has settled, and at the end. However a replay is interrupted, the next
one knows every body that was settled, and repeats the others with the same
bytes. While a refused body is searched for the data points that the listener does
not want, it is written every few seconds.

A checkpoint only replaces the one that this replay has read or written last. If
two replays work on one object, the first one finds at its next checkpoint that
the other has taken over, and gives the object up.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Mapping
from typing import Any

from handler.settled import SettledPoints
from replay.content import BATCHING
from replay.stores import Store, StoredObject

UNDER_WAY = "under way"
SENT = "sent"
LEFT = "left"

# Enough to find the cause; the result has their number.
_MAX_REASONS = 100

# Isolating data points takes hundreds of requests, all of which change the checkpoint.
_SECONDS_BETWEEN_SAVES = 2.0

# Makes the checkpoints of two replays differ that have come equally far.
_REPLAY_ID = uuid.uuid4().hex


class CheckpointStore:
    """The checkpoints of a replay, as JSON under the names of their objects.

    Args:
        store: Where they are kept.
        listener: Where the objects go, without secrets. A checkpoint for another
            listener does not count.
        writable: Whether anything is written; False in a dry run.
    """

    def __init__(self, store: Store, listener: str, *, writable: bool = True) -> None:
        self.store = store
        self.listener = listener
        self.writable = writable
        self._names: set[str] | None = None

    def open(self, found: StoredObject) -> Checkpoint:
        """Return the checkpoint of an object, as an earlier replay has left it.

        Raises:
            StoreError: The checkpoints cannot be listed, or this one cannot be read.
        """
        if self._names is None:
            self._names = {stored.name for stored in self.store.objects()}
        checkpoint = Checkpoint(found, self)
        if checkpoint.name in self._names:
            checkpoint.resume()
        return checkpoint


class Checkpoint:
    """The checkpoint of one object; safe for several threads.

    Args:
        found: The object.
        store: Where the checkpoint is kept.

    Attributes:
        name: Its name in the store.
        status: UNDER_WAY, SENT or LEFT.
        reasons: Why records in settled batches could not be read, by record.
    """

    def __init__(self, found: StoredObject, store: CheckpointStore) -> None:
        self.name = f"{found.name}.json"
        self._object = found
        self._kept = store
        self._lock = threading.RLock()
        self._version = ""
        self._saved_at = 0.0
        self._reset()

    def _reset(self) -> None:
        self._settled: set[int] = set()
        self._accepted: dict[int, set[str]] = {}
        self._points: dict[int, SettledPoints] = {}
        self.status = UNDER_WAY
        self.reasons: dict[str, str] = {}

    def resume(self) -> None:
        """Read the checkpoint of an earlier replay, and go on from there.

        Raises:
            StoreError: The checkpoint cannot be read.
        """
        stored = self._kept.store.read(self.name)
        self._version = stored.version
        try:
            self._load(json.loads(stored.data))
        except (ValueError, TypeError, KeyError, AttributeError):
            # Not one of ours, or edited by hand: the object is sent from its beginning.
            self._reset()

    def is_settled(self, batch: int) -> bool:
        """Return whether nothing more has to be sent of a batch."""
        return batch in self._settled

    def has_accepted(self, batch: int, digest: str) -> bool:
        """Return whether the listener has settled a body of a batch before."""
        with self._lock:
            return digest in self._accepted.get(batch, ())

    def settled_points(self, batch: int) -> SettledPoints:
        """Return the data points of a batch that were settled one by one, to be added to."""
        with self._lock:
            return self._points.setdefault(batch, SettledPoints())

    def save_at_times(self) -> None:
        """Write the checkpoint unless that was done a moment ago.

        Raises:
            StoreError: It cannot be written.
        """
        with self._lock:
            if time.monotonic() - self._saved_at >= _SECONDS_BETWEEN_SAVES:
                self.save()

    def accept(self, batch: int, digest: str) -> None:
        """Record that the listener has settled a body.

        Raises:
            StoreError: The checkpoint cannot be written.
        """
        with self._lock:
            self._accepted.setdefault(batch, set()).add(digest)
            self.save()

    def settle(self, batch: int, reasons: Mapping[str, str]) -> None:
        """Record that nothing more has to be sent of a batch; `close` or `save` writes it."""
        with self._lock:
            self._settled.add(batch)
            self._accepted.pop(batch, None)
            self._points.pop(batch, None)
            for record, reason in reasons.items():
                if len(self.reasons) < _MAX_REASONS:
                    self.reasons[record] = reason

    def close(self, left: Mapping[str, str]) -> None:
        """Write the checkpoint at the end of the object's replay.

        Args:
            left: Why anything is left, beside the reasons of settled batches.

        Raises:
            StoreError: It cannot be written.
        """
        self.status = LEFT if self.reasons or left else SENT
        self.save(left)

    def save(self, left: Mapping[str, str] | None = None) -> None:
        """Write the checkpoint: before anything is sent, and when a replay is to go on later.

        Args:
            left: As for `close`.

        Raises:
            TakenError: Another replay has written it meanwhile.
            StoreError: It cannot be written, so nothing could be resumed.
        """
        with self._lock:
            document = {
                "object": self._object.name,
                "replay": _REPLAY_ID,
                "identity": self._object.identity,
                "listener": self._kept.listener,
                "cut": BATCHING,
                "status": self.status,
                "settled": sorted(self._settled),
                "accepted": {str(n): sorted(digests) for n, digests in self._accepted.items()},
                "points": {str(n): points.snapshot() for n, points in self._points.items()},
                "reasons": self.reasons,
                "left": dict(list((left or {}).items())[:_MAX_REASONS]),
            }
            data = (json.dumps(document, indent=1) + "\n").encode()
            if self._kept.writable:
                self._version = self._kept.store.write(self.name, data, self._version)
            self._saved_at = time.monotonic()

    def _load(self, document: Any) -> None:
        known = (document["identity"], document["listener"])
        if known != (self._object.identity, self._kept.listener):
            return
        if document["status"] == SENT:
            self.status = SENT
        if document["cut"] != BATCHING:
            return
        self._settled = {int(number) for number in document["settled"]}
        self._accepted = {int(n): set(digests) for n, digests in document["accepted"].items()}
        self._points = {int(n): SettledPoints(known) for n, known in document["points"].items()}
        self.reasons = {str(k): str(v) for k, v in document["reasons"].items()}
