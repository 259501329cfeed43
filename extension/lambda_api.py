"""The Extensions API and the Telemetry API, as an extension calls them.

Both are plain HTTP on `AWS_LAMBDA_RUNTIME_API` (AWS Lambda, "Extensions API reference"
and "Lambda Telemetry API reference").
"""

from __future__ import annotations

import contextlib
import http.client
import json
import select
from typing import TYPE_CHECKING, Any, NamedTuple

from extension.errors import LambdaApiError

if TYPE_CHECKING:
    from extension.settings import Settings

# The services respond within milliseconds; only `next` may take for ever.
_CALL_SECONDS = 5.0
# The newest schema, the only one on Managed Instances, and the one before it, the only one in
# some on-demand environments.
SCHEMAS = ("2025-01-29", "2022-12-13")
_BAD_REQUEST = 400
_ACCEPTED = 202
_OK = 200
_INVOKE_REFUSED = (400, 403)


class Registration(NamedTuple):
    """The response to a registration.

    Attributes:
        function_name: Empty if the platform does not say, like the next two.
        function_version: The version.
        account: The account id.
        invocations: Whether INVOKE events come; on Managed Instances they do not.
    """

    function_name: str
    function_version: str
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
        self._identifier = ""
        self._polling: http.client.HTTPConnection | None = None

    def register(self) -> Registration:
        """Register for INVOKE and SHUTDOWN; only for SHUTDOWN if INVOKE is refused.

        Raises:
            LambdaApiError: Both were refused, or there was no response.
        """
        try:
            return self._register(["INVOKE", "SHUTDOWN"])
        except LambdaApiError as error:
            # Managed Instances: "403 Extension.InvalidEventType" for INVOKE.
            if error.status not in _INVOKE_REFUSED:
                raise
            return self._register(["SHUTDOWN"])

    def _register(self, events: list[str]) -> Registration:
        reply = self._call(
            "POST",
            "/2020-01-01/extension/register",
            {
                "Lambda-Extension-Name": self._name,
                "Lambda-Extension-Accept-Feature": "accountId",
            },
            {"events": events},
        )
        if reply.status != _OK:
            raise LambdaApiError("register", reply.status, reply.text)
        self._identifier = reply.identifier
        document = reply.document
        return Registration(
            str(document.get("functionName") or ""),
            str(document.get("functionVersion") or ""),
            str(document.get("accountId") or ""),
            "INVOKE" in events,
        )

    def subscribe(self, settings: Settings, uri: str, types: list[str]) -> bool:
        """Subscribe to telemetry; return whether this environment has any.

        Args:
            settings: The buffering.
            uri: Where the platform sends telemetry.
            types: Some of `platform`, `function`, `extension`.

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
            reply = self._call("PUT", "/2022-07-01/telemetry", self._headers(), subscription)
            if reply.status == _OK:
                return True
            if reply.status == _ACCEPTED:
                # This sandbox, a local one for instance, has no Telemetry API.
                return False
            if reply.status != _BAD_REQUEST:
                break
        raise LambdaApiError("subscribe to telemetry", reply.status, reply.text)

    def next(self) -> Event:
        """Wait for the next event, however long: the environment may be frozen for hours.

        Raises:
            LambdaApiError: The services refused the call or broke the connection.
        """
        kept, self._polling = self._polling, None
        if kept is not None and _ended(kept):
            # Closed while it was idle, which is no error.
            kept.close()
            kept = None
        connection = kept or http.client.HTTPConnection(self._address)
        path = "/2020-01-01/extension/event/next"
        reply = _exchange(connection, "next", "GET", path, None, self._headers())
        if reply.status != _OK:
            connection.close()
            raise LambdaApiError("next", reply.status, reply.text)
        self._polling = connection
        event = reply.document
        deadline = event.get("deadlineMs")
        return Event(
            str(event.get("eventType") or ""),
            deadline / 1000 if isinstance(deadline, (int, float)) else 0.0,
            str(event.get("requestId") or ""),
            str(event.get("shutdownReason") or "").lower(),
        )

    def _headers(self) -> dict[str, str]:
        return {"Lambda-Extension-Identifier": self._identifier}

    def _call(self, method: str, path: str, headers: dict[str, str], document: object) -> _Reply:
        connection = http.client.HTTPConnection(self._address, timeout=_CALL_SECONDS)
        headers = {**headers, "Content-Type": "application/json"}
        call, body = f"{method} {path}", json.dumps(document)
        with contextlib.closing(connection):
            return _exchange(connection, call, method, path, body, headers)


class _Reply(NamedTuple):
    status: int
    identifier: str
    body: bytes

    @property
    def document(self) -> dict[str, Any]:
        """The JSON object in the body; an empty one if there is none."""
        try:
            value = json.loads(self.body)
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}

    @property
    def text(self) -> str:
        """The beginning of the body."""
        return self.body[:300].decode("utf-8", "replace")


def _exchange(
    connection: http.client.HTTPConnection,
    call: str,
    method: str,
    path: str,
    body: str | None,
    headers: dict[str, str],
) -> _Reply:
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        identifier = response.headers.get("Lambda-Extension-Identifier", "")
        return _Reply(response.status, identifier, response.read())
    except (OSError, http.client.HTTPException) as error:
        connection.close()
        raise LambdaApiError(call, 0, str(error) or type(error).__name__) from error


def _ended(connection: http.client.HTTPConnection) -> bool:
    """Return whether the other side has closed an idle connection."""
    return connection.sock is None or bool(select.select([connection.sock], [], [], 0)[0])
