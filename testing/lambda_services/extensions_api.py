"""The Extensions API, 2020-01-01, and the Telemetry API beside it."""

import json
import uuid

from testing.http_server import Reply, Request
from testing.lambda_services import subscription
from testing.lambda_services.calls import JSON, RESET, TEXT, error_reply, json_reply
from testing.lambda_services.environment import Environment, Extension
from testing.lambda_services.faults import failed

_PREFIX = "/2020-01-01/extension"
_TELEMETRY = "/2022-07-01/telemetry"
_LOGS = "/2020-08-15/logs"
_IDENTIFIER = "Lambda-Extension-Identifier"
_ERROR_TYPE = "Lambda-Extension-Function-Error-Type"
_EVENTS = ("INVOKE", "SHUTDOWN")
_METHODS = {
    f"{_PREFIX}/register": "POST",
    f"{_PREFIX}/event/next": "GET",
    f"{_PREFIX}/init/error": "POST",
    f"{_PREFIX}/exit/error": "POST",
    _TELEMETRY: "PUT",
    _LOGS: "PUT",
}


class _RefusedError(Exception):
    """A call is refused with `reply`."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply)
        self.reply = reply


def _refuse(kind: str, message: str) -> _RefusedError:
    return _RefusedError(error_reply(403, kind, message))


class ExtensionsApi:
    """Replies to the calls of extensions.

    Args:
        environment: The state, which the calls change.
    """

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._registers = self._nexts = 0

    def respond(self, request: Request) -> Reply | None:
        """Reply to a call, possibly after a long poll; None: it is no call of this API."""
        method = _METHODS.get(request.path)
        if method is None:
            return None
        if request.method != method:
            # Only the emulator's classic mode sends `Allow`.
            managed = self._environment.managed_instances
            return Reply(405, {} if managed else {"Allow": method})
        if request.path == _LOGS:
            # Lambda replies so where there is no Logs API; Managed Instances have no such path.
            managed = self._environment.managed_instances
            message = "Logs API is not supported"
            return None if managed else error_reply(202, "Logs.NotSupported", message)
        try:
            return self._reply(request)
        except _RefusedError as refused:
            return refused.reply

    def _reply(self, request: Request) -> Reply:
        if request.path.endswith("/register"):
            return self._register(request)
        if request.path == _TELEMETRY:
            self._apply_telemetry_fault()
            return self._subscribe(self._identify(request), request)
        extension = self._identify(request)
        return self._next(extension, request) if request.method == "GET" else self._error(extension)

    def _register(self, request: Request) -> Reply:
        """Register an extension; checks come in the emulator's order."""
        environment = self._environment
        with environment.changed:
            self._registers += 1
            if self._registers <= environment.faults.register_failures:
                return failed(environment.faults.register_failure)
        name = request.headers.get("lambda-extension-name", "")
        if not name:
            raise _refuse("Extension.InvalidExtensionName", "Empty extension name")
        try:
            asked = frozenset(json.loads(request.body)["events"])
        except (ValueError, KeyError, TypeError) as error:
            raise _refuse("InvalidRequestFormat", subscription.json_error(request.body)) from error
        with environment.changed:
            self._check_registration(name, asked)
            extension = Extension(name, asked)
            environment.extensions[extension.identifier] = extension
            environment.changed.notify_all()
        function = environment.function
        content = {
            "functionName": function.name,
            "functionVersion": function.version,
            "handler": function.handler,
        }
        # Extensions API, "Register"; the emulator has it in Managed Instances mode only.
        if request.headers.get("lambda-extension-accept-feature") == "accountId":
            content = {"accountId": function.account, **content}
        return json_reply(200, content, {_IDENTIFIER: extension.identifier})

    def _check_registration(self, name: str, asked: frozenset[str]) -> None:
        """Refuse events that are not allowed, and a name that is registered already."""
        environment = self._environment
        kind = "Extension.InvalidEventType"
        internal = bool(environment.external) and name not in environment.external
        if internal and environment.managed_instances:
            raise _refuse(kind, "No events allowed for internal extensions")
        allowed = _EVENTS[1:] if environment.managed_instances else _EVENTS
        for event in sorted(asked.difference(allowed)):
            raise _refuse(kind, f"{event}: ErrorInvalidEventType")
        if internal and "SHUTDOWN" in asked:
            raise _refuse(kind, "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension")
        present = (it for it in environment.extensions.values() if not it.gone)
        if any(extension.name == name for extension in present):
            state = "state" if environment.managed_instances else "State"
            message = (
                f"State transition from Registered to Registered failed for extension {name}. "
                f"Error: {state} transition is not allowed"
            )
            raise _refuse("Extension.InvalidExtensionState", message)

    def _identify(self, request: Request) -> Extension:
        """Return the extension that calls."""
        identifier = request.headers.get(_IDENTIFIER.lower(), "")
        if not identifier:
            kind = "Extension.MissingExtensionIdentifier"
            raise _refuse(kind, f"Missing {_IDENTIFIER} header")
        try:
            uuid.UUID(identifier)
        except ValueError as error:
            kind = "Extension.InvalidExtensionIdentifier"
            raise _refuse(kind, f"Invalid {_IDENTIFIER}") from error
        if request.path.endswith("/error") and _ERROR_TYPE.lower() not in request.headers:
            raise _refuse("Extension.MissingHeader", f"{_ERROR_TYPE} not found")
        with self._environment.changed:
            found = self._environment.extensions.get(identifier)
        if found is None:
            kind = "Extension.UnknownExtensionIdentifier"
            raise _refuse(kind, f"Unknown extension {identifier}")
        return found

    def _next(self, extension: Extension, request: Request) -> Reply:
        """Return the next event, as soon as there is one."""
        environment = self._environment
        with environment.changed:
            self._nexts += 1
            every = environment.faults.next_failure_every
            if every and self._nexts % every == 0:
                return failed(environment.faults.next_failure)
            extension.asked_at.append(request.begun)
            extension.waiting = True
            environment.changed.notify_all()
            environment.wait_for(lambda: bool(extension.pending) or extension.gone)
            extension.waiting = False
            if not extension.pending or extension.gone:
                return RESET
            event = extension.pending.popleft()
        body = json.dumps(event, separators=(",", ":")).encode()
        if event["eventType"] == "SHUTDOWN":
            return Reply(200, TEXT, body)
        return Reply(200, {**JSON, "Lambda-Extension-Event-Identifier": str(uuid.uuid4())}, body)

    def _error(self, extension: Extension) -> Reply:
        """Accept init/error or exit/error, after which the extension may call nothing more."""
        self._environment.mark_gone(extension.name)
        return json_reply(202, {"status": "OK"})

    def _apply_telemetry_fault(self) -> None:
        """Refuse a subscription where a fault is switched on."""
        fault = self._environment.faults.telemetry_answer
        if fault == 202:
            message = "Telemetry API is not supported"
            raise _RefusedError(error_reply(202, "Telemetry.NotSupported", message))
        if fault == 403:
            raise _closed()
        if fault is not None:
            raise _RefusedError(failed(fault))

    def _subscribe(self, extension: Extension, request: Request) -> Reply:
        """Accept a subscription."""
        environment = self._environment
        faults = environment.faults
        schemas: tuple[str, ...] = subscription.ON_DEMAND_SCHEMAS
        if faults.only_schema is not None:
            schemas = (faults.only_schema,)
        elif environment.managed_instances:
            schemas = subscription.MANAGED_INSTANCES_SCHEMAS
        try:
            found = subscription.parse(request.body, schemas)
        except subscription.RejectedError as error:
            return Reply(400, TEXT, str(error).encode())
        with environment.changed:
            if environment.initialised:
                raise _closed()
            if extension.identifier in environment.streams:
                return failed(500)
        environment.subscribe(extension, found)
        return Reply(200, TEXT, b'"OK"')


def _closed() -> _RefusedError:
    """Refuse because the init phase is over."""
    return _refuse("Telemetry.SubscriptionClosed", "Telemetry API subscription is closed")
