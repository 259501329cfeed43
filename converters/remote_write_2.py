"""Requests of remote write 1.0 as those of 2.0: `io.prometheus.write.v2.Request`.

The conversion makes bodies of 1.0. For a listener of 2.0 each one is written anew just before it is
sent: texts go into a table of symbols, each series gets its metadata, and samples keep their bytes,
since both versions have the same ones. Start timestamps are not set.

See `schema/remote_write_v2.proto`.
"""

from typing import NamedTuple

from converters.metadata import Families, MetricType
from converters.schema.remote_write_pb2 import Label
from converters.series import SAMPLE_BYTES, SAMPLE_HEADER
from converters.wire import encode_field, encode_varint, read_length

# Fields of the request and of a TimeSeries.
_SYMBOL, _TIME_SERIES = b"\x22", b"\x2a"
_LABELS_REFS, _HISTOGRAM, _METADATA = b"\x0a", b"\x1a", b"\x2a"
# Of a TimeSeries of 1.0.
_LABEL, _HISTOGRAM_OF_1_0 = 0x0A, 0x22


def max_bytes_of_1_0(max_bytes: int) -> int:
    """Return the largest body of 1.0 that has at most `max_bytes` as a request of 2.0.

    2.0 is smaller unless no text recurs. Then the shortest label takes up to 12 bytes instead of 8:
    two references of 3 bytes each, and one header less.
    """
    return max_bytes * 2 // 3


def request_of_2_0(
    request: bytes, families: Families, max_bytes: int, *, texts: bool = True
) -> bytes:
    """Return a WriteRequest of 1.0 as a Request of 2.0. The same arguments make the same bytes.

    Args:
        request: The WriteRequest as this package encodes it, of at most `max_bytes_of_1_0`.
        families: The metadata of its series by their names; a gauge is what is not in it.
        max_bytes: The limit; help and unit are left out where they would exceed it.
        texts: Whether to write help and unit.
    """
    made = _Writer(families, texts=texts).write(request)
    return made if len(made) <= max_bytes else _Writer(families, texts=False).write(request)


class _Labels(NamedTuple):
    """Labels of one or more series.

    Attributes:
        references: The indexes of their names and values.
        metadata: The field `metadata` of the series, if the name is among them.
    """

    references: bytes
    metadata: bytes


class _Writer:
    """Writes one request."""

    def __init__(self, families: Families, *, texts: bool) -> None:
        self._families = families
        self._texts = texts
        self._symbols: dict[str, int] = {"": 0}
        self._labels: dict[bytes, _Labels] = {}
        # All labels of a series but the first one, which the statistics of a point share.
        self._others: dict[bytes, _Labels] = {}

    def write(self, request: bytes) -> bytes:
        """Return the Request; to be called once."""
        pieces = []
        position = 1
        while position < len(request):
            length, begin = read_length(request, position)
            position = begin + length
            pieces.append(self._time_series(request[begin:position]))
            # The header of the next one.
            position += 1
        symbols = [encode_field(_SYMBOL, symbol.encode()) for symbol in self._symbols]
        return b"".join(symbols + pieces)

    def _time_series(self, series: bytes) -> bytes:
        length, begin = read_length(series, 1)
        first_end = begin + length
        label = series[:first_end]
        first = self._labels.get(label) or self._label(label)
        # Nearly every series has one sample. What is in the table are whole labels, so if the bytes
        # before a sample are there, it is one.
        end = len(series) - SAMPLE_BYTES
        others = self._others.get(series[first_end:end])
        if others is None or not series.startswith(SAMPLE_HEADER, end):
            end = _end_of_labels(series, first_end)
            others = self._other_labels(series[first_end:end])
        samples = series[end:]
        if samples[0] == _HISTOGRAM_OF_1_0:
            samples = _histograms(samples)
        references = first.references + others.references
        metadata = first.metadata or others.metadata
        content = encode_field(_LABELS_REFS, references) + samples + metadata
        return encode_field(_TIME_SERIES, content)

    def _other_labels(self, encoded: bytes) -> _Labels:
        known = self._others.get(encoded)
        if known is not None:
            return known
        references, metadata, position = b"", b"", 0
        while position < len(encoded):
            length, begin = read_length(encoded, position + 1)
            label = encoded[position : begin + length]
            one = self._labels.get(label) or self._label(label)
            references += one.references
            metadata = metadata or one.metadata
            position = begin + length
        made = self._others[encoded] = _Labels(references, metadata)
        return made

    def _label(self, encoded: bytes) -> _Labels:
        label = Label.FromString(encoded[read_length(encoded, 1)[1] :])
        name, value = label.name, label.value
        references = self._reference(name) + self._reference(value)
        metadata = self._metadata(value) if name == "__name__" else b""
        made = self._labels[encoded] = _Labels(references, metadata)
        return made

    def _metadata(self, name: str) -> bytes:
        family = self._families.get(name)
        kind = MetricType.GAUGE if family is None else family.type
        content = b"\x08" + encode_varint(kind)
        if family is not None and self._texts:
            for tag, text in ((b"\x18", family.help), (b"\x20", family.unit)):
                if text:
                    content += tag + self._reference(text)
        return encode_field(_METADATA, content)

    def _reference(self, text: str) -> bytes:
        return encode_varint(self._symbols.setdefault(text, len(self._symbols)))


def _end_of_labels(series: bytes, position: int) -> int:
    while series[position] == _LABEL:
        length, begin = read_length(series, position + 1)
        position = begin + length
    return position


def _histograms(fields: bytes) -> bytes:
    """Return histograms of a TimeSeries of 1.0, which have another field number in 2.0."""
    pieces = []
    position = 0
    while position < len(fields):
        length, begin = read_length(fields, position + 1)
        pieces.append(encode_field(_HISTOGRAM, fields[begin : begin + length]))
        position = begin + length
    return b"".join(pieces)
