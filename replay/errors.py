"""
What can stop a replay.

The tree::

    ReplayError
    ├── UsageError     what was asked for cannot be done; nothing has been tried
    ├── StoreError     an object or a note cannot be listed, read, written or moved
    └── StoppedError   the operator has ended it

What is wrong with a single record is no error: it is a reason, kept with the object.
"""

from __future__ import annotations


class ReplayError(Exception):
    """Stops a replay, or an object of it; the text tells the operator what is wrong."""


class UsageError(ReplayError):
    """The command line, the event or the environment asks for something that cannot be done."""


class StoppedError(ReplayError):
    """The operator has ended the replay; requests that were under way have been noted."""


class StoreError(ReplayError):
    """A bucket or a folder does not do what it is asked to."""
