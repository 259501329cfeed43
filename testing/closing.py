"""The base of everything that runs from its construction until it is closed."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from types import TracebackType
from typing import Self


class Closing(ABC):
    """Something that runs from its construction until `close` or the end of `with`."""

    def __enter__(self) -> Self:
        """Return it; it runs already."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close it, and raise its first failure unless another error is being raised."""
        if error is not None:
            self.abandon()
        self.close()
        if self.failures and error is None:
            raise self.failures[0]

    @property
    def failures(self) -> Sequence[BaseException]:
        """Errors of its threads, which have no caller to raise to."""
        return ()

    def abandon(self) -> None:  # noqa: B027 -- for subclasses
        """Give up what is in progress, since an error ends the block; called before `close`."""

    @abstractmethod
    def close(self) -> None:
        """Stop, and release sockets, threads and processes."""
