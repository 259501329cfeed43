"""Captured deliveries: the body of a request of Firehose, or the event that a function got."""

import json
from typing import Any

from handler.delivery import MAX_INFLATED_BYTES, Record
from handler.errors import RequestError
from handler.ingress import open_ingress

# Looked for before anything is parsed, since a backup object may be large and begin likewise.
_KEYS = (b'"records"', b'"body"')


def captured_records(data: bytes) -> tuple[Record, ...] | None:
    """Return the records of a captured delivery; None if the content is none.

    Args:
        data: What a file holds, a JSON object with the list `records`, or an event with a `body`.
    """
    if len(data) > MAX_INFLATED_BYTES or not data.lstrip().startswith(b"{"):
        return None
    if not any(key in data for key in _KEYS):
        return None
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or not value.keys() & {"records", "body"}:
        return None
    return _records(value)


def _records(value: dict[str, Any]) -> tuple[Record, ...]:
    # The body alone is what a request has without its headers.
    is_body = "body" not in value and "invocationId" not in value
    event = {"headers": {}, "body": json.dumps(value)} if is_body else value
    try:
        return open_ingress(event).parse().records
    except RequestError as error:
        return (Record(0, None, str(error)),)
