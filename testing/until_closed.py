"""What runs from its construction until it is closed."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from types import TracebackType
from typing import Self


class UntilClosed(ABC):
    """Something that runs from its construction until `close` or the end of `with`."""

    def __enter__(self) -> Self:
        """Give it; it already runs."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close it; raise its first failure, unless something else is on its way."""
        self.close()
        if self.failures and error is None:
            raise self.failures[0]

    @property
    def failures(self) -> Sequence[BaseException]:
        """What went wrong in its threads, where nobody could be told."""
        return ()

    @abstractmethod
    def close(self) -> None:
        """End it, and give back what it holds."""
