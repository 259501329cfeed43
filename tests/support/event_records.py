"""The records inside an event of any ingress."""

import gzip
import json
from base64 import b64decode
from typing import Any


def records_of(event: dict[str, Any]) -> list[bytes]:
    """Return the raw records of an event."""
    if "records" not in event:
        body = event["body"]
        if event.get("isBase64Encoded"):
            content = b64decode(body)
            body = gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content
        event = json.loads(body)
    return [b64decode(record["data"]) for record in event["records"]]
