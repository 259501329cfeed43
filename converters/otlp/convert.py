"""Records in, the bodies of OTLP requests and what they hold out.

The bytes of a message are sent as they came wherever possible: "protobuf [...] concatenating the
encodings of two messages merges them", so a body is several messages in a row.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from google.protobuf.message import DecodeError as ProtobufDecodeError
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from converters.bodies import Body, Lane
from converters.cache import no_deadline
from converters.convert import Conversion, Limits, without_frames
from converters.errors import DecodeError, RecordError, TooLargeError
from converters.otlp.bodies import OtlpBodies
from converters.otlp.rewrite import KINDS, ONLY_IN_0_7, Rewriter, without_future
from converters.points import milliseconds_of
from converters.reasons import DropReason
from converters.records import messages_of, require_record_size
from converters.schema.otlp_merged_pb2 import CountedMetric, CountedRequest, TimedRequest
from converters.times import delivery_times


class OtlpOptions(NamedTuple):
    """How to convert; the operator's choice.

    Attributes:
        flatten: Make the members of CloudWatch's map `Dimensions` attributes of their own.
        gzip: Compress the bodies.
        max_bytes: What a body may have before compression. A single data point may have more.
        cache_bytes: About how much memory a warm converter may hold.
        limits: What one delivery may take beside that; nothing of it are labels.
    """

    flatten: bool = True
    gzip: bool = False
    max_bytes: int = 1_000_000
    cache_bytes: int = 64_000_000
    limits: Limits = Limits()


class _Message(NamedTuple):
    """A message to send.

    Attributes:
        content: The encoded ExportMetricsServiceRequest, of OTLP 1.x.
        points: How many data points it has.
        newest_ns: The newest one's time; 0 where none has a time.
    """

    content: bytes
    points: int
    newest_ns: int


class _Delivery:
    """What is found in the records of a delivery.

    A sample of `Conversion` is a data point here: OTLP has all statistics of a point in one.

    Attributes:
        messages: Those of each sound record.
        times: The times of all points that have one, in ns since the epoch.
        data_points: How many points were read, the dropped ones included.
        dropped: How many of them are not sent, by reason.
        future: The names of metrics with points in the future.
    """

    def __init__(self) -> None:
        self.messages: dict[int, list[_Message]] = {}
        self.times: list[int] = []
        self.data_points = 0
        self.dropped: Counter[str] = Counter()
        self.future: set[str] = set()

    def points_at(self) -> Counter[int]:
        """Return how many points there are at each time, in ms since the epoch."""
        points: Counter[int] = Counter()
        for time, number in Counter(self.times).items():
            points[milliseconds_of(time)] += number
        return points

    def remove_after(self, latest_ms: int) -> None:
        """Remove the points after a time, in ms since the epoch."""
        for messages in self.messages.values():
            for index, message in enumerate(messages):
                if milliseconds_of(message.newest_ns) > latest_ms:
                    content, names = without_future(message.content, latest_ms)
                    messages[index] = _Message(content, message.points - len(names), 0)
                    self.dropped[DropReason.IN_THE_FUTURE] += len(names)
                    self.future.update(names)


class OtlpConverter:
    """Converts deliveries to OTLP bodies, as `converters.convert.Converter` does to remote write.

    Args:
        options: How to convert.
    """

    def __init__(self, options: OtlpOptions) -> None:
        self._options = options
        self._bodies = OtlpBodies(compressed=options.gzip)
        self._rewriter = Rewriter(flatten=options.flatten, max_bytes=options.cache_bytes)

    def convert(
        self,
        records: Iterable[tuple[int, bytes]],
        *,
        p8s_logzio_name: str,
        delivered_ms: int | None,
        replayed_ms: int | None = None,
        check_deadline: Callable[[], None] = no_deadline,
    ) -> Conversion:
        """Convert the records of one delivery. The same records always make the same bodies.

        The bodies are one lane: a receiver gets the points of a series in CloudWatch's order.

        Args:
            records: Each record's number and its bytes.
            p8s_logzio_name: Not used: OTLP has no such label.
            delivered_ms: When Firehose put the delivery together, in ms since the epoch; None if
                it is not known.
            replayed_ms: When a replay sends it again.
            check_deadline: Called now and then; ends the conversion by raising an error.
        """
        del p8s_logzio_name
        delivery, failures = _Delivery(), dict[int, RecordError]()
        for number, record in records:
            try:
                self._read(number, record, delivery, check_deadline)
            except RecordError as error:
                failures[number] = without_frames(error)
        newest_ms = milliseconds_of(max(delivery.times, default=0))
        times = delivery_times(delivery.points_at, newest_ms, delivered_ms, replayed_ms)
        if newest_ms > times.latest:
            delivery.remove_after(times.latest)
        try:
            lane = self._pack(delivery, check_deadline)
        except TooLargeError as error:
            # Which record is to blame cannot be found out any more, so nothing is sent.
            failures |= dict.fromkeys(delivery.messages, without_frames(error))
            delivery, lane = _Delivery(), []
        return Conversion(
            lanes=[lane] if lane else [],
            failures=failures,
            contributing=frozenset(
                number
                for number, messages in delivery.messages.items()
                if any(message.points for message in messages)
            ),
            data_points=delivery.data_points,
            series=0,
            samples=sum(body.samples for body in lane) + delivery.dropped.total(),
            dropped_points=+delivery.dropped,
            dropped_samples=+delivery.dropped,
            oldest_ms=milliseconds_of(min(delivery.times)) if delivery.times else None,
            attributes_left_out=0,
            points_without_statistics=0,
            warnings={DropReason.IN_THE_FUTURE: tuple(sorted(delivery.future))}
            if delivery.future
            else {},
        )

    def _read(
        self, number: int, record: bytes, delivery: _Delivery, check_deadline: Callable[[], None]
    ) -> None:
        """Add what a record holds to its delivery.

        Raises:
            RecordError: The record cannot be decoded or is too large; nothing of it counts.
        """
        require_record_size(record)
        found, times, unsupported = list[_Message](), list[int](), 0
        points = 0
        for content, _ in messages_of(record, ExportMetricsServiceRequest):
            check_deadline()
            try:
                message, of_message, left_out = self._read_message(content)
            except ProtobufDecodeError as error:
                # What only OTLP 0.7 has is unknown to the stock class, so it was not decoded yet.
                raise DecodeError(f"the data points of a message: {error}") from error
            if message.points:
                found.append(message)
            times += of_message
            unsupported += left_out
            points += message.points + left_out
            if delivery.data_points + points > self._options.limits.points:
                raise TooLargeError(
                    f"the delivery has more than {self._options.limits.points} data points: give "
                    "the function more memory"
                )
        if points:
            delivery.messages[number] = found
        delivery.times += times
        delivery.data_points += points
        delivery.dropped[DropReason.UNSUPPORTED] += unsupported

    def _read_message(self, content: bytes) -> tuple[_Message, list[int], int]:
        """Return a message to send, the times of its points, and how many points it lacks."""
        points, kinds, is_0_7 = _counts(content)
        if kinds > 1:
            # Of several kinds in one Metric the last one counts. Written anew, it stands alone.
            content = ExportMetricsServiceRequest.FromString(content).SerializeToString()
            points, _, is_0_7 = _counts(content)
        times, has_labels = _times(content)
        left_out = 0
        if is_0_7 or has_labels or self._options.flatten:
            content, left_out = self._rewriter.rewrite(content)
        if left_out:
            times, _ = _times(content)
        return _Message(content, points - left_out, max(times, default=0)), times, left_out

    def _pack(self, delivery: _Delivery, check_deadline: Callable[[], None]) -> Lane:
        """Return bodies of at most `max_bytes`, but for single points that are larger."""
        options, lane, made = self._options, Lane(), 0
        for pieces, points in _groups(self._pieces(delivery), options.max_bytes):
            check_deadline()
            content = b"".join(pieces)
            lane.append(Body(self._bodies.compress(content), len(content), points))
            made += len(lane[-1].content)
            if made > options.limits.body_bytes:
                raise TooLargeError(
                    f"the bodies of the delivery take more than "
                    f"{options.limits.body_bytes // 1_000_000} MB of memory: give the function "
                    "more memory"
                )
        return lane

    def _pieces(self, delivery: _Delivery) -> Iterator[tuple[bytes, int]]:
        """Yield each message with its number of points; of one that is too large, each point."""
        for messages in delivery.messages.values():
            for message in messages:
                if len(message.content) <= self._options.max_bytes:
                    yield message.content, message.points
                    continue
                for points in self._bodies.periods(message.content):
                    yield from ((point.content, 1) for point in points)


def _groups(
    pieces: Iterable[tuple[bytes, int]], max_bytes: int
) -> Iterator[tuple[list[bytes], int]]:
    """Yield pieces in a row that fit into a body together, and how many points they have."""
    group, size, points = list[bytes](), 0, 0
    for content, number in pieces:
        if not number:
            continue
        if group and size + len(content) > max_bytes:
            yield group, points
            group, size, points = [], 0, 0
        group.append(content)
        size += len(content)
        points += number
    if group:
        yield group, points


def _counts(message: bytes) -> tuple[int, int, bool]:
    """Return how many points a message has, of how many kinds, and whether one is of 0.7 alone."""
    metric = CountedRequest.FromString(message).resource_metrics.scope_metrics.metrics
    points = [_number(metric, kind) for kind in KINDS]
    only_0_7 = [_number(metric, kind) for kind in ONLY_IN_0_7]
    return sum(points) + sum(only_0_7), sum(map(bool, points)), any(only_0_7)


def _number(metric: CountedMetric, kind: str) -> int:
    return len(getattr(metric, kind).data_points)


def _times(message: bytes) -> tuple[list[int], bool]:
    """Return the times of the points of a message, and whether one has labels of 0.7."""
    metric = TimedRequest.FromString(message).resource_metrics.scope_metrics.metrics
    times: list[int] = []
    has_labels = False
    for kind in KINDS:
        if not metric.HasField(kind):
            continue
        points = getattr(metric, kind).data_points
        times += points.time_unix_nano
        has_labels = has_labels or bool(getattr(points, "labels", ()))
    return times, has_labels
