"""Requests of remote write 1.0 as those of 2.0: `io.prometheus.write.v2.Request`.

The conversion makes bodies of 1.0. For a listener of 2.0 each one is written anew just before it is
sent: texts go into a table of symbols, each series gets its metadata, and samples keep their bytes,
since both versions have the same ones. Start timestamps are not set.

See `schema/remote_write_v2.proto`.
"""

from collections.abc import Iterable

from converters.metadata import Families, MetricType
from converters.schema.remote_write_view_pb2 import TimeSeries, WriteRequest
from converters.wire import encode_field, encode_varint, read_length

# Fields of a Request; of a TimeSeries; of its metadata.
_SYMBOL, _TIME_SERIES = b"\x22", b"\x2a"
_LABELS_REFS, _SAMPLE, _HISTOGRAM, _METADATA = b"\x0a", b"\x12", b"\x1a", b"\x2a"
# A length below 128 takes one byte. What a short TimeSeries begins with, by its length.
_BYTES = [bytes((length,)) for length in range(0x80)]
_HEADS = [_TIME_SERIES + length + _LABELS_REFS for length in _BYTES]
_TYPE, _HELP_REF, _UNIT_REF = b"\x08", b"\x18", b"\x20"


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
        request: The WriteRequest as this package encodes it, of at most `max_bytes_of_1_0`: each
            series has a name, and samples or histograms.
        families: The metadata of its series by their names; a gauge is what is not in it.
        max_bytes: The limit; help and unit are left out where they would exceed it.
        texts: Whether to write help and unit.
    """
    series = WriteRequest.FromString(request).timeseries
    made = _encode(series, _Labels(families, texts=texts))
    return made if len(made) <= max_bytes else _encode(series, _Labels(families, texts=False))


def _encode(series: Iterable[TimeSeries], labels: "_Labels") -> bytes:
    pieces: list[bytes] = []
    references_of, metadata_of = labels.__getitem__, labels.metadata.get
    for one in series:
        named = one.labels
        references = b"".join(map(references_of, named))
        metadata = metadata_of(named[0]) or labels.metadata_of(named)
        samples = one.samples
        if len(samples) == 1:
            # What nearly all series have is written out; calls take longer.
            sample = samples[0]
            size = 4 + len(references) + len(sample) + len(metadata)
            if size < len(_HEADS):
                pieces += _HEADS[size], _BYTES[len(references)], references
                pieces += _SAMPLE, _BYTES[len(sample)], sample, metadata
                continue
        fields = [encode_field(_LABELS_REFS, references)]
        fields += [encode_field(_SAMPLE, sample) for sample in samples]
        fields += [encode_field(_HISTOGRAM, histogram) for histogram in one.histograms]
        pieces.append(encode_field(_TIME_SERIES, b"".join(fields) + metadata))
    return b"".join([*(encode_field(_SYMBOL, symbol) for symbol in labels.symbols), *pieces])


class _Labels(dict[bytes, bytes]):
    """The references of each encoded label: the indexes of its name and its value.

    Args:
        families: The metadata of the series by their names.
        texts: Whether to write help and unit.

    Attributes:
        symbols: All texts with their indexes, in this order.
        metadata: The field `metadata` by the label `__name__`.
    """

    def __init__(self, families: Families, *, texts: bool) -> None:
        super().__init__()
        self.symbols: dict[bytes, int] = {b"": 0}
        self._families = families
        self._texts = texts
        self.metadata: dict[bytes, bytes] = {}

    def __missing__(self, label: bytes) -> bytes:
        length, begin = read_length(label, 1)
        name = label[begin : begin + length]
        _, value_begin = read_length(label, begin + length + 1)
        value = label[value_begin:]
        symbols = self.symbols
        references = encode_varint(symbols.setdefault(name, len(symbols)))
        references += encode_varint(symbols.setdefault(value, len(symbols)))
        self[label] = references
        if name == b"__name__":
            self.metadata[label] = self._encode_metadata(value.decode())
        return references

    def metadata_of(self, labels: Iterable[bytes]) -> bytes:
        """Return the metadata of a series, all of whose labels have been looked up."""
        return next(self.metadata[label] for label in labels if label in self.metadata)

    def _encode_metadata(self, name: str) -> bytes:
        family = self._families.get(name)
        content = _TYPE + encode_varint(MetricType.GAUGE if family is None else family.type)
        if family is not None and self._texts:
            for tag, text in ((_HELP_REF, family.help), (_UNIT_REF, family.unit)):
                if text:
                    reference = self.symbols.setdefault(text.encode(), len(self.symbols))
                    content += tag + encode_varint(reference)
        return encode_field(_METADATA, content)
