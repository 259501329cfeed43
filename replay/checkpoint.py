"""
The note about one object: how far its replay has come, and what is left of it.

It is written before anything of the object is sent, after each request that the
listener has accepted, and at the end. So whenever a replay is interrupted, the
next one knows of every request that had been answered, and sends the others
again, with the same bytes.

A note is written only in place of the one that this replay has read or written
last. So of two replays at work on one object the one that came first sees at its
next note that the other one has gone on from there, and lets go of the object.
"""

from __future__ import annotations

import json
import threading
import uuid
from typing import TYPE_CHECKING, Any

from replay.batches import CUT
from replay.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Mapping

    from replay.stores import Found, Notebook

UNDER_WAY = "under way"
SENT = "sent"
LEFT = "left"

# Nobody reads more of them; the account has their number.
_MAX_REASONS = 100

# Two replays of one object that have come as far write different notes all the same.
_REPLAY = uuid.uuid4().hex


class Checkpoint:
    """
    The note about one object; safe for several threads.

    Args:
        found: The object.
        listener: Where the object goes, without secrets. A note about another
            listener does not count.
        notebook: Where the note is kept.

    Attributes:
        status: UNDER_WAY, SENT or LEFT.
        tally: The account of the batches that are settled.
        reasons: What could not be read in them, by what it is.
    """

    def __init__(self, found: Found, listener: str, notebook: Notebook) -> None:
        self._found = found
        self._listener = listener
        self._notebook = notebook
        self._lock = threading.Lock()
        self._settled: set[int] = set()
        self._accepted: dict[int, set[str]] = {}
        self._version = ""
        self.status = UNDER_WAY
        self.tally = Tally()
        self.reasons: dict[str, str] = {}

    def resume(self) -> None:
        """
        Go on where the last replay of the object has come to, if there was one.

        Raises:
            StoreError: The note cannot be read.
        """
        note = self._notebook.read(self._found.name)
        self._version = note.version
        try:
            self._take(json.loads(note.text))
        except (ValueError, TypeError, KeyError, AttributeError):
            # Not ours, or written by hand: the object is sent from its beginning.
            self._settled, self._accepted = set(), {}
            self.status, self.tally, self.reasons = UNDER_WAY, Tally(), {}

    def is_settled(self, batch: int) -> bool:
        """Tell whether nothing more has to be sent of a batch."""
        return batch in self._settled

    def has_accepted(self, batch: int, digest: str) -> bool:
        """Tell whether the listener has accepted a request of a batch before."""
        with self._lock:
            return digest in self._accepted.get(batch, ())

    def accept(self, batch: int, digest: str) -> None:
        """
        Note that the listener has accepted a request.

        Raises:
            StoreError: The note cannot be written.
        """
        with self._lock:
            self._accepted.setdefault(batch, set()).add(digest)
            self._write()

    def settle(self, batch: int, tally: Tally, reasons: Mapping[str, str]) -> None:
        """Keep the account of a batch of which nothing more has to be sent."""
        with self._lock:
            self._settled.add(batch)
            self._accepted.pop(batch, None)
            self.tally.add(tally)
            for place, words in reasons.items():
                if len(self.reasons) < _MAX_REASONS:
                    self.reasons[place] = words

    def begin(self) -> None:
        """
        Write the note before anything is sent.

        Raises:
            TakenError: Another replay has begun with the object.
            StoreError: It cannot be written, so that nothing could be resumed.
        """
        with self._lock:
            self.status = UNDER_WAY
            self._write()

    def save(self) -> None:
        """
        Write the note as it is, where the replay of the object goes on another time.

        Raises:
            StoreError: It cannot be written.
        """
        with self._lock:
            self._write()

    def close(self, left: Mapping[str, str]) -> None:
        """
        Write the note at the end of the object's replay.

        Args:
            left: What is left beside what could not be read in settled batches, and why.

        Raises:
            StoreError: It cannot be written.
        """
        with self._lock:
            self.status = LEFT if self.reasons or left else SENT
            self._write(left)

    def _write(self, left: Mapping[str, str] | None = None) -> None:
        document = {
            "object": self._found.name,
            "replay": _REPLAY,
            "identity": self._found.identity,
            "listener": self._listener,
            "cut": CUT,
            "status": self.status,
            "settled": sorted(self._settled),
            "accepted": {str(n): sorted(digests) for n, digests in self._accepted.items()},
            "account": self.tally.document(),
            "reasons": self.reasons,
            "left": dict(list((left or {}).items())[:_MAX_REASONS]),
        }
        text = json.dumps(document, indent=1) + "\n"
        self._version = self._notebook.write(self._found.name, text, self._version)

    def _take(self, document: Any) -> None:
        known = (document["identity"], document["listener"], document["cut"])
        if known != (self._found.identity, self._listener, CUT):
            return
        self._settled = {int(number) for number in document["settled"]}
        self._accepted = {int(n): set(d) for n, d in document["accepted"].items()}
        self.tally = Tally.from_document(document["account"])
        self.reasons = {str(k): str(v) for k, v in document["reasons"].items()}
        if document["status"] in (SENT, LEFT):
            self.status = document["status"]
