"""A delivery of Firehose, whichever ingress it came through."""

from __future__ import annotations

import binascii
import json
from typing import Any, NamedTuple


class CommonAttributes(NamedTuple):
    """
    What the operator attached to the Firehose stream for this function.

    Attributes:
        p8s_logzio_name: Goes before the setting of that name; None where absent.
        custom_listener: Goes before the setting LOGZIO_METRICS_LISTENER; None where absent.
        warning: Why the header was ignored; empty where it was not.
    """

    p8s_logzio_name: str | None = None
    custom_listener: str | None = None
    warning: str = ""


class Record(NamedTuple):
    """
    One record of a delivery.

    Attributes:
        number: Its place in the delivery, from 0.
        content: Its bytes; None where they cannot be read.
        problem: Why they cannot be read.
        record_id: The id that a transformation is answered under; empty for HTTP.
        encoded: The base64 it came in, where it has to be given back.
    """

    number: int
    content: bytes | None
    problem: str = ""
    record_id: str = ""
    encoded: str = ""


class Delivery(NamedTuple):
    """
    A delivery, parsed.

    Attributes:
        request_id: Firehose's id of the request (or of the transformation's invocation).
        source_arn: The Firehose stream.
        common: The common attributes of the Firehose stream.
        records: All records, also those that cannot be read.
        delivered_ms: When Firehose put the delivery together, ms since the epoch.
    """

    request_id: str
    source_arn: str
    common: CommonAttributes
    records: tuple[Record, ...]
    delivered_ms: int | None


def parse_record(number: int, record: Any, *, keep_encoded: bool = False) -> Record:
    """
    Return a record of Firehose's JSON: an object whose `data` is base64.

    Args:
        number: Its place in the delivery, from 0.
        record: What stands there.
        keep_encoded: Whether the base64 is needed later; it takes a third more than the record.
    """
    if not isinstance(record, dict):
        return Record(number, None, "it is not an object")
    record_id = record.get("recordId")
    if not isinstance(record_id, str):
        record_id = ""
    encoded = record.get("data")
    if not isinstance(encoded, str):
        return Record(number, None, "it has no data", record_id)
    kept = encoded if keep_encoded else ""
    try:
        # Without strict mode, characters outside the alphabet are left out in silence.
        content = binascii.a2b_base64(encoded, strict_mode=True)
    except ValueError as error:
        return Record(number, None, f"its data is not base64: {error}", record_id, kept)
    return Record(number, content, "", record_id, kept)


def parse_common_attributes(header: str | None) -> CommonAttributes:
    """
    Return what the header X-Amz-Firehose-Common-Attributes says: `{"commonAttributes": {...}}`.

    Keys count in any case. A header that is not of that form is ignored, since
    a delivery must not fail over it; the reason is kept as a warning.
    """
    if not header:
        return CommonAttributes()
    try:
        value = json.loads(header)
    except (ValueError, RecursionError):
        return CommonAttributes(warning="the common attributes are not JSON and were ignored")
    attributes = value.get("commonAttributes") if isinstance(value, dict) else None
    if not isinstance(attributes, dict):
        return CommonAttributes(
            warning="the common attributes have no object commonAttributes and were ignored"
        )
    texts = {key.upper(): text for key, text in attributes.items() if isinstance(text, str)}
    try:
        "".join(texts.values()).encode()
    except UnicodeEncodeError:
        # JSON can hold half of a surrogate pair; no label and no URL can.
        return CommonAttributes(warning="the common attributes are not Unicode and were ignored")
    return CommonAttributes(
        p8s_logzio_name=texts.get("P8S_LOGZIO_NAME", "").strip() or None,
        custom_listener=texts.get("CUSTOM_LISTENER", "").strip() or None,
    )


def milliseconds(value: Any) -> int | None:
    """Return a JSON number that can be ms since the epoch; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 < value < 1 << 62 else None
