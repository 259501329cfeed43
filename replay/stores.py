"""Where backup objects and the notes about them are kept, as the rest of the room sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime

# Objects that have been sent and put away lie below this name, in a folder or a bucket.
REPLAYED = "replayed"


@dataclass(frozen=True)
class Found:
    """
    A backup object that was found.

    Attributes:
        name: Its key, or its path in the folder with slashes.
        size: Its bytes as they are stored.
        modified: When it was written.
        identity: Differs where another object has come to the same name.
    """

    name: str
    size: int
    modified: datetime
    identity: str


@dataclass(frozen=True)
class Note:
    """
    What is noted about an object.

    Attributes:
        text: The note.
        version: Differs where the text does; it is what `Notebook.write` asks for.
    """

    text: str
    version: str


class Source(Protocol):
    """Backup objects."""

    @property
    def where(self) -> str:
        """What is read, for people."""

    def objects(self) -> list[Found]:
        """
        Return all objects in the order of their names; Firehose's names have the time in them.

        Raises:
            StoreError: They cannot be listed.
        """

    def read(self, name: str) -> bytes:
        """
        Return an object.

        Raises:
            StoreError: It cannot be read.
        """

    def put_away(self, name: str) -> None:
        """
        Move an object to where it will not be found again, below REPLAYED.

        Raises:
            GoneError: It is not there any more.
            StoreError: It cannot be moved; it may be in both places.
        """


class Notebook(Protocol):
    """Notes, one for each object, by its name."""

    @property
    def where(self) -> str:
        """Where the notes are, for people."""

    def names(self) -> set[str]:
        """
        Return the names of all objects with a note.

        Raises:
            StoreError: They cannot be listed.
        """

    def read(self, name: str) -> Note:
        """
        Return the note about an object.

        Raises:
            StoreError: It cannot be read.
        """

    def write(self, name: str, text: str, before: str) -> str:
        """
        Write the note about an object, in place of the one before it; whole or not at all.

        Args:
            name: The object.
            text: The note.
            before: The version of the note that it takes the place of; empty where
                there is to be none.

        Returns:
            Its version.

        Raises:
            TakenError: There is another note than that.
            StoreError: It cannot be written.
        """
