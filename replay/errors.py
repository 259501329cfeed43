"""
What can stop a replay.

The tree::

    ReplayError
    ├── UsageError     what was asked for cannot be done; nothing has been tried
    ├── StoreError     an object or a note cannot be listed, read, written or moved
    │   ├── GoneError      the object is not there any more
    │   └── TakenError     another replay has written the note meanwhile
    └── StoppedError   the operator has ended it

What is wrong with a single record is no error: it is a reason, kept with the object.
"""

from __future__ import annotations

import traceback


class ReplayError(Exception):
    """Stops a replay, or an object of it; the text tells the operator what is wrong."""


class UsageError(ReplayError):
    """The command line, the event or the environment asks for something that cannot be done."""


class StoppedError(ReplayError):
    """The operator has ended the replay; requests that were under way have been noted."""


class StoreError(ReplayError):
    """A bucket or a folder does not do what it is asked to."""


class GoneError(StoreError):
    """An object is not where it was found, since somebody has moved it meanwhile."""


class TakenError(StoreError):
    """A note is not what this replay knows it to be: another one is at work on its object."""


def unforeseen(error: Exception) -> str:
    """Return what may be told of an error that nobody foresaw."""
    # Its own text may repeat anything; where it was raised may not.
    *_, place = traceback.extract_tb(error.__traceback__)
    return f"unforeseen error: {type(error).__name__} in {place.name}, line {place.lineno}"
