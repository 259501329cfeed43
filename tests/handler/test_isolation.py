"""The search for refused data points, without a network: several parts are under way at once."""

from collections import deque
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converters.split import DataPoint
from handler.isolation import Isolation, Part
from tests.support.properties import examples


def periods_of(*sizes: int) -> list[list[DataPoint]]:
    """Return periods with that many data points, of which each has its number."""
    numbers = iter(range(sum(sizes)))
    return [[numbered(next(numbers)) for _ in range(size)] for size in sizes]


def numbered(number: int) -> DataPoint:
    """Return a data point that stands for a number."""
    return DataPoint(((b"", b"%d" % number),))


def number_of(point: DataPoint) -> int:
    """Return the number that a data point stands for."""
    ((_, number),) = point.series
    return int(number)


class Search:
    """A search to its end, with a listener that refuses a part with any bad point.

    Args:
        periods: The data points.
        bad: The numbers of the bad ones.
        connections: How many parts are under way at once.
    """

    def __init__(
        self, periods: list[list[DataPoint]], bad: Iterable[int], connections: int = 4
    ) -> None:
        self.isolation = Isolation(periods)
        self.bad = frozenset(bad)
        self.sent: list[Part] = []
        self.stored: list[int] = []
        self.rejected: list[int] = []
        under_way: deque[Part] = deque()
        while not self.isolation.is_settled:
            while len(under_way) < connections and (part := self.isolation.take()) is not None:
                under_way.append(part)
                self.sent.append(part)
            self._answer(under_way.popleft())

    def _answer(self, part: Part) -> None:
        if self.bad.isdisjoint(map(number_of, part)):
            self.isolation.settle()
            self.stored += map(number_of, part)
            return
        point = self.isolation.refuse(part)
        if point is not None:
            self.rejected.append(number_of(point))


@given(
    sizes=st.lists(st.integers(0, 40), max_size=4),
    chosen=st.lists(st.integers(0, 160)),
    connections=st.integers(1, 8),
)
@examples(200)
def test_every_point_is_settled_once(sizes: list[int], chosen: list[int], connections: int) -> None:
    """Each good point is stored once and each bad one rejected, whatever is under way at once."""
    count = sum(sizes)
    bad = {number for number in chosen if number < count}
    search = Search(periods_of(*sizes), bad, connections)
    assert sorted(search.stored) == sorted(set(range(count)) - bad)
    assert sorted(search.rejected) == sorted(bad)


@given(sizes=st.lists(st.integers(1, 20), min_size=2, max_size=4), step=st.integers(1, 5))
@examples(50)
def test_periods_keep_their_order(sizes: list[int], step: int) -> None:
    """No point of a period is sent before all points of the one before are settled."""
    search = Search(periods_of(*sizes), range(0, sum(sizes), step))
    settled = sorted(search.stored + search.rejected)
    assert settled == list(range(sum(sizes)))
    first = [number_of(part[0]) for part in search.sent]
    borders = [sum(sizes[:number]) for number in range(len(sizes) + 1)]
    period = [sum(number >= border for border in borders) for number in first]
    assert period == sorted(period)


@pytest.mark.parametrize(
    ("points", "bad", "most"),
    [
        (2, [0], 2),
        (1000, [0], 25),
        (1000, [500], 25),
        (1000, [999], 25),
        (1000, range(0, 1000, 300), 100),
        (1000, range(0, 1000, 100), 200),
        (1000, range(0, 1000, 10), 800),
        (1000, range(0, 1000, 2), 1150),
        (400, range(400), 430),
        (400, [n for n in range(400) if n % 20], 440),
        (1000, [n for n in range(1000) if n % 10], 1100),
    ],
)
def test_requests(points: int, bad: Iterable[int], most: int) -> None:
    """Little that is bad is found in few requests; where most is, each point takes about one."""
    assert len(Search(periods_of(points), bad).sent) <= most


def test_many_periods() -> None:
    """One series with the points of days is settled like any other."""
    search = Search(periods_of(*[1] * 4_000), [0])
    assert search.stored == list(range(1, 4_000))


def test_refused_body_is_not_sent_again() -> None:
    """No part is sent twice, and the first ones hold half the points of the body."""
    search = Search(periods_of(100), range(0, 100, 3))
    assert max(map(len, search.sent)) == len(search.sent[0]) == 50
    assert len(set(map(tuple, search.sent))) == len(search.sent)
