"""What Prometheus remote write 2.0 requires of a sender, checked on what it sent.

The rules are those of https://prometheus.io/docs/specs/prw/remote_write_spec_2_0. Those that 1.0
has too are in `testing.rules`; `as_1_0` is what they are checked on.
"""

from collections.abc import Mapping, Sequence

import snappy
from google.protobuf.message import DecodeError

from converters.schema import remote_write_pb2 as v1
from converters.schema.remote_write_v2_pb2 import Request, TimeSeries
from testing import rules

_CONTENT_TYPE = "application/x-protobuf;proto=io.prometheus.write.v2.Request"


def is_2_0(headers: Mapping[str, str]) -> bool:
    """Return whether a request says that its message is that of 2.0."""
    return headers.get("content-type") == _CONTENT_TYPE


def broken_by_headers(method: str, headers: Mapping[str, str]) -> list[str]:
    """Check method and headers, as `testing.rules.broken_by_headers` does for 1.0."""
    broken = []
    version = "x-prometheus-remote-write-version"
    if headers.get(version) != "2.0.0":
        broken.append(f"the header {version} must be '2.0.0', not {headers.get(version)!r}")
    old = {**headers, "content-type": "application/x-protobuf", version: "0.1.0"}
    return broken + rules.broken_by_headers(method, old)


def decode(body: bytes) -> Request:
    """Decompress and decode a body.

    Raises:
        UnreadableBodyError: It is not a snappy block of an encoded Request.
    """
    try:
        return Request.FromString(snappy.uncompress(body))
    except (snappy.UncompressError, DecodeError) as error:
        raise rules.UnreadableBodyError("the body must be a snappy block of a Request") from error


def broken_by_request(request: Request, max_bytes: int | None = None) -> list[str]:
    """Check a decoded request.

    Args:
        request: What the body held.
        max_bytes: Largest size in bytes before compression; None: no limit.

    Returns:
        The broken rules. If references are wrong, labels are not checked.
    """
    broken = []
    size, symbols = request.ByteSize(), request.symbols
    if max_bytes is not None and size > max_bytes:
        broken.append(f"the request may have {max_bytes} bytes before compression, not {size}")
    if not symbols or symbols[0]:
        broken.append("the first symbol must be empty")
    if len(set(symbols)) < len(symbols):
        broken.append("symbols must not be repeated")
    for number, series in enumerate(request.timeseries):
        own = [*_broken_by_references(series, symbols)]
        if series.samples and series.histograms:
            own.append("a series must not hold both samples and histograms")
        if not series.metadata.type:
            own.append("the type of a series must be there")
        broken += [f"{rule}, in series {number}" for rule in own]
    return broken or rules.broken_by_request(as_1_0(request))


def _broken_by_references(series: TimeSeries, symbols: Sequence[str]) -> list[str]:
    broken = []
    if len(series.labels_refs) % 2:
        broken.append("the number of labels_refs must be even")
    texts = (series.metadata.help_ref, series.metadata.unit_ref)
    if max((*series.labels_refs, *texts)) >= len(symbols):
        broken.append("a reference must point to a symbol")
    return broken


def as_1_0(request: Request) -> v1.WriteRequest:
    """Return the series of a request, whose references are right, as one of 1.0 has them."""
    made = v1.WriteRequest()
    for series in request.timeseries:
        texts = [request.symbols[reference] for reference in series.labels_refs]
        made.timeseries.add(
            labels=[
                v1.Label(name=name, value=value)
                for name, value in zip(texts[::2], texts[1::2], strict=True)
            ],
            samples=[v1.Sample(value=s.value, timestamp=s.timestamp) for s in series.samples],
            histograms=[
                v1.Histogram.FromString(histogram.SerializeToString())
                for histogram in series.histograms
            ],
        )
    return made


def metadata_of(request: Request) -> dict[str, tuple[int, str, str]]:
    """Return type, help and unit of the series of each name, which must be the same for all."""
    found: dict[str, tuple[int, str, str]] = {}
    for series, old in zip(request.timeseries, as_1_0(request).timeseries, strict=True):
        name = dict(rules.labels_of(old))["__name__"]
        symbols, metadata = request.symbols, series.metadata
        own = (metadata.type, symbols[metadata.help_ref], symbols[metadata.unit_ref])
        assert found.setdefault(name, own) == own
    return found
