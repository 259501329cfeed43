"""What the fake Lambda services do wrong when they are told to."""

import http.client
import json
from typing import Any

import pytest

from testing.lambda_services.faults import Failure, Faults
from testing.lambda_services.services import LambdaServices

EXTENSION = "/2020-01-01/extension"
SCHEMAS = ("2022-07-01", "2022-12-13", "2025-01-29")


def call(
    services: LambdaServices, method: str, path: str, body: Any = None, **headers: str
) -> tuple[int | str, Any]:
    """Call the services once; give status and body, or `reset`."""
    connection = http.client.HTTPConnection(services.address, timeout=60)
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        connection.request(method, path, json.dumps(body), names)
        answer = connection.getresponse()
        body_bytes = answer.read()
    except ConnectionResetError:
        return "reset", None
    finally:
        connection.close()
    # The emulator's 400 is text, and not always JSON.
    is_json = answer.headers["Content-Type"] == "application/json"
    content: Any = json.loads(body_bytes) if is_json else body_bytes
    if "Lambda-Extension-Identifier" in answer.headers:
        content["identifier"] = answer.headers["Lambda-Extension-Identifier"]
    return answer.status, content


def register(services: LambdaServices, *events: str) -> tuple[int | str, Any]:
    """Register an extension."""
    path, body = f"{EXTENSION}/register", {"events": events}
    return call(services, "POST", path, body, Lambda_Extension_Name="here")


def subscribe(
    services: LambdaServices, identifier: str, schema: str = SCHEMAS[1], host: str = "sandbox"
) -> int | str:
    """Subscribe; give the status."""
    body = {
        "schemaVersion": schema,
        "types": ["function"],
        "destination": {"protocol": "HTTP", "URI": f"http://{host}:9"},
    }
    me = {"Lambda-Extension-Identifier": identifier}
    return call(services, "PUT", "/2022-07-01/telemetry", body, **me)[0]


@pytest.mark.parametrize("answer", [202, 400, 403, 500, "reset"])
def test_telemetry(answer: Failure) -> None:
    """Every subscription gets the answer that is set."""
    with LambdaServices(faults=Faults(telemetry_answer=answer)) as services:
        _, registered = register(services)
        for schema in SCHEMAS:
            assert subscribe(services, registered["identifier"], schema) == answer


def test_only_schema() -> None:
    """One schema version is taken, and the others get 400."""
    with LambdaServices(faults=Faults(only_schema="2022-12-13")) as services:
        _, registered = register(services)
        answers = [subscribe(services, registered["identifier"], name) for name in SCHEMAS]
    assert answers == [400, 200, 400]


@pytest.mark.parametrize("schema", SCHEMAS)
def test_schemas(schema: str) -> None:
    """Without faults each documented version is taken."""
    with LambdaServices() as services:
        _, registered = register(services)
        assert subscribe(services, registered["identifier"], schema) == 200


def test_twice() -> None:
    """A second subscription gets 500, as the emulator answers it."""
    with LambdaServices() as services:
        _, registered = register(services)
        assert [subscribe(services, registered["identifier"]) for _ in range(2)] == [200, 500]


def test_too_late() -> None:
    """After the init phase a subscription gets 403."""
    with LambdaServices() as services:
        _, registered = register(services)
        services.environment.end_init()
        assert subscribe(services, registered["identifier"]) == 403


def test_hosts() -> None:
    """Other hosts than the sandbox's get 400, unless any is to be taken."""
    with LambdaServices() as services:
        _, registered = register(services)
        assert subscribe(services, registered["identifier"], host="127.0.0.1") == 400
        services.faults.any_host = True
        assert subscribe(services, registered["identifier"], host="127.0.0.1") == 200


@pytest.mark.parametrize("failure", [500, 403, "reset"])
def test_register(failure: Failure) -> None:
    """The first registrations fail, the next one does not."""
    faults = Faults(register_failures=2, register_failure=failure)
    with LambdaServices(faults=faults) as services:
        statuses = [register(services, "INVOKE", "SHUTDOWN")[0] for _ in range(3)]
    assert statuses == [failure, failure, 200]


def test_managed_instances() -> None:
    """INVOKE is refused on Managed Instances, and the account is told to who asks for it."""
    with LambdaServices(managed_instances=True) as services:
        status, refused = register(services, "INVOKE", "SHUTDOWN")
        assert (status, refused["errorType"]) == (403, "Extension.InvalidEventType")
        assert register(services, "SHUTDOWN")[0] == 200
        assert services.extensions[0].events == {"SHUTDOWN"}


@pytest.mark.parametrize("failure", [500, "reset"])
def test_next(failure: Failure) -> None:
    """Now and then `next` fails; no event is lost with it, and only the others count as asked."""
    faults = Faults(next_failure_every=2, next_failure=failure)
    with LambdaServices(faults=faults) as services:
        _, registered = register(services, "INVOKE")
        me = {"Lambda-Extension-Identifier": registered["identifier"]}
        answers = []
        for number in range(4):
            services.environment.push("INVOKE", {"eventType": "INVOKE", "requestId": str(number)})
            answers.append(call(services, "GET", f"{EXTENSION}/event/next", **me))
        assert [status for status, _ in answers] == [200, failure, 200, failure]
        assert [answers[place][1]["requestId"] for place in (0, 2)] == ["0", "1"]
        assert len(services.next_times()) == 2
        assert services.calls.count("/event/next") == 4


@pytest.mark.parametrize("way", ["init", "exit"])
def test_errors(way: str) -> None:
    """An init/error or exit/error is answered with 202, counted, and ends the extension."""
    with LambdaServices() as services:
        _, registered = register(services, "INVOKE")
        me = {"Lambda-Extension-Identifier": registered["identifier"]}
        path, reason = f"{EXTENSION}/{way}/error", {"Lambda-Extension-Function-Error-Type": "a.b"}
        assert call(services, "POST", path, {}, **me, **reason) == (202, {"status": "OK"})
        assert services.calls.count(f"/{way}/error") == 1
        assert services.extensions[0].gone
        assert call(services, "GET", f"{EXTENSION}/event/next", **me)[0] == "reset"
