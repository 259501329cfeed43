"""Long work that its caller can end: a delivery must be answered in time, whatever it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    # Called now and then; ends the work by raising an error of the caller's.
    Checkpoint = Callable[[], None]


def no_checkpoint() -> None:
    """Let the work take as long as it takes."""


_T = TypeVar("_T")

# About every ten milliseconds of conversion.
_ITEMS_BETWEEN = 1000


def checked(items: Iterable[_T], checkpoint: Checkpoint) -> Iterator[_T]:
    """Iterate over items, calling the checkpoint before the first and every thousandth."""
    for number, item in enumerate(items):
        if not number % _ITEMS_BETWEEN:
            checkpoint()
        yield item
