"""Lambda's concurrency: an instance takes one request at a time, and there are so many."""

import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import AbstractContextManager
from typing import Any, Protocol

from testing.until_closed import UntilClosed


class FunctionError(Exception):
    """The function has not answered: its process crashed, or was killed."""


class ThrottledError(Exception):
    """All instances are busy, and there may be no more of them."""


class LateError(Exception):
    """The function had not answered when its caller gave up; it goes on all the same."""


class Instance(Protocol):
    """One execution environment."""

    def invoke(self, event: Any) -> Any:
        """Give what the function returned.

        Raises:
            FunctionError: It has not returned.
        """


class Instances(UntilClosed):
    """The instances of one function, until the end of `with`.

    A free instance is taken, the one that was used last; where there is none, another is
    started.

    Args:
        start: Starts the instance of a number from 0, and ends it with its context.
        limit: How many there may be, as a function's reserved concurrency.
    """

    def __init__(
        self, start: Callable[[int], AbstractContextManager[Instance]], limit: int
    ) -> None:
        self._start = start
        self._limit = limit
        self._running = contextlib.ExitStack()
        self._lock = threading.Lock()
        self._free: list[Instance] = []
        self._started = 0
        self._threads = ThreadPoolExecutor(limit, thread_name_prefix="instance")

    def close(self) -> None:
        """Wait for the invocations that are under way, and end all instances."""
        self._threads.shutdown()
        self._running.close()

    @property
    def started(self) -> int:
        """How many instances have been started."""
        return self._started

    def invoke(self, event: Any, seconds: float) -> Any:
        """Have one instance work on an event.

        Args:
            event: The function's event.
            seconds: How long the caller waits.

        Returns:
            What the function returned.

        Raises:
            ThrottledError: No instance was free.
            FunctionError: The function ended without an answer.
            LateError: It did not answer in time.
        """
        future = self._threads.submit(self._run, event, self._take())
        try:
            return future.result(seconds)
        except FutureTimeoutError as error:
            raise LateError(f"no answer within {seconds} s") from error

    def _take(self) -> Instance:
        """Give a free instance, or start one."""
        with self._lock:
            if self._free:
                return self._free.pop()
            if self._started >= self._limit:
                raise ThrottledError(f"all {self._limit} instances are busy")
            number = self._started
            self._started += 1
        return self._running.enter_context(self._start(number))

    def _run(self, event: Any, instance: Instance) -> Any:
        try:
            return instance.invoke(event)
        finally:
            with self._lock:
                self._free.append(instance)
