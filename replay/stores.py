"""Where backup objects and checkpoints are kept, as the rest of the package sees it."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

REPLAYED = "replayed"
"""The folder, or the beginning of the keys, that sent objects are moved to."""


@dataclass(frozen=True)
class StoredObject:
    """A stored object, as it is listed.

    Attributes:
        name: Its key, or its path in the folder, with slashes.
        size: Its size in bytes, as it is stored.
        modified: When it was written.
        identity: Differs if another object has taken the name.
    """

    name: str
    size: int
    modified: datetime
    identity: str


class Content(NamedTuple):
    """The content of a stored object, and a version that differs if the content does."""

    data: bytes
    version: str


class Store(Protocol):
    """Objects by their names; `replay.folder` and `replay.bucket` have one each."""

    def objects(self) -> list[StoredObject]:
        """Return all objects, sorted by name: Firehose's names begin with the time.

        Raises:
            StoreError: They cannot be listed.
        """

    def read(self, name: str, identity: str = "") -> Content:
        """Return the content of an object.

        Args:
            name: The object.
            identity: What its identity must still be; empty for any.

        Raises:
            ChangedError: It has another identity.
            StoreError: It cannot be read.
        """

    def write(self, name: str, data: bytes, replaces: str) -> str:
        """Write an object, whole or not at all, if nobody else has written it meanwhile.

        Args:
            name: The object.
            data: Its new content.
            replaces: The version that it has; empty if it does not exist.

        Returns:
            The new version.

        Raises:
            TakenError: It has another version.
            StoreError: It cannot be written.
        """

    def move_away(self, found: StoredObject) -> None:
        """Move an object below REPLAYED, where `objects` does not find it.

        Raises:
            GoneError: It is no longer there.
            ChangedError: It has been overwritten since it was listed, and stays.
            StoreError: It cannot be moved; it may be in both places.
        """
