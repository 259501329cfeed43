"""What is sent when: all bodies once, then the parts of those that were refused."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from converters.bodies import Body, Lane
    from converters.split import Bodies, DataPoint
    from handler.client import ListenerResponse
    from handler.isolation import Isolation, Part


class Task(NamedTuple):
    """A body to send.

    Attributes:
        body: The body.
        following: The other bodies of its lane, to be sent when this one is settled; of a part,
            none.
        isolation: What it is a part of; None for a whole body.
        part: The data points in the body, if it is a part.
    """

    body: Body
    following: Lane
    isolation: Isolation | None = None
    part: Part = ()


class Schedule:
    """The bodies of a delivery that are not settled.

    A body that was taken, and is neither settled nor refused later, holds back the rest of its
    lane, and the samples ahead of the delivery's time.

    Args:
        lanes: All bodies; those of one lane go out one after the other.
        isolate: Returns what is left to find out about a body, given the response that refuses it.
        bodies: Makes bodies of parts.
    """

    def __init__(
        self,
        lanes: Sequence[Lane],
        isolate: Callable[[Body, ListenerResponse], Isolation],
        bodies: Bodies,
    ) -> None:
        self._bodies = bodies
        self._isolate = isolate
        self._ready = deque(lane for lane in lanes if not lane[0].ahead)
        self._ahead = deque(lane for lane in lanes if lane[0].ahead)
        self._refused: deque[tuple[Task, ListenerResponse]] = deque()
        # Each with what follows in its lane.
        self._isolations: dict[Isolation, Lane] = {}
        # How many were taken, and are neither settled nor refused.
        self._unsettled = 0

    def take(self) -> Task | None:
        """Return what to send next; None if that has to wait for what is under way."""
        while not self._ready:
            part = self._next_part()
            if part is not None:
                return part
            if self._refused:
                # Only where a connection is idle: the points of each body take memory.
                task, response = self._refused.popleft()
                isolation = self._isolate(task.body, response)
                self._isolations[isolation] = task.following
                self._close(isolation)
            elif self._ahead and not self._unsettled:
                self._ready.append(self._ahead.popleft())
            else:
                return None
        self._unsettled += 1
        body, *following = self._ready.popleft()
        return Task(body, following)

    def _next_part(self) -> Task | None:
        for isolation in self._isolations:
            part = isolation.take()
            if part is not None:
                self._unsettled += 1
                return Task(self._bodies.body_of(part), [], isolation, part)
        return None

    def settle(self, task: Task) -> None:
        """Note that the listener has settled a body: the next one of its lane may go."""
        self._unsettled -= 1
        if task.isolation is None:
            self._continue(task.following)
        else:
            task.isolation.settle()
            self._close(task.isolation)

    def refuse(self, task: Task, response: ListenerResponse) -> DataPoint | None:
        """Note that the listener has refused a body.

        Returns:
            The data point, if it was refused alone.
        """
        self._unsettled -= 1
        if task.isolation is None:
            self._refused.append((task, response))
            return None
        point = task.isolation.refuse(task.part)
        self._close(task.isolation)
        return point

    def _close(self, isolation: Isolation) -> None:
        """Go on with the lane of an isolation that is settled."""
        if isolation.is_settled:
            self._continue(self._isolations.pop(isolation))

    def _continue(self, lane: Lane) -> None:
        if lane:
            # What was never sent goes before what is cut apart.
            self._ready.append(lane)
