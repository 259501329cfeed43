"""WriteRequests of a bounded size, compressed, in lanes.

A server may refuse a whole request for one sample that it does not want. So samples that are
likely to be refused travel apart from the others: late ones, the older ones of a series with
several, and those ahead of the delivery's time.

A lane is a sequence of bodies that must go out one after the other, since they hold samples of the
same series; the bodies of different lanes have no series in common and may go out at once.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from typing import NamedTuple

# Snappy's block format: "data MUST be compressed with Google's Snappy; the
# block format MUST be used, the framed format MUST NOT" - remote write 1.0.
Compress = Callable[[bytes], bytes]


class Piece(NamedTuple):
    """Encoded TimeSeries, of one data point or of several of the same series.

    Attributes:
        content: The TimeSeries, each as field 1 of a WriteRequest.
        samples: How many samples or histograms they hold.
        series: How many TimeSeries they are.
        group: What they belong to: pieces of one group in a row hold the same data points.
    """

    content: bytes
    samples: int
    series: int
    group: object


class Body(NamedTuple):
    """One remote-write request body.

    Attributes:
        content: The WriteRequest in snappy's block format.
        size: Its bytes before compression.
        samples: How many samples and histograms it holds.
        groups: How many TimeSeries in a row hold the statistics of the same data points.
        ahead: Whether its samples are ahead of the delivery's time, so that it goes out last.
    """

    content: bytes
    size: int
    samples: int
    groups: tuple[int, ...] = ()
    ahead: bool = False


Lane = list[Body]

Stages = tuple[Iterator[Piece], Iterator[Piece], Iterator[Piece]]
"""A series' pieces: its late samples, its older ones, and its newest one."""


class BodyWriter:
    """Packs encoded TimeSeries into bodies, none larger than the limit.

    Args:
        max_bytes: What a WriteRequest may have before compression.
        compress: Bytes to snappy's block format.
        ahead: Whether the samples are ahead of the delivery's time.
    """

    def __init__(self, max_bytes: int, compress: Compress, *, ahead: bool = False) -> None:
        self.bodies: list[Body] = []
        self._max_bytes = max_bytes
        self._compress = compress
        self._ahead = ahead
        self._begin()

    def _begin(self) -> None:
        self._pieces: list[bytes] = []
        self._groups: list[int] = []
        self._group: object = None
        self._size = 0
        self._samples = 0

    def add_point(self, content: bytes, samples: int) -> None:
        """Append one data point, a TimeSeries for each sample; together at most `max_bytes`."""
        if self._size + len(content) > self._max_bytes:
            self.finish()
        self._pieces.append(content)
        self._groups.append(samples)
        self._group = None
        self._size += len(content)
        self._samples += samples

    def add(self, piece: Piece) -> None:
        """Append a piece of at most `max_bytes`."""
        if not self.fits(piece):
            self.finish()
        self._pieces.append(piece.content)
        if piece.group is self._group:
            self._groups[-1] += piece.series
        else:
            self._groups.append(piece.series)
            self._group = piece.group
        self._size += len(piece.content)
        self._samples += piece.samples

    def fits(self, piece: Piece) -> bool:
        """Return whether the body that is being filled can hold a piece."""
        return self._size + len(piece.content) <= self._max_bytes

    def finish(self) -> list[Body]:
        """Close the body that is being filled, and return all."""
        if self._pieces:
            content = self._compress(b"".join(self._pieces))
            groups = tuple(self._groups)
            self.bodies.append(Body(content, self._size, self._samples, groups, self._ahead))
            self._begin()
        return self.bodies


class _LaneWriter:
    """Packs series with samples in several stages into lanes of one body for each stage.

    Any two lanes have no series in common, so that one need not wait for the other.
    """

    def __init__(self, max_bytes: int, compress: Compress) -> None:
        self.lanes: list[Lane] = []
        self._writers = [BodyWriter(max_bytes, compress) for _ in range(3)]

    def add(self, stages: Sequence[Sequence[Piece]]) -> None:
        """Append a series with at most one piece in each stage."""
        pairs = [(w, pieces[0]) for w, pieces in zip(self._writers, stages, strict=True) if pieces]
        for writer, piece in pairs:
            if not writer.fits(piece):
                self.finish()
        for writer, piece in pairs:
            writer.add(piece)

    def finish(self) -> list[Lane]:
        """Close the lane that is being filled, and return all."""
        lane = [body for writer in self._writers for body in writer.finish()]
        for writer in self._writers:
            writer.bodies.clear()
        if lane:
            self.lanes.append(lane)
        return self.lanes


class Lanes:
    """The bodies of a delivery, by what has to stay apart or in order.

    Attributes:
        fresh: For series with a single sample, which is recent.
        late: For series with a single sample, which is old.
        ahead: For samples ahead of the delivery's time.
    """

    def __init__(self, max_bytes: int, compress: Compress) -> None:
        self.max_bytes = max_bytes
        self.fresh = BodyWriter(max_bytes, compress)
        self.late = BodyWriter(max_bytes, compress)
        self.ahead = BodyWriter(max_bytes, compress, ahead=True)
        self._periods = _LaneWriter(max_bytes, compress)
        self._late_periods = _LaneWriter(max_bytes, compress)
        self._compress = compress
        self._sequences: list[Lane] = []

    def add_series(self, stages: Stages, ahead: Iterator[Piece], *, late: bool) -> bool:
        """Add a series in pieces of at most `max_bytes`, sorted by time, to be sent in order.

        Args:
            stages: The samples up to the delivery's time.
            ahead: The samples ahead of it.
            late: Whether all samples in `stages` are late.

        Returns:
            Whether there was a piece.
        """
        # A series in many pieces repeats its labels in each: compressed at once, they
        # never take memory all together.
        first = [list(islice(stage, 2)) for stage in stages]
        if max(map(len, first)) > 1:
            pieces = chain.from_iterable(map(chain, first, stages))
            self._sequences.append([self._alone(piece) for piece in pieces])
        else:
            self.add_stages(first, late=late)
        has_piece = any(first)
        for piece in ahead:
            self.ahead.add(piece)
            has_piece = True
        return has_piece

    def add_stages(self, stages: Sequence[Sequence[Piece]], *, late: bool) -> None:
        """Add a series as `add_series` does, with at most one piece in each stage."""
        before_now, older, newest = stages
        if before_now or older:
            (self._late_periods if late else self._periods).add(stages)
        elif newest:
            (self.late if late else self.fresh).add(newest[0])

    def _alone(self, piece: Piece) -> Body:
        content = self._compress(piece.content)
        return Body(content, len(piece.content), piece.samples, (piece.series,))

    def finish(self) -> list[Lane]:
        """Return all lanes: recent samples first, those ahead of the delivery's time last."""
        return [
            *([body] for body in self.fresh.finish()),
            *self._periods.finish(),
            *self._sequences,
            *self._late_periods.finish(),
            *([body] for body in self.late.finish()),
            *filter(None, [self.ahead.finish()]),
        ]
