"""The time of a delivery, and what it makes of the times of its points."""

from collections import Counter

import pytest

from converters.times import DeliveryTimes, delivery_times

MINUTE = 60_000
HOUR = 60 * MINUTE
NOW = 1_000 * HOUR


def time_of(
    points: Counter[int], delivered: int | None, replayed: int | None = None
) -> DeliveryTimes:
    """Return the limits for points at these times."""
    return delivery_times(lambda: points, max(points, default=0), delivered, replayed)


@pytest.mark.parametrize(
    ("points", "delivered", "now"),
    [
        # Firehose's timestamp holds, whether points are late or a few are ahead.
        ({NOW: 1}, NOW + MINUTE, NOW + MINUTE),
        ({NOW - 26 * HOUR: 9, NOW: 1}, NOW, NOW),
        ({NOW: 1, NOW + 2 * HOUR: 1}, NOW, NOW),
        ({NOW + 10 * MINUTE: 9}, NOW, NOW),
        ({NOW + 10 * MINUTE: 9, NOW + 11 * MINUTE: 1}, NOW, NOW),
        # Most points contradict it.
        ({NOW + 11 * MINUTE: 2, NOW: 1}, NOW, NOW + 11 * MINUTE),
        ({NOW + 10 * MINUTE + 1: 2, NOW: 1}, NOW, NOW + 10 * MINUTE + 1),
        ({NOW: 9}, 0, NOW),
        # There is none: the newest time that most points agree with.
        ({NOW: 1}, None, NOW),
        ({NOW - MINUTE: 1, NOW: 1}, None, NOW),
        ({NOW: 2, NOW + 100 * MINUTE: 1}, None, NOW),
        ({NOW - 26 * HOUR: 1, NOW: 2}, None, NOW),
        ({NOW - 5 * MINUTE: 9, NOW: 1, NOW + 2 * HOUR: 1}, None, NOW),
        # No time has a majority: the newest.
        ({NOW - n * 24 * HOUR: 1 for n in range(7)}, None, NOW),
        ({}, None, 0),
        ({}, NOW, NOW),
    ],
)
def test_time_of_the_delivery(points: dict[int, int], delivered: int | None, now: int) -> None:
    """It is Firehose's timestamp, or the newest time that most points agree with."""
    assert time_of(Counter(points), delivered) == DeliveryTimes(now - HOUR, now, now + 10 * MINUTE)


@pytest.mark.parametrize(
    ("replayed", "now", "latest"),
    [
        (NOW + 26 * HOUR, NOW, NOW + 26 * HOUR + 10 * MINUTE),
        (NOW, NOW, NOW + 10 * MINUTE),
        # All points are ahead of the clock.
        (NOW - HOUR, NOW - HOUR, NOW - 50 * MINUTE),
    ],
)
def test_a_replay_sends_what_is_no_longer_in_the_future(
    replayed: int, now: int, latest: int
) -> None:
    """Its clock moves that limit alone, so that the next replay makes the same bodies."""
    points = Counter({NOW: 2, NOW + 100 * MINUTE: 1})
    assert time_of(points, None, replayed) == DeliveryTimes(now - HOUR, now, latest)


@pytest.mark.parametrize(
    ("times", "stages"),
    [
        ([], (0, 0, 0, True)),
        ([NOW], (0, 0, 1, False)),
        ([NOW - HOUR], (0, 0, 1, False)),
        ([NOW - HOUR - 1], (0, 0, 1, True)),
        ([NOW - 1, NOW], (0, 1, 2, False)),
        ([NOW - 2 * HOUR, NOW - 1, NOW], (1, 2, 3, False)),
        ([NOW - 3 * HOUR, NOW - 2 * HOUR], (1, 1, 2, True)),
        ([NOW - 2 * HOUR, NOW], (1, 1, 2, False)),
        ([NOW + 1], (0, 0, 0, True)),
        ([NOW, NOW + 1, NOW + 2], (0, 0, 1, False)),
        ([NOW - 2 * HOUR, NOW + 1], (0, 0, 1, True)),
    ],
)
def test_stages_of_a_series(times: list[int], stages: tuple[int, int, int, bool]) -> None:
    """Late samples, older ones, the newest, and those ahead of the delivery are divided."""
    assert DeliveryTimes(NOW - HOUR, NOW, NOW + 10 * MINUTE).stages(times) == stages
