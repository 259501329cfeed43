"""The ingresses: the event that each makes of a request, and what it replies.

Sizes are the quotas of Lambda and API Gateway. What API Gateway replies when the function fails:
"Handling Lambda errors with an API Gateway API": 500 where Lambda rejects the invocation, 502
where the function ran without a proper answer; its integrations end with 504 (REST) or 503 (HTTP).
"""

import binascii
import json
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from testing.events.ingresses import function_url, http_api_v2, rest_v1
from testing.http_server import Reply

LAMBDA_EVENT_BYTES = 6 * 1024 * 1024
"""The largest event of a synchronous invocation (Lambda quotas)."""

_GATEWAY_BYTES = 10 * 1024 * 1024
_REST_WORDS = "Internal server error"
_HTTP_WORDS = "Internal Server Error"

# The ingress writes these into the event itself.
_NOT_PASSED_ON = frozenset({"host", "content-length", "connection"})


@dataclass(frozen=True, slots=True)
class IngressKind:
    """One kind of ingress.

    Attributes:
        name: Its name.
        make_event: Makes its event; see `testing.events.ingresses`.
        max_bytes: The largest body of a request.
        seconds: How long it waits for the function.
        throttled: Status and message when Lambda has no free instance.
        failed: Status and message when the function fails, or returns no HTTP response.
        late: Status and message when the function takes too long.
        binary: Whether a compressed body reaches the function intact; a REST API without binary
            media types destroys it.
    """

    name: str
    make_event: Callable[..., dict[str, Any]]
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
            headers: The request's headers, in any case.
            body: The request's body.
            timestamp_ms: When the request came, in milliseconds since the epoch.

        Returns:
            The event; None where the request or the event is too large: the reply is then 413.
        """
        if len(body) > self.max_bytes:
            return None
        passed = {k: v for k, v in headers.items() if k.lower() not in _NOT_PASSED_ON}
        encoded = any(name.lower() == "content-encoding" for name in passed)
        event = self.make_event(
            passed, body, base64=encoded and self.binary, timestamp_ms=timestamp_ms
        )
        return event if len(json.dumps(event)) <= LAMBDA_EVENT_BYTES else None

    def reply(self, returned: Any) -> Reply:
        """Return what the function returned as HTTP; what is no response becomes `failed`."""
        if not isinstance(returned, dict) or not isinstance(returned.get("statusCode"), int):
            return own_reply(*self.failed)
        body = returned.get("body") or ""
        headers = returned.get("headers") or {}
        if not isinstance(body, str) or not isinstance(headers, dict):
            return own_reply(*self.failed)
        content = body.encode()
        if returned.get("isBase64Encoded"):
            try:
                content = b64decode(content, validate=True)
            except binascii.Error:
                return own_reply(*self.failed)
        return Reply(returned["statusCode"], {k: str(v) for k, v in headers.items()}, content)


def own_reply(status: int, message: str) -> Reply:
    """Return an error of the ingress itself."""
    content = json.dumps({"message": message}).encode()
    return Reply(status, {"Content-Type": "application/json"}, content)


REST_API_BINARY = IngressKind(
    "RestApi with binary media types",
    rest_v1,
    _GATEWAY_BYTES,
    29.0,
    throttled=(500, _REST_WORDS),
    failed=(502, _REST_WORDS),
    late=(504, "Endpoint request timed out"),
)
REST_API = replace(REST_API_BINARY, name="RestApi", binary=False)
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
