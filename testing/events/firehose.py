"""The JSON body and the headers that Firehose sends to an HTTP endpoint."""

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence

from testing.events.fleet import MONITORING_ACCOUNT, REGION

ACCESS_KEY = "sample-access-key"
STREAM_ARN = f"arn:aws:firehose:{REGION}:{MONITORING_ACCOUNT}:deliverystream/sample-delivery"
USER_AGENT = "Amazon Kinesis Data Firehose Agent/1.0"


def delivery_body(records: Sequence[bytes], request_id: str, timestamp_ms: int) -> str:
    """Make the body of a delivery.

    Args:
        records: The raw records.
        request_id: Firehose's id of the delivery, the same in its headers.
        timestamp_ms: When Firehose sent it, in milliseconds since the epoch.

    Returns:
        JSON without blanks.
    """
    body = {
        "requestId": request_id,
        "timestamp": timestamp_ms,
        "records": [{"data": b64encode(record).decode()} for record in records],
    }
    return json.dumps(body, separators=(",", ":"))


def headers(
    request_id: str,
    access_key: str | None = ACCESS_KEY,
    common_attributes: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Make the headers of a delivery, in Firehose's own case.

    Args:
        request_id: Firehose's id of the delivery.
        access_key: The key that the stream is set up with; None or empty for no key.
        common_attributes: Key-value pairs that the stream is set up with; None for no such header.

    Returns:
        The headers without those that depend on the body or on the ingress.
    """
    made = {
        "Content-Type": "application/json",
        "User-Agent": USER_AGENT,
        "X-Amz-Firehose-Protocol-Version": "1.0",
        "X-Amz-Firehose-Request-Id": request_id,
        "X-Amz-Firehose-Source-Arn": STREAM_ARN,
    }
    if access_key:
        made["X-Amz-Firehose-Access-Key"] = access_key
    if common_attributes is not None:
        attributes = {"commonAttributes": dict(common_attributes)}
        made["X-Amz-Firehose-Common-Attributes"] = json.dumps(attributes)
    return made
