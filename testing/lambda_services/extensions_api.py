"""The Extensions API, 2020-01-01, and the Telemetry API that stands beside it."""

import json
import uuid

from testing.lambda_services import subscription
from testing.lambda_services.environment import Environment, Extension
from testing.lambda_services.exchange import (
    RESET,
    TEXT,
    Answer,
    Call,
    error_answer,
    json_answer,
)
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


class ExtensionsApi:
    """Answers the calls of extensions.

    Args:
        environment: The state, which the calls change.
    """

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._registers = self._nexts = 0

    def respond(self, call: Call) -> Answer | None:
        """Answer a call, after as long as it takes; None: it is no call of this API."""
        method = _METHODS.get(call.path)
        if method is None:
            return None
        if call.method != method:
            # Only the emulator's classic mode sends `Allow`.
            managed = self._environment.managed_instances
            return Answer(405, headers={} if managed else {"Allow": method})
        if call.path.endswith("/register"):
            return self._register(call)
        if call.path == _LOGS:
            return self._logs()
        if call.path == _TELEMETRY and (answer := self._disturbed()) is not None:
            return answer
        found = self._identify(call)
        if isinstance(found, Answer):
            return found
        if call.path == _TELEMETRY:
            return self._subscribe(found, call)
        return self._next(found, call) if call.method == "GET" else self._error(found)

    def _register(self, call: Call) -> Answer:
        """Register an extension; what is wrong is said in the emulator's order."""
        environment = self._environment
        with environment.changed:
            self._registers += 1
            if self._registers <= environment.faults.register_failures:
                return failed(environment.faults.register_failure)
        name = call.headers.get("lambda-extension-name", "")
        if not name:
            return error_answer(403, "Extension.InvalidExtensionName", "Empty extension name")
        try:
            asked = frozenset(json.loads(call.body)["events"])
        except (ValueError, KeyError, TypeError):
            return error_answer(403, "InvalidRequestFormat", _format_error(call.body))
        with environment.changed:
            refusal = self._refusal(name, asked)
            if refusal is not None:
                return refusal
            extension = Extension(name, asked)
            environment.extensions[extension.identifier] = extension
            environment.changed.notify_all()
        about = environment.function
        content = {
            "functionName": about.name,
            "functionVersion": about.version,
            "handler": about.handler,
        }
        # Extensions API, "Register"; of the emulator only Managed Instances mode has it.
        if call.headers.get("lambda-extension-accept-feature") == "accountId":
            content = {"accountId": about.account, **content}
        return json_answer(200, content, {_IDENTIFIER: extension.identifier})

    def _refusal(self, name: str, asked: frozenset[str]) -> Answer | None:
        """Say why a registration is refused; None where it is not."""
        environment = self._environment
        kind = "Extension.InvalidEventType"
        internal = bool(environment.external) and name not in environment.external
        if internal and environment.managed_instances:
            return error_answer(403, kind, "No events allowed for internal extensions")
        allowed = _EVENTS[1:] if environment.managed_instances else _EVENTS
        for event in sorted(asked):
            if event not in allowed:
                return error_answer(403, kind, f"{event}: ErrorInvalidEventType")
        if internal and "SHUTDOWN" in asked:
            words = "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension"
            return error_answer(403, kind, words)
        present = (ext for ext in environment.extensions.values() if not ext.gone)
        if any(extension.name == name for extension in present):
            state = "state" if environment.managed_instances else "State"
            words = (
                f"State transition from Registered to Registered failed for extension {name}. "
                f"Error: {state} transition is not allowed"
            )
            return error_answer(403, "Extension.InvalidExtensionState", words)
        return None

    def _identify(self, call: Call) -> Extension | Answer:
        """Find the extension that calls, or say why it is not known."""
        identifier = call.headers.get(_IDENTIFIER.lower(), "")
        if not identifier:
            kind = "Extension.MissingExtensionIdentifier"
            return error_answer(403, kind, f"Missing {_IDENTIFIER} header")
        try:
            uuid.UUID(identifier)
        except ValueError:
            kind = "Extension.InvalidExtensionIdentifier"
            return error_answer(403, kind, f"Invalid {_IDENTIFIER}")
        if call.path.endswith("/error") and _ERROR_TYPE.lower() not in call.headers:
            return error_answer(403, "Extension.MissingHeader", f"{_ERROR_TYPE} not found")
        with self._environment.changed:
            found = self._environment.extensions.get(identifier)
        if found is None:
            kind = "Extension.UnknownExtensionIdentifier"
            return error_answer(403, kind, f"Unknown extension {identifier}")
        return found

    def _next(self, extension: Extension, call: Call) -> Answer:
        """Give the next event when there is one."""
        environment = self._environment
        with environment.changed:
            self._nexts += 1
            every = environment.faults.next_failure_every
            if every and self._nexts % every == 0:
                return failed(environment.faults.next_failure)
            extension.asked_at.append(call.at)
            extension.waiting = True
            environment.changed.notify_all()
            environment.wait_for(lambda: bool(extension.pending) or extension.gone)
            extension.waiting = False
            if not extension.pending or extension.gone:
                return RESET
            event = extension.pending.popleft()
        body = json.dumps(event, separators=(",", ":")).encode()
        if event["eventType"] == "SHUTDOWN":
            return Answer(200, body, TEXT)
        headers = {"Lambda-Extension-Event-Identifier": str(uuid.uuid4())}
        return Answer(200, body, "application/json", headers)

    def _error(self, extension: Extension) -> Answer:
        """Take init/error or exit/error, after which the extension may call nothing more."""
        self._environment.forget(extension.name)
        return json_answer(202, {"status": "OK"})

    def _disturbed(self) -> Answer | None:
        """Answer a subscription as the faults say; None where they say nothing."""
        faults = self._environment.faults
        if faults.telemetry_answer == 202:
            words = "Telemetry API is not supported"
            return error_answer(202, "Telemetry.NotSupported", words)
        if faults.telemetry_answer == 403:
            return self._closed()
        if faults.telemetry_answer is not None:
            return failed(faults.telemetry_answer)
        return None

    def _subscribe(self, extension: Extension, call: Call) -> Answer:
        """Take a subscription."""
        environment = self._environment
        if environment.faults.only_schema is not None:
            schemas: tuple[str, ...] = (environment.faults.only_schema,)
        elif environment.managed_instances:
            schemas = subscription.MANAGED_INSTANCES_SCHEMAS
        else:
            schemas = subscription.ON_DEMAND_SCHEMAS
        found = self._validate(call, schemas)
        if isinstance(found, Answer):
            return found
        with environment.changed:
            if environment.initialised:
                return self._closed()
            if extension.identifier in environment.streams:
                return failed(500)
        environment.subscribe(extension, found)
        return Answer(200, b'"OK"', TEXT)

    def _validate(self, call: Call, schemas: tuple[str, ...]) -> subscription.Subscription | Answer:
        """Read a subscription, or say what is wrong with it."""
        any_host = self._environment.faults.any_host
        try:
            return subscription.parse(call.body, schemas, any_host=any_host)
        except subscription.RejectedError as error:
            return Answer(400, str(error).encode(), TEXT)

    def _closed(self) -> Answer:
        """Say that the init phase is over."""
        return error_answer(
            403, "Telemetry.SubscriptionClosed", "Telemetry API subscription is closed"
        )

    def _logs(self) -> Answer | None:
        """Answer as where there is no Logs API."""
        if self._environment.managed_instances:
            return None
        return error_answer(202, "Logs.NotSupported", "Logs API is not supported")


def _format_error(body: bytes) -> str:
    """Say in Go's words what is wrong with the body of a registration."""
    if not body.strip():
        return "unexpected end of JSON input"
    return f"invalid character '{chr(body[1])}' looking for beginning of object key string"
