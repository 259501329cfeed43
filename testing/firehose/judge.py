"""What an endpoint's answer means to Firehose."""

import enum
import json
from collections.abc import Mapping
from dataclasses import dataclass

MAX_ANSWER_BYTES = 1024 * 1024
_MAX_MESSAGE = 8192


class Fate(enum.Enum):
    """What becomes of a batch after an attempt."""

    DELIVERED = "delivered"
    DISCARDED = "discarded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The judgment on one attempt.

    Attributes:
        fate: Delivered, discarded for good, or failed, which is tried again.
        code: Firehose's error code of a failure, `HttpEndpoint.RequestTimeout` for instance.
        message: What Firehose writes into the backup object.
    """

    fate: Fate
    code: str = ""
    message: str = ""


DELIVERED = Verdict(Fate.DELIVERED)


def failed(code: str, message: str) -> Verdict:
    """Judge an attempt that has failed; `code` without its prefix `HttpEndpoint.`."""
    return Verdict(Fate.FAILED, f"HttpEndpoint.{code}", message)


def judge(status: int, headers: Mapping[str, str], body: bytes, request_id: str) -> Verdict:
    """Judge an answer.

    Only 200 with the specified JSON and the request's own id is success. A 413 discards the
    batch, which is not even backed up. Everything else is tried again.

    Args:
        status: The HTTP status.
        headers: Header names in lower case to values.
        body: As much of the body as matters; more than `MAX_ANSWER_BYTES` where it has more.
        request_id: The id of the request.
    """
    if status == 413:
        return Verdict(Fate.DISCARDED, "HttpEndpoint.DestinationException", _repeat(body))
    if status != 200:
        return failed("DestinationException", _repeat(body))
    if len(body) > MAX_ANSWER_BYTES:
        return failed("ResponseTooLarge", "The response is larger than 1 MiB.")
    problem = _problem(headers, body, request_id)
    if problem:
        return failed("InvalidResponseFromDestination", f"{problem} {_repeat(body)}")
    return DELIVERED


def _problem(headers: Mapping[str, str], body: bytes, request_id: str) -> str:
    """Say what is wrong with an answer of status 200; nothing where all is well."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
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


def _repeat(body: bytes) -> str:
    words = body[:_MAX_MESSAGE].decode("utf-8", "replace")
    return f"Received the following response from the endpoint destination. {words}"
