"""Deliveries of any size, of a fleet that grows with them.

The next minute has the same series with other values, so that a delivery can be measured cold and
warm. Each number depends only on the series and the minute: nothing is random, and a period that
is delivered twice has the same statistics both times.
"""

import random
from collections.abc import Iterator

from testing.events.catalogue import Service, services
from testing.events.firehose import delivery_body, headers
from testing.events.fleet import (
    END_MS,
    LINKED_ACCOUNT,
    MINUTE_MS,
    MONITORING_ACCOUNT,
    Dimensions,
    Percentiles,
    Point,
)
from testing.events.ingresses import Event, function_url
from testing.events.otlp import Format, messages, record

POINTS_PER_RECORD = 350
"""Data points in one record; at 225 to 250 bytes each that is up to 90 kB, as in CloudWatch's."""

_ZERO_SHARE = 0.35
_LINKED_EVERY = 5
_TWO_PERIODS_EVERY = 12
_THREE_PERIODS_EVERY = 31
_QUANTILES = ((0.5, 0.25), (0.9, 0.6), (0.99, 0.9))
"""Quantiles, and where between minimum and maximum their value is."""

_Series = tuple[int, str, Service, Dimensions, str, str]
"""Number, account, service, dimensions, name of the metric, unit."""


def large_delivery(points: int, minute: int, format: Format, *, end_ms: int = END_MS) -> Event:  # noqa: A002
    """Return the function-URL event of a large delivery.

    Args:
        points: The number of data points; 12,000 make a body of about 4 MB.
        minute: How many minutes after `end_ms` the newest period ends; other values, same series.
        format: The OpenTelemetry version to write.
        end_ms: End of the newest period of minute 0, in milliseconds since the epoch.
    """
    sent_ms = end_ms + (minute + 2) * MINUTE_MS
    request_id = f"00000000-0000-4000-8000-{minute:012d}"
    records = large_records(large_points(points, minute, end_ms=end_ms), format)
    body = delivery_body(records, request_id, sent_ms)
    return function_url(headers(request_id), body, base64=False, timestamp_ms=sent_ms)


def large_records(points: list[Point], format: Format) -> list[bytes]:  # noqa: A002
    """Split data points, those of one account together, over records of one message each."""
    return [
        record([message])
        for start in range(0, len(points), POINTS_PER_RECORD)
        for message in messages(points[start : start + POINTS_PER_RECORD], format)
    ]


def large_points(points: int, minute: int, *, end_ms: int = END_MS) -> list[Point]:
    """Return the data points of a large delivery; see `large_delivery`.

    Returns:
        The data points in the order of delivery: shuffled, the linked account's last. One series
        in nine has two or three periods, some of them newest first, some far apart.
    """
    groups: list[list[tuple[_Series, int]]] = []
    left = points
    for series in _all_series():
        if left <= 0:
            break
        periods = [(series, minute - ago) for ago in range(min(_periods(series[0]), left))]
        left -= len(periods)
        groups += [periods] if series[0] % 2 else [[period] for period in periods]
    random.Random(points).shuffle(groups)
    flat = [period for group in groups for period in group]
    flat.sort(key=lambda period: period[0][1])
    return [_point(series, at, end_ms + at * MINUTE_MS) for series, at in flat]


def _all_series() -> Iterator[_Series]:
    """Yield the endless series of the fleet, resource by resource."""
    number = resource = 0
    catalogue = services()
    while True:
        for service in catalogue:
            for _ in range(service.weight):
                resource += 1
                linked = resource % _LINKED_EVERY == 0
                account = LINKED_ACCOUNT if linked else MONITORING_ACCOUNT
                dimensions = _dimensions(service, resource)
                for name, unit in service.metrics.items():
                    number += 1
                    yield number, account, service, dimensions, name, unit


def _dimensions(service: Service, resource: int) -> Dimensions:
    """Return the dimensions of a resource."""
    digits = f"{resource * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFF:012x}"
    return tuple(
        (name, template.format(n=resource, h=digits, g=resource // 10))
        for name, template in service.dimensions
    )


def _periods(number: int) -> int:
    """Return how many periods of a series are in one delivery."""
    if number % _THREE_PERIODS_EVERY == 0:
        return 3
    return 2 if number % _TWO_PERIODS_EVERY == 0 else 1


def _point(series: _Series, minute: int, end_ms: int) -> Point:
    """Return the statistics of a series in a minute."""
    number, account, service, dimensions, name, unit = series
    minimum = maximum = total = 0.0
    count = 1 + int(_noise(number, 0, 1) ** 3 * 60)
    percentiles: Percentiles = ()
    if name == service.percentiles or _noise(number, 0, 2) >= _ZERO_SHARE:
        minimum, maximum = _range(number, minute, unit)
        if count == 1:
            maximum = minimum
        total = round((minimum + maximum) / 2 * count, 6)
    if name == service.percentiles:
        width = maximum - minimum
        percentiles = tuple((q, round(minimum + share * width, 6)) for q, share in _QUANTILES)
    return Point(
        service.namespace,
        name,
        dimensions,
        unit,
        end_ms,
        MINUTE_MS,
        count,
        total,
        minimum,
        maximum,
        percentiles,
        account,
    )


def _range(number: int, minute: int, unit: str) -> tuple[float, float]:
    """Return minimum and maximum: integers for bytes and counts, fractions otherwise."""
    low, width = _noise(number, minute, 3), _noise(number, minute, 4)
    if unit == "Percent":
        return round(50 * low, 4), round(50 * (low + width), 4)
    if unit == "Count":
        return float(1 + int(40 * low)), float(1 + int(40 * low) + int(60 * width))
    if unit == "Bytes":
        return float(int(1e6 * low)), float(int(1e6 * low) + int(1e8 * width))
    return round(0.001 + low, 6), round(0.001 + low + 10 * width, 6)


def _noise(number: int, minute: int, use: int) -> float:
    """Hash three numbers to one of at least 0 and below 1."""
    mixed = (number * 0x9E3779B1 + minute * 0x85EBCA77 + use * 0xC2B2AE3D) & 0xFFFFFFFF
    mixed = ((mixed ^ mixed >> 15) * 0x2C1B3C6D) & 0xFFFFFFFF
    mixed = ((mixed ^ mixed >> 12) * 0x297A2D39) & 0xFFFFFFFF
    return (mixed ^ mixed >> 15) / 0x100000000
