"""What can stop a replay.

The tree::

    ReplayError
    ├── UsageError     what was asked for cannot be done; nothing has been tried
    ├── StoreError     an object or a checkpoint cannot be listed, read, written or moved
    │   ├── GoneError      the object is no longer there
    │   ├── ChangedError   the object has been overwritten meanwhile
    │   └── TakenError     another replay has written the checkpoint meanwhile
    └── StoppedError   the operator has ended the replay

What is wrong with a single record is not an error: it is a reason, kept with the object.
"""

import traceback


class ReplayError(Exception):
    """Stops a replay, or one object of it; the text says what is wrong."""


class UsageError(ReplayError):
    """The command line, the event or the environment asks for something that cannot be done."""


class StoppedError(ReplayError):
    """The operator has ended the replay; what the listener has accepted is recorded."""


class StoreError(ReplayError):
    """A bucket or a folder does not do what it is asked to."""


class GoneError(StoreError):
    """An object is not where it was found, since somebody has moved it meanwhile."""


class ChangedError(StoreError):
    """An object is not the one that was listed: somebody has overwritten it meanwhile."""

    def __init__(self, action: str) -> None:
        super().__init__(
            f"cannot {action}: it has been overwritten since it was listed; "
            "the next replay sends it"
        )


class TakenError(StoreError):
    """A checkpoint is not the one that this replay knows: another replay works on its object."""

    def __init__(self, action: str) -> None:
        super().__init__(f"cannot {action}: it has changed")


def describe_unexpected(error: Exception) -> str:
    """Return the name of an unexpected error and where it was raised, without its text.

    The text may repeat anything, a secret too.
    """
    *_, frame = traceback.extract_tb(error.__traceback__)
    return f"unexpected error: {type(error).__name__} in {frame.name}, line {frame.lineno}"
