"""The Extensions API and the Telemetry API, as an extension calls them."""

from __future__ import annotations

import contextlib
import json
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from extension.errors import LambdaApiError
from extension.lambda_api import Event, LambdaApi, Registration
from extension.settings import read_settings
from testing.misbehaving import nobody, raw_listener

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

SETTINGS = read_settings({"LOGZIO_LOGS_TOKEN": "token", "MAX_ITEMS": "2000"})
REGISTERED = {"functionName": "my-fn", "functionVersion": "7", "accountId": "123456789012"}


def answer(code: int, document: object, **headers: str) -> bytes:
    """Return an answer with a JSON document."""
    body = json.dumps(document).encode()
    lines = [f"HTTP/1.1 {code} x", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Services:
    """The Lambda services, answering what a test says, one after the other."""

    def __init__(self) -> None:
        self.answers: list[bytes | None] = []
        self.requests: list[tuple[str, dict[str, str], Any]] = []
        self.connections: set[int] = set()
        self.url = ""
        self._apis: list[LambdaApi] = []

    def __call__(self, connection: socket.socket, request: bytes) -> bytes | None:
        """Answer one request."""
        head, _, body = request.partition(b"\r\n\r\n")
        first, *headers = head.decode().split("\r\n")
        fields = dict(line.split(": ", 1) for line in headers)
        document = json.loads(body) if body else None
        self.requests.append((first, {k.lower(): v for k, v in fields.items()}, document))
        self.connections.add(connection.fileno())
        return self.answers.pop(0)

    def api(self, *answers: bytes | None) -> LambdaApi:
        """Return what calls these services, which give these answers."""
        self.answers = list(answers)
        self._apis.append(LambdaApi(urlsplit(self.url).netloc, "metric-stream-logs"))
        return self._apis[-1]

    def close(self) -> None:
        """Close the connections that wait for the next event, as the end of a process does."""
        for api in self._apis:
            if api._polling is not None:
                api._polling.close()


@pytest.fixture
def services() -> Iterator[Services]:
    """Give Lambda services."""
    made = Services()
    with raw_listener(made) as made.url, contextlib.closing(made):
        yield made


def identified() -> bytes:
    """Return a good answer to a registration."""
    return answer(200, REGISTERED, Lambda_Extension_Identifier="id-1")


def test_register(services: Services) -> None:
    """It registers for INVOKE and SHUTDOWN, under its file name, and asks for the account."""
    api = services.api(identified())
    assert api.register() == Registration("my-fn", "7", "123456789012", True)
    first, headers, document = services.requests[0]
    assert first == "POST /2020-01-01/extension/register HTTP/1.1"
    assert headers["lambda-extension-name"] == "metric-stream-logs"
    assert headers["lambda-extension-accept-feature"] == "accountId"
    assert document == {"events": ["INVOKE", "SHUTDOWN"]}


def test_register_on_managed_instances(services: Services) -> None:
    """Where INVOKE is refused it registers for SHUTDOWN alone, and knows that none comes."""
    refused = answer(403, {"errorType": "Extension.InvalidEventType"})
    api = services.api(refused, identified())
    assert not api.register().invocations
    assert services.requests[1][2] == {"events": ["SHUTDOWN"]}


@pytest.mark.parametrize("code", [400, 403, 500])
def test_register_refused(services: Services, code: int) -> None:
    """Who refuses twice, or fails, is an error with its status."""
    api = services.api(answer(code, {}), answer(code, {}))
    with pytest.raises(LambdaApiError) as caught:
        api.register()
    assert caught.value.status == code


@pytest.mark.parametrize("document", [None, [], "x", {}, {"functionName": None, "accountId": 7}])
def test_register_says_little(services: Services, document: object) -> None:
    """What the answer does not say is empty."""
    api = services.api(answer(200, document))
    registration = api.register()
    assert registration.function_name == ""
    assert registration.invocations


def subscribed(services: Services, *answers: bytes) -> bool:
    """Register and subscribe."""
    api = services.api(identified(), *answers)
    api.register()
    return api.subscribe(SETTINGS, "http://sandbox.localdomain:4243", ["function", "platform"])


def test_subscribe(services: Services) -> None:
    """It subscribes with the newest schema, the operator's buffering and its identifier."""
    assert subscribed(services, answer(200, "OK"))
    first, headers, document = services.requests[1]
    assert first == "PUT /2022-07-01/telemetry HTTP/1.1"
    assert headers["lambda-extension-identifier"] == "id-1"
    assert document == {
        "schemaVersion": "2025-01-29",
        "types": ["function", "platform"],
        "buffering": {"maxItems": 2000, "maxBytes": 262_144, "timeoutMs": 25},
        "destination": {"protocol": "HTTP", "URI": "http://sandbox.localdomain:4243"},
    }


def test_subscribe_older_schema(services: Services) -> None:
    """Where the newest schema is a 400 the one before is tried."""
    assert subscribed(services, answer(400, {}), answer(200, "OK"))
    schemas = [document["schemaVersion"] for _, _, document in services.requests[1:]]
    assert schemas == ["2025-01-29", "2022-12-13"]


def test_subscribe_where_there_is_none(services: Services) -> None:
    """A 202 says that this sandbox has no telemetry, and is no error."""
    assert not subscribed(services, answer(202, {"errorType": "Telemetry.NotSupported"}))


@pytest.mark.parametrize("code", [403, 500, 404])
def test_subscribe_refused(services: Services, code: int) -> None:
    """Another refusal is an error with its status, and no other schema is tried."""
    with pytest.raises(LambdaApiError) as caught:
        subscribed(services, answer(code, {"errorType": "x"}))
    assert caught.value.status == code
    assert len(services.requests) == 2


def test_subscribe_every_schema_refused(services: Services) -> None:
    """Where no schema will do the status is the 400."""
    with pytest.raises(LambdaApiError, match="400"):
        subscribed(services, answer(400, {}), answer(400, {}))


def test_next(services: Services) -> None:
    """Events come over one connection, with the identifier, in seconds and lower case."""
    invoke = {"eventType": "INVOKE", "deadlineMs": 1_725_012_000_500, "requestId": "r"}
    shutdown = {"eventType": "SHUTDOWN", "shutdownReason": "Timeout", "deadlineMs": 2000}
    api = services.api(identified(), answer(200, invoke), answer(200, shutdown))
    api.register()
    services.connections.clear()
    assert api.next() == Event("INVOKE", 1_725_012_000.5, "r", "")
    assert api.next() == Event("SHUTDOWN", 2.0, "", "timeout")
    assert services.requests[1][0] == "GET /2020-01-01/extension/event/next HTTP/1.1"
    assert services.requests[1][1]["lambda-extension-identifier"] == "id-1"
    assert len(services.connections) == 1


@pytest.mark.parametrize(
    "event",
    [None, [], "x", {}, {"eventType": None, "deadlineMs": "soon", "requestId": None}, {"x": 1}],
)
def test_next_says_little(services: Services, event: object) -> None:
    """An event that says nothing is one, and no error."""
    assert services.api(answer(200, event)).next() == Event("", 0.0, "", "")


def test_next_after_failures(services: Services) -> None:
    """A refusal and a broken connection are errors, and the next call connects anew."""
    event = {"eventType": "INVOKE", "requestId": "r"}
    api = services.api(answer(403, {}), None, answer(500, {}), answer(200, event))
    for status in (403, 0, 500):
        with pytest.raises(LambdaApiError) as caught:
            api.next()
        assert caught.value.status == status
    assert api.next().request_id == "r"


def test_next_waits(services: Services) -> None:
    """`next` has no timeout: an answer may take as long as it wants."""
    api = services.api(answer(200, {"eventType": "INVOKE"}))
    api.next()
    polling = api._polling
    assert polling is not None
    assert polling.sock.gettimeout() is None


def test_nobody_answers() -> None:
    """Where nobody listens each call is an error without a status."""
    with nobody() as url:
        api = LambdaApi(urlsplit(url).netloc, "metric-stream-logs")
        for call in (api.register, api.next, lambda: api.subscribe(SETTINGS, "", [])):
            with pytest.raises(LambdaApiError, match="no response") as caught:
                call()
            assert caught.value.status == 0


def test_long_refusal_is_cut(services: Services) -> None:
    """What a refusal says is told, and not more than a line has room for."""
    api = services.api(answer(500, "x" * 100_000))
    with pytest.raises(LambdaApiError) as caught:
        api.register()
    assert 100 < len(str(caught.value)) < 1000


def test_stalled() -> None:
    """A call that is not answered ends after a time; `next` alone may take for ever."""
    over = threading.Event()

    def stall(_connection: socket.socket, _request: bytes) -> bytes | None:
        over.wait()
        return None

    with raw_listener(stall) as url:
        try:
            with pytest.raises(LambdaApiError, match="timed out"):
                LambdaApi(urlsplit(url).netloc, "metric-stream-logs").register()
        finally:
            over.set()
