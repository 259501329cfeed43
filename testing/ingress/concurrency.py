"""Lambda's concurrency: an instance handles one request at a time, up to a limit of instances."""

import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import AbstractContextManager
from typing import Any, Protocol

from testing.closing import Closing


class ThrottledError(Exception):
    """All instances are busy, and the limit allows no further one."""


class LateError(Exception):
    """The function had not returned when its caller gave up; the invocation goes on."""


class Instance(Protocol):
    """One execution environment, such as `testing.emulator.Emulator`."""

    def invoke(self, event: Any) -> Any:
        """Return what the function returned.

        Raises:
            FunctionError: It returned nothing.
        """


class Instances(Closing):
    """The instances of one function, until the end of `with`.

    A request goes to the free instance that was used last; without one another is started.

    Args:
        start: Starts the instance with a number from 0; the end of its context stops it.
        limit: At most this many instances, as a function's reserved concurrency.

    Attributes:
        started: How many instances have been started.
    """

    def __init__(
        self, start: Callable[[int], AbstractContextManager[Instance]], limit: int
    ) -> None:
        self.started = 0
        self._start = start
        self._limit = limit
        self._running = contextlib.ExitStack()
        self._lock = threading.Lock()
        self._free: list[Instance] = []
        self._threads = ThreadPoolExecutor(limit, thread_name_prefix="instance")

    def close(self) -> None:
        """Wait for the invocations in progress, and stop all instances."""
        self._threads.shutdown()
        self._running.close()

    def invoke(self, event: Any, seconds: float) -> Any:
        """Invoke one instance.

        Args:
            event: The function's event.
            seconds: How long the caller waits.

        Returns:
            What the function returned.

        Raises:
            ThrottledError: No instance was free.
            FunctionError: The function returned nothing.
            LateError: It did not return in time.
        """
        future = self._threads.submit(self._run, event, self._take())
        try:
            return future.result(seconds)
        except FutureTimeoutError as error:
            raise LateError(f"no answer within {seconds} s") from error

    def _take(self) -> Instance:
        """Return a free instance, or start one."""
        with self._lock:
            if self._free:
                return self._free.pop()
            if self.started >= self._limit:
                raise ThrottledError(f"all {self._limit} instances are busy")
            number = self.started
            self.started += 1
        return self._running.enter_context(self._start(number))

    def _run(self, event: Any, instance: Instance) -> Any:
        try:
            return instance.invoke(event)
        finally:
            with self._lock:
                self._free.append(instance)
