"""The ingresses: what each makes of a request, of the function's answer, and of its absence.

Sizes are Lambda's and API Gateway's quotas. What API Gateway says when the function fails is in
"Handling Lambda errors with an API Gateway API": 500 where Lambda rejects the invocation, 502
where the function ran without a proper answer; its integrations end with 504 (REST) or 503 (HTTP).
"""

import binascii
import json
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from testing.events.ingresses import function_url, http_api_v2, rest_v1

LAMBDA_EVENT_BYTES = 6 * 1024 * 1024
"""The largest event of a synchronous invocation (Lambda quotas)."""

_GATEWAY_BYTES = 10 * 1024 * 1024
_REST_WORDS = "Internal server error"
_HTTP_WORDS = "Internal Server Error"
_TOO_LARGE = "Request Entity Too Large"

# The event has these from the ingress itself.
_NOT_PASSED_ON = frozenset({"host", "content-length", "connection"})


class MakeEvent(Protocol):
    """Makes an ingress's event; see `events.ingresses`."""

    def __call__(
        self, headers: Mapping[str, str], body: bytes, *, base64: bool, timestamp_ms: int
    ) -> dict[str, Any]:
        """Make the event of a request."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back over HTTP: status, headers, body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class IngressKind:
    """One kind of ingress.

    Attributes:
        name: Its name.
        make_event: Makes its event.
        max_bytes: The largest body of a request.
        seconds: How long it waits for the function.
        throttled: Its answer when Lambda has no instance: status and words.
        failed: Its answer when the function ended without one, or with one that is none.
        late: Its answer when the function takes too long.
        binary: Whether an encoded body reaches the function whole; a REST API without binary
            media types destroys it.
    """

    name: str
    make_event: MakeEvent
    max_bytes: int
    seconds: float
    throttled: tuple[int, str]
    failed: tuple[int, str]
    late: tuple[int, str]
    binary: bool = True

    def event(
        self, headers: Mapping[str, str], body: bytes, timestamp_ms: int
    ) -> dict[str, Any] | None:
        """Make the function's event of a request.

        Args:
            headers: Of the request, in any case.
            body: Of the request.
            timestamp_ms: When it came, in milliseconds since the epoch.

        Returns:
            The event; None where request or event are too large, which is answered with 413.
        """
        if len(body) > self.max_bytes:
            return None
        passed = {k: v for k, v in headers.items() if k.lower() not in _NOT_PASSED_ON}
        encoded = any(name.lower() == "content-encoding" for name in passed)
        event = self.make_event(
            passed, body, base64=encoded and self.binary, timestamp_ms=timestamp_ms
        )
        return event if len(json.dumps(event)) <= LAMBDA_EVENT_BYTES else None

    def answer(self, returned: Any) -> Answer:
        """Turn what the function returned into HTTP; what is no response becomes `failed`."""
        if not isinstance(returned, dict) or not isinstance(returned.get("statusCode"), int):
            return words(*self.failed)
        body = returned.get("body") or ""
        headers = returned.get("headers") or {}
        if not isinstance(body, str) or not isinstance(headers, dict):
            return words(*self.failed)
        content = body.encode()
        if returned.get("isBase64Encoded"):
            try:
                content = b64decode(content, validate=True)
            except binascii.Error:
                return words(*self.failed)
        return Answer(returned["statusCode"], {k: str(v) for k, v in headers.items()}, content)


def words(status: int, message: str) -> Answer:
    """Give an answer of the ingress's own."""
    content = json.dumps({"message": message}).encode()
    return Answer(status, {"Content-Type": "application/json"}, content)


def too_large() -> Answer:
    """Give the answer to a request that is too large, on which Firehose discards the batch."""
    return words(413, _TOO_LARGE)


REST_API = IngressKind(
    "RestApi",
    rest_v1,
    _GATEWAY_BYTES,
    29.0,
    throttled=(500, _REST_WORDS),
    failed=(502, _REST_WORDS),
    late=(504, "Endpoint request timed out"),
    binary=False,
)
REST_API_BINARY = IngressKind(
    "RestApi with binary media types",
    rest_v1,
    _GATEWAY_BYTES,
    29.0,
    throttled=(500, _REST_WORDS),
    failed=(502, _REST_WORDS),
    late=(504, "Endpoint request timed out"),
)
HTTP_API = IngressKind(
    "HttpApi",
    http_api_v2,
    _GATEWAY_BYTES,
    30.0,
    throttled=(503, "Service Unavailable"),
    failed=(500, _HTTP_WORDS),
    late=(503, "Service Unavailable"),
)
FUNCTION_URL = IngressKind(
    "FunctionUrl",
    function_url,
    LAMBDA_EVENT_BYTES,
    900.0,
    throttled=(429, "Rate Exceeded."),
    failed=(502, _HTTP_WORDS),
    late=(504, "Gateway Timeout"),
)
