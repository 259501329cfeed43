"""How Firehose classifies an endpoint's response."""

import enum
import json
from collections.abc import Mapping
from dataclasses import dataclass

MAX_RESPONSE_BYTES = 1024 * 1024
_MAX_MESSAGE = 8192


class ResponseClass(enum.Enum):
    """What Firehose does with a batch after an attempt."""

    DELIVERED = "delivered"
    DISCARDED = "discarded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class AttemptResult:
    """The result of one attempt.

    Attributes:
        response_class: Delivered, discarded for good, or failed, which is retried.
        code: Firehose's error code, such as `HttpEndpoint.RequestTimeout`; empty if delivered.
        message: The error message in the backup object.
    """

    response_class: ResponseClass
    code: str = ""
    message: str = ""


DELIVERED = AttemptResult(ResponseClass.DELIVERED)


def failed(code: str, message: str) -> AttemptResult:
    """Return the result of a failed attempt; `code` is without its prefix `HttpEndpoint.`."""
    return AttemptResult(ResponseClass.FAILED, f"HttpEndpoint.{code}", message)


def classify(
    status: int, headers: Mapping[str, str], body: bytes, request_id: str
) -> AttemptResult:
    """Classify a response.

    Only 200 with the specified JSON and the request's own id is success. A 413 discards the
    batch, which is not even backed up. Everything else is retried.

    Args:
        status: The HTTP status.
        headers: Header names in lower case to values.
        body: The body; of a long one at least `MAX_RESPONSE_BYTES` + 1 bytes.
        request_id: The id of the request.
    """
    if status == 413:
        code = "HttpEndpoint.DestinationException"
        return AttemptResult(ResponseClass.DISCARDED, code, _quoted(body))
    if status != 200:
        return failed("DestinationException", _quoted(body))
    if len(body) > MAX_RESPONSE_BYTES:
        return failed("ResponseTooLarge", "The response is larger than 1 MiB.")
    problem = _problem(headers, body, request_id)
    if problem:
        return failed("InvalidResponseFromDestination", f"{problem} {_quoted(body)}")
    return DELIVERED


def _problem(headers: Mapping[str, str], body: bytes, request_id: str) -> str:
    """Return what is wrong with a response of status 200; empty: nothing."""
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        return "The content type of the response is not application/json."
    if headers.get("content-encoding"):
        return "The response must not be encoded."
    try:
        content = json.loads(body)
    except ValueError:
        return "The response is not JSON."
    if not isinstance(content, dict) or content.get("requestId") != request_id:
        return "The requestId of the response is not that of the request."
    timestamp = content.get("timestamp")
    if isinstance(timestamp, bool) or not isinstance(timestamp, int | float):
        return "The timestamp of the response is not a number."
    message = content.get("errorMessage", "")
    if not isinstance(message, str) or len(message) > _MAX_MESSAGE:
        return "The errorMessage of the response is no text of at most 8192 characters."
    return ""


def _quoted(body: bytes) -> str:
    text = body[:_MAX_MESSAGE].decode("utf-8", "replace")
    return f"Received the following response from the endpoint destination. {text}"
