"""
The Extensions API and the Telemetry API, as an extension calls them.

Both are plain HTTP on `AWS_LAMBDA_RUNTIME_API` (AWS Lambda, "Extensions API reference"
and "Lambda Telemetry API reference").
"""

from __future__ import annotations

import http.client
import json
import select
from typing import TYPE_CHECKING, Any, NamedTuple

from extension.errors import LambdaApiError

if TYPE_CHECKING:
    from extension.settings import Settings

# A refused call answers within milliseconds; only `next` may take for ever.
_CALL_SECONDS = 5.0
# "Use 2025-01-29": the newest schema, and the only one on Managed Instances; some
# on-demand environments know only the one before.
SCHEMAS = ("2025-01-29", "2022-12-13")
_BAD_REQUEST = 400
_ACCEPTED = 202
_OK = 200
_INVOKE_REFUSED = (400, 403)


class Registration(NamedTuple):
    """
    What registering gave.

    Attributes:
        invocations: Whether INVOKE events come; on Managed Instances they do not.
        account: The account id, empty where the platform does not tell.
    """

    function_name: str
    function_version: str
    account: str
    invocations: bool


class Event(NamedTuple):
    """
    What `next` gave.

    Attributes:
        kind: `INVOKE` or `SHUTDOWN`.
        deadline: Seconds since the epoch; 0 where the event names none.
        request_id: Of an INVOKE; empty otherwise.
        reason: Of a SHUTDOWN, in lower case: the services do not agree on it.
    """

    kind: str
    deadline: float
    request_id: str
    reason: str


class LambdaApi:
    """
    The calls of one extension; not for several threads.

    Args:
        address: `host:port` of the services.
        name: The file name of the executable: under another name an extension counts
            as internal, and its SHUTDOWN registration is refused.
    """

    def __init__(self, address: str, name: str) -> None:
        self._address = address
        self._name = name
        self._identifier = ""
        self._polling: http.client.HTTPConnection | None = None

    def register(self) -> Registration:
        """
        Register for INVOKE and SHUTDOWN; for SHUTDOWN alone where INVOKE is refused.

        Raises:
            LambdaApiError: Both were refused, or nobody answered.
        """
        try:
            return self._register(["INVOKE", "SHUTDOWN"])
        except LambdaApiError as error:
            # Managed Instances: "403 Extension.InvalidEventType" for INVOKE.
            if error.status not in _INVOKE_REFUSED:
                raise
            return self._register(["SHUTDOWN"])

    def _register(self, events: list[str]) -> Registration:
        status, headers, body = self._call(
            "POST",
            "/2020-01-01/extension/register",
            {
                "Lambda-Extension-Name": self._name,
                "Lambda-Extension-Accept-Feature": "accountId",
            },
            {"events": events},
        )
        if status != _OK:
            raise LambdaApiError("register", status, _text(body))
        self._identifier = headers.get("lambda-extension-identifier", "")
        answer = _object(body)
        return Registration(
            str(answer.get("functionName") or ""),
            str(answer.get("functionVersion") or ""),
            str(answer.get("accountId") or ""),
            "INVOKE" in events,
        )

    def subscribe(self, settings: Settings, uri: str, types: list[str]) -> bool:
        """
        Subscribe to telemetry; tell whether there is any in this environment.

        Args:
            settings: Gives the buffering.
            uri: Where the platform shall send it.
            types: Some of `platform`, `function`, `extension`.

        Raises:
            LambdaApiError: The platform refused every schema, or failed.
        """
        status, body = 0, b""
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
            status, _headers, body = self._call(
                "PUT",
                "/2022-07-01/telemetry",
                {"Lambda-Extension-Identifier": self._identifier},
                subscription,
            )
            if status != _BAD_REQUEST:
                break
        if status == _ACCEPTED:
            # 202 says that this sandbox has no Telemetry API, as a local one.
            return False
        if status != _OK:
            raise LambdaApiError("subscribe to telemetry", status, _text(body))
        return True

    def next(self) -> Event:
        """
        Wait for the next event, however long: the environment may be frozen for hours.

        Raises:
            LambdaApiError: The services refused the call or broke the connection.
        """
        kept, self._polling = self._polling, None
        if kept is not None and _ended(kept):
            # Closed while it was not used, which is nobody's fault.
            kept.close()
            kept = None
        connection = kept or http.client.HTTPConnection(self._address)
        try:
            connection.request(
                "GET",
                "/2020-01-01/extension/event/next",
                headers={"Lambda-Extension-Identifier": self._identifier},
            )
            response = connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise LambdaApiError("next", 0, str(error) or type(error).__name__) from error
        if response.status != _OK:
            connection.close()
            raise LambdaApiError("next", response.status, _text(body))
        self._polling = connection
        event = _object(body)
        deadline = event.get("deadlineMs")
        return Event(
            str(event.get("eventType") or ""),
            deadline / 1000 if isinstance(deadline, (int, float)) else 0.0,
            str(event.get("requestId") or ""),
            str(event.get("shutdownReason") or "").lower(),
        )

    def _call(
        self, method: str, path: str, headers: dict[str, str], document: object
    ) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(self._address, timeout=_CALL_SECONDS)
        try:
            connection.request(
                method,
                path,
                json.dumps(document),
                {**headers, "Content-Type": "application/json"},
            )
            response = connection.getresponse()
            names = {name.lower(): value for name, value in response.getheaders()}
            return response.status, names, response.read()
        except (OSError, http.client.HTTPException) as error:
            detail = str(error) or type(error).__name__
            raise LambdaApiError(f"{method} {path}", 0, detail) from error
        finally:
            connection.close()


def _ended(connection: http.client.HTTPConnection) -> bool:
    """Tell whether the other side has ended a connection on which nothing is expected."""
    return connection.sock is None or bool(select.select([connection.sock], [], [], 0)[0])


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _text(body: bytes) -> str:
    return body[:300].decode("utf-8", "replace")
