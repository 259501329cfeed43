"""WriteRequests of a bounded size, compressed, in lanes.

A lane is a sequence of bodies that must go out one after the other, since they
hold samples of one series; the bodies of different lanes have no series in
common and may go out at once.
"""

from collections.abc import Callable, Iterator
from itertools import chain, islice
from typing import NamedTuple

# Snappy's block format: "data MUST be compressed with Google's Snappy; the
# block format MUST be used, the framed format MUST NOT" - remote write 1.0.
Compress = Callable[[bytes], bytes]

# One or more encoded TimeSeries, and how many samples or histograms they hold.
Piece = tuple[bytes, int]


class Body(NamedTuple):
    """One remote-write request body.

    Attributes:
        content: The WriteRequest in snappy's block format.
        size: Its bytes before compression.
        samples: How many samples and histograms it holds.
    """

    content: bytes
    size: int
    samples: int


Lane = list[Body]


class BodyWriter:
    """Packs encoded TimeSeries into bodies, none larger than the limit.

    Args:
        max_bytes: What a WriteRequest may have before compression.
        compress: Bytes to snappy's block format.
    """

    def __init__(self, max_bytes: int, compress: Compress) -> None:
        self.bodies: list[Body] = []
        self._max_bytes = max_bytes
        self._compress = compress
        self._pieces: list[bytes] = []
        self._size = 0
        self._samples = 0

    def add(self, piece: bytes, samples: int) -> None:
        """Append one or more encoded TimeSeries of together at most `max_bytes`."""
        if self._size + len(piece) > self._max_bytes:
            self.finish()
        self._pieces.append(piece)
        self._size += len(piece)
        self._samples += samples

    def finish(self) -> list[Body]:
        """Close the body that is being filled, and return all."""
        if self._pieces:
            content = self._compress(b"".join(self._pieces))
            self.bodies.append(Body(content, self._size, self._samples))
            self._pieces = []
            self._size = self._samples = 0
        return self.bodies


class Lanes:
    """The bodies of a delivery, by what has to stay apart or in order.

    Attributes:
        fresh: For series whose samples are all recent.
        late: For series whose samples are all old. A server that refuses a
            whole request for one old sample takes nothing recent with it.
        native_earlier: For old native histograms, sent before `native_later`,
            which holds recent ones. A server without the feature refuses the
            whole request, so they never share one with samples.
    """

    def __init__(self, max_bytes: int, compress: Compress) -> None:
        self.max_bytes = max_bytes
        self.fresh = BodyWriter(max_bytes, compress)
        self.late = BodyWriter(max_bytes, compress)
        self.native_earlier = BodyWriter(max_bytes, compress)
        self.native_later = BodyWriter(max_bytes, compress)
        # The old samples of series that have recent ones too, and those recent ones.
        self._earlier = BodyWriter(max_bytes, compress)
        self._later = BodyWriter(max_bytes, compress)
        self._compress = compress
        self._sequences: list[Lane] = []

    def add_series(self, late: Iterator[Piece], fresh: Iterator[Piece]) -> bool:
        """Add a series in pieces of at most `max_bytes`, sorted by time, to be sent in order.

        Returns:
            Whether there was a piece.
        """
        # A series in many pieces repeats its labels in each: compressed at once, they
        # never take memory all together.
        first_late, first_fresh = list(islice(late, 2)), list(islice(fresh, 2))
        pieces = [*first_late, *first_fresh]
        if len(pieces) == 1:
            (self.late if first_late else self.fresh).add(*pieces[0])
        elif len(first_late) == len(first_fresh) == 1:
            self._earlier.add(*first_late[0])
            self._later.add(*first_fresh[0])
        elif pieces:
            self._sequences.append(
                [
                    Body(self._compress(piece), len(piece), samples)
                    for piece, samples in chain(first_late, late, first_fresh, fresh)
                ]
            )
        return bool(pieces)

    def finish(self) -> list[Lane]:
        """Return all lanes, recent samples first."""
        lanes = [[body] for body in self.fresh.finish()]
        lanes.append(self._earlier.finish() + self._later.finish())
        lanes += self._sequences
        lanes += [[body] for body in self.late.finish()]
        lanes.append(self.native_earlier.finish() + self.native_later.finish())
        return [lane for lane in lanes if lane]
