"""The Extensions API and the Telemetry API, as an extension calls them.

Both are plain HTTP on `AWS_LAMBDA_RUNTIME_API` (AWS Lambda, "Extensions API reference"
and "Lambda Telemetry API reference").
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from extension.clocks import Clocks
from extension.errors import LambdaApiError
from extension.json_text import parsed
from extension.own_log import OwnLog
from extension.settings import Settings

_T = TypeVar("_T")

# The services respond within milliseconds; only `next` may take for ever.
_CALL_SECONDS = 5.0
# The newest schema, the only one on Managed Instances, and the one before it, the only one in
# some on-demand environments.
SCHEMAS = ("2025-01-29", "2022-12-13")
_RETRY_SECONDS = (0.0, 0.05, 0.1, 0.2, 0.5, 1.0)
_IDENTIFIER = "Lambda-Extension-Identifier"
_OK = 200
_ACCEPTED = 202
_BAD_REQUEST = 400
_INVOKE_REFUSED = (400, 403)


class Registration(NamedTuple):
    """The account id, empty if the platform does not say, and whether INVOKE events come."""

    account: str
    invocations: bool


class Event(NamedTuple):
    """The response to `next`.

    Attributes:
        kind: `INVOKE` or `SHUTDOWN`.
        deadline: Seconds since the epoch; 0 if the event has none.
        request_id: Of an INVOKE; empty otherwise.
        reason: Of a SHUTDOWN, in lower case: the services differ in it.
    """

    kind: str
    deadline: float
    request_id: str
    reason: str


class _Reply(NamedTuple):
    status: int
    identifier: str
    text: str

    def error(self, call: str) -> LambdaApiError:
        return LambdaApiError(call, self.status, self.text[:300])

    def member(self, name: str) -> Any:
        """Return a member of the JSON object in the body; empty if it is missing."""
        value = parsed(self.text)
        return (value.get(name) or "") if isinstance(value, dict) else ""


class LambdaApi:
    """The calls of one extension; not for several threads.

    Args:
        address: `host:port` of the services.
        name: The file name of the executable. Under another name an extension counts as
            internal, and its SHUTDOWN registration is refused.
    """

    def __init__(self, address: str, name: str) -> None:
        self._address = address
        self._name = name
        self._identified: dict[str, str] = {}

    def register(self) -> Registration:
        """Register for INVOKE and SHUTDOWN; only for SHUTDOWN if INVOKE is refused.

        Raises:
            LambdaApiError: Both were refused, or there was no response.
        """
        path = "/2020-01-01/extension/register"
        headers = {
            "Lambda-Extension-Name": self._name,
            "Lambda-Extension-Accept-Feature": "accountId",
        }
        # Managed Instances: "403 Extension.InvalidEventType" for INVOKE.
        for events in (["INVOKE", "SHUTDOWN"], ["SHUTDOWN"]):
            reply = self._call("POST", path, headers, {"events": events})
            if reply.status == _OK:
                self._identified = {_IDENTIFIER: reply.identifier}
                return Registration(str(reply.member("accountId")), "INVOKE" in events)
            if reply.status not in _INVOKE_REFUSED:
                break
        raise reply.error("register")

    def subscribe(self, settings: Settings, uri: str, types: list[str]) -> bool:
        """Subscribe to telemetry, to be sent to a URI; return whether this environment has any.

        Raises:
            LambdaApiError: Every schema was refused, or the platform failed.
        """
        for schema in SCHEMAS:
            subscription = {
                "schemaVersion": schema,
                "types": types,
                "buffering": {
                    "maxItems": settings.max_items,
                    "maxBytes": settings.max_bytes,
                    "timeoutMs": settings.timeout_ms,
                },
                "destination": {"protocol": "HTTP", "URI": uri},
            }
            reply = self._call("PUT", "/2022-07-01/telemetry", self._identified, subscription)
            # 202: this sandbox, a local one for instance, has no Telemetry API.
            if reply.status in (_OK, _ACCEPTED):
                return reply.status == _OK
            if reply.status != _BAD_REQUEST:
                break
        raise reply.error("subscribe to telemetry")

    def next(self) -> Event:
        """Wait for the next event, however long: the environment may be frozen for hours.

        Raises:
            LambdaApiError: The services refused the call or broke the connection.
        """
        # A connection for each event: one that is kept would be idle, or frozen, in between.
        path = "/2020-01-01/extension/event/next"
        reply = self._call("GET", path, self._identified, timeout=None)
        if reply.status != _OK:
            raise reply.error("next")
        deadline = reply.member("deadlineMs")
        return Event(
            str(reply.member("eventType")),
            deadline / 1000 if isinstance(deadline, (int, float)) else 0.0,
            str(reply.member("requestId")),
            str(reply.member("shutdownReason")).lower(),
        )

    def _call(
        self,
        method: str,
        path: str,
        headers: dict[str, str],
        document: object = None,
        timeout: float | None = _CALL_SECONDS,
    ) -> _Reply:
        connection = http.client.HTTPConnection(self._address, timeout=timeout)
        body = None if document is None else json.dumps(document)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            identifier = response.headers.get(_IDENTIFIER, "")
            return _Reply(response.status, identifier, response.read().decode("utf-8", "replace"))
        except (OSError, http.client.HTTPException) as error:
            detail = str(error) or type(error).__name__
            raise LambdaApiError(f"{method} {path}", 0, detail) from error
        finally:
            connection.close()


def keep_trying(call: Callable[[], _T], name: str, clocks: Clocks, log: OwnLog) -> _T:
    """Call the Lambda services until they respond: without that the function cannot go on.

    Only the first LambdaApiError of a call with this name is logged. The pauses grow.
    """
    attempt = 0
    while True:
        try:
            return call()
        except LambdaApiError as error:  # noqa: PERF203 -- each attempt may be the last
            log.warn_once(name, f"{name} is retried: {error}")
            clocks.sleep(_RETRY_SECONDS[min(attempt, len(_RETRY_SECONDS) - 1)])
            attempt += 1
