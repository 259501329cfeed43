"""Captured deliveries: the body of a request of Firehose, or the event that a function got."""

import json
from typing import Any

from handler.delivery import Record
from handler.errors import RequestError
from handler.ingress import open_ingress


def captured_records(data: bytes) -> tuple[Record, ...] | None:
    """Return the records of a captured delivery; None if the content is none.

    Args:
        data: What a file holds, a JSON object with the list `records`, or an event with a `body`.
    """
    if not data.lstrip().startswith(b"{"):
        return None
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or not ("records" in value or "body" in value):
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
