"""The Extensions API and the Telemetry API, as an extension calls them."""

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from extension.errors import LambdaApiError
from extension.lambda_api import Event, LambdaApi, Registration
from extension.settings import Settings
from testing.misbehaving import nobody, raw_listener

SETTINGS = Settings({"LOGZIO_LOGS_TOKEN": "token", "LOGS_MAX_ITEMS": "2000"})
REGISTERED = {"functionName": "my-fn", "functionVersion": "7", "accountId": "123456789012"}


def reply(code: int, document: object, **headers: str) -> bytes:
    """Return a response with a JSON document."""
    body = json.dumps(document).encode()
    lines = [f"HTTP/1.1 {code} x", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Services:
    """Lambda services with scripted responses; records the requests."""

    def __init__(self) -> None:
        self.replies: list[bytes | None] = []
        self.requests: list[tuple[str, dict[str, str], Any]] = []
        self.url = ""

    def __call__(self, _connection: socket.socket, request: bytes) -> bytes | None:
        """Respond to one request."""
        head, _, body = request.partition(b"\r\n\r\n")
        first, *headers = head.decode().split("\r\n")
        fields = dict(line.split(": ", 1) for line in headers)
        document = json.loads(body) if body else None
        self.requests.append((first, {k.lower(): v for k, v in fields.items()}, document))
        return self.replies.pop(0)

    def api(self, *replies: bytes | None) -> LambdaApi:
        """Return a client of these services, which will give these responses."""
        self.replies = list(replies)
        return LambdaApi(urlsplit(self.url).netloc, "metric-stream-logs")


@pytest.fixture
def services() -> Iterator[Services]:
    """Return Lambda services."""
    made = Services()
    with raw_listener(made) as made.url:
        yield made


def identified() -> bytes:
    """Return the response to a valid registration."""
    return reply(200, REGISTERED, Lambda_Extension_Identifier="id-1")


def test_register(services: Services) -> None:
    """It registers for INVOKE and SHUTDOWN under its file name, and asks for the account."""
    api = services.api(identified())
    assert api.register() == Registration("123456789012", True)
    first, headers, document = services.requests[0]
    assert first == "POST /2020-01-01/extension/register HTTP/1.1"
    assert headers["lambda-extension-name"] == "metric-stream-logs"
    assert headers["lambda-extension-accept-feature"] == "accountId"
    assert document == {"events": ["INVOKE", "SHUTDOWN"]}


def test_register_on_managed_instances(services: Services) -> None:
    """If INVOKE is refused it registers only for SHUTDOWN."""
    refused = reply(403, {"errorType": "Extension.InvalidEventType"})
    api = services.api(refused, identified())
    assert not api.register().invocations
    assert services.requests[1][2] == {"events": ["SHUTDOWN"]}


@pytest.mark.parametrize("code", [400, 403, 500])
def test_register_refused(services: Services, code: int) -> None:
    """A second refusal, or a failure, is an error with its status and the first words of it."""
    api = services.api(reply(code, "x" * 100_000), reply(code, "x" * 100_000))
    with pytest.raises(LambdaApiError) as caught:
        api.register()
    assert caught.value.status == code
    assert 100 < len(str(caught.value)) < 1000


@pytest.mark.parametrize("document", [None, [], "x", {}, {"accountId": None}])
def test_register_without_account(services: Services, document: object) -> None:
    """An account that is not in the response is empty."""
    assert services.api(reply(200, document)).register() == Registration("", True)


def subscribed(services: Services, *replies: bytes) -> bool:
    """Register and subscribe."""
    api = services.api(identified(), *replies)
    api.register()
    return api.subscribe(SETTINGS, "http://sandbox.localdomain:4243", ["function", "platform"])


def test_subscribe(services: Services) -> None:
    """It subscribes with the newest schema, the operator's buffering and its identifier."""
    assert subscribed(services, reply(200, "OK"))
    first, headers, document = services.requests[1]
    assert first == "PUT /2022-07-01/telemetry HTTP/1.1"
    assert headers["lambda-extension-identifier"] == "id-1"
    assert document == {
        "schemaVersion": "2025-01-29",
        "types": ["function", "platform"],
        "buffering": {"maxItems": 2000, "maxBytes": 262_144, "timeoutMs": 25},
        "destination": {"protocol": "HTTP", "URI": "http://sandbox.localdomain:4243"},
    }


@pytest.mark.parametrize(
    ("codes", "result"),
    [
        ((202,), False),
        ((400, 200), True),
        ((400, 400), 400),
        ((403,), 403),
        ((404,), 404),
        ((500,), 500),
    ],
)
def test_subscribe_answers(services: Services, codes: tuple[int, ...], result: int) -> None:
    """After a 400 the older schema is tried; a 202 says that there is no telemetry here.

    Another refusal is an error with its status.
    """
    replies = [reply(code, {"errorType": "x"}) for code in codes]
    if isinstance(result, bool):
        assert subscribed(services, *replies) is result
    else:
        with pytest.raises(LambdaApiError) as caught:
            subscribed(services, *replies)
        assert caught.value.status == result
    schemas = [document["schemaVersion"] for _, _, document in services.requests[1:]]
    assert schemas == ["2025-01-29", "2022-12-13"][: len(codes)]


def test_next(services: Services) -> None:
    """An event has its deadline in seconds and its reason in lower case."""
    invoke = {"eventType": "INVOKE", "deadlineMs": 1_725_012_000_500, "requestId": "r"}
    shutdown = {"eventType": "SHUTDOWN", "shutdownReason": "Timeout", "deadlineMs": 2000}
    api = services.api(identified(), reply(200, invoke), reply(200, shutdown))
    api.register()
    assert api.next() == Event("INVOKE", 1_725_012_000.5, "r", "")
    assert api.next() == Event("SHUTDOWN", 2.0, "", "timeout")
    assert services.requests[1][0] == "GET /2020-01-01/extension/event/next HTTP/1.1"
    assert services.requests[1][1]["lambda-extension-identifier"] == "id-1"


@pytest.mark.parametrize(
    "event",
    [None, [], "x", {}, {"eventType": None, "deadlineMs": "soon", "requestId": None}, {"x": 1}],
)
def test_next_without_members(services: Services, event: object) -> None:
    """An event without the expected members is empty, and no error."""
    assert services.api(reply(200, event)).next() == Event("", 0.0, "", "")


def test_next_after_failures(services: Services) -> None:
    """A refusal and a broken connection are errors; the next call works."""
    event = {"eventType": "INVOKE", "requestId": "r"}
    api = services.api(reply(403, {}), None, reply(500, {}), reply(200, event))
    for status in (403, 0, 500):
        with pytest.raises(LambdaApiError) as caught:
            api.next()
        assert caught.value.status == status
    assert api.next().request_id == "r"


def test_no_response() -> None:
    """If nothing listens each call is an error without a status."""
    with nobody() as url:
        api = LambdaApi(urlsplit(url).netloc, "metric-stream-logs")
        for call in (api.register, api.next, lambda: api.subscribe(SETTINGS, "", [])):
            with pytest.raises(LambdaApiError, match="no response") as caught:
                call()
            assert caught.value.status == 0


@pytest.mark.slow
def test_call_that_stalls() -> None:
    """A call without a response ends after a time."""
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


def test_next_waits_for_ever(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """`next` has no timeout."""
    timeouts = []
    connection = http.client.HTTPConnection

    def connect(address: str, timeout: float | None) -> http.client.HTTPConnection:
        timeouts.append(timeout)
        return connection(address, timeout=timeout)

    monkeypatch.setattr(http.client, "HTTPConnection", connect)
    services.api(reply(200, {"eventType": "INVOKE"})).next()
    assert timeouts == [None]
