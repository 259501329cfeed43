"""Deliveries without end, in which some series are new each time."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import queue
import threading
from typing import TYPE_CHECKING

from testing.events.firehose import delivery_body, headers
from testing.events.ingresses import SENT_MS, http_api_v2
from testing.events.large import large_points, large_records
from testing.events.otlp import Format

if TYPE_CHECKING:
    from collections.abc import Iterator

# Takes the place of a number that is another one in each delivery; as long as that.
_NUMBER_BYTES = 12
_MARK = b"#" * _NUMBER_BYTES


@contextlib.contextmanager
def prepared(events: Iterator[bytes], ahead: int = 4) -> Iterator[Iterator[bytes]]:
    """
    Give events that were made while the ones before them were under way.

    Args:
        events: Makes them; another thread does so until the block ends.
        ahead: How many are kept ready.
    """
    ready: queue.Queue[bytes] = queue.Queue(ahead)
    over = threading.Event()

    def make() -> None:
        while not over.is_set():
            ready.put(next(events))

    maker = threading.Thread(target=make)
    maker.start()
    try:
        yield iter(ready.get, None)
    finally:
        over.set()
        # It may be waiting for room.
        with contextlib.suppress(queue.Empty):
            ready.get_nowait()
        maker.join()


def deliveries(points: int, new_share: float) -> Iterator[bytes]:
    """
    Yield events as JSON, each with other series for a part of its points.

    Args:
        points: Data points of each delivery; 4,000 make about Firehose's 1 MB.
        new_share: Which part of them is of series that no delivery had before,
            as of containers that live for minutes.
    """
    template = large_points(points, 0)
    every = round(1 / new_share) if new_share else points + 1
    for place in range(0, points, every):
        point = template[place]
        mark = (("TaskId", _MARK.decode()),)
        template[place] = dataclasses.replace(point, dimensions=(*point.dimensions, *mark))
    records = large_records(template, Format.V1_0)
    number = 0
    while True:
        number += 1
        new = b"%0*d" % (_NUMBER_BYTES, number)
        request_id = f"00000000-0000-4000-8000-{number:012d}"
        body = delivery_body([r.replace(_MARK, new) for r in records], request_id, SENT_MS)
        yield json.dumps(http_api_v2(headers(request_id), body)).encode()
