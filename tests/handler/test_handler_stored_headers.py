"""REMOTE_WRITE_HEADERS_ARN: further headers of requests, kept in a secret."""

import json
from pathlib import Path

import pytest

from handler.errors import SettingsError
from handler.settings import read_settings
from testing.http_server import Reply
from testing.otlp_receiver import OtlpReceiver
from testing.receiver import Received, Receiver
from tests.support.backups import (
    FAILED,
    environment,
    failed_object,
    records_of_hosts,
    run_in,
    write,
)
from tests.support.invoking import ACCESS_KEY, delivery_of, points
from tests.support.otlp_endpoints import otlp_function
from tests.support.recording import Recorded, RecordingFunction
from tests.support.secret_stores import HEADERS_ARN, MINUTE, MISSING, Later, Stores

# Each test starts a secret store.
pytestmark = pytest.mark.slow

OLD, NEW = "GHV58d3e1c90b7a", "QWZ7f3b9e51c8d24a60"
KNOWN = {"FIREHOSE_ACCESS_KEY": ACCESS_KEY}


def headers(key: str) -> str:
    """Return the text of a secret with a key and a tenant."""
    return json.dumps({"X-Api-Key": key, "X-Scope-OrgID": "1"})


class Expecting:
    """A listener that takes one key, and repeats what it was sent in any other answer.

    Attributes:
        key: The key.
    """

    def __init__(self, key: str) -> None:
        self.key = key

    def __call__(self, received: Received) -> Reply:
        """Answer one request."""
        if received.headers.get("x-api-key") == self.key:
            return Reply()
        return Reply(401, body=f"{dict(received.headers)} but {self.key}".encode())


def text_of(recorded: Recorded) -> str:
    """Return everything that an invocation has answered and logged."""
    return json.dumps([recorded.response, recorded.lines])


def deliver(function: RecordingFunction, **more: object) -> Recorded:
    """Deliver a data point."""
    return function.invoke(delivery_of(points(1), access_key=ACCESS_KEY, **more))


def test_sent_beside_the_token(stores: Stores) -> None:
    """Every request has the headers of the secret, which is fetched once, and the token's."""
    arn = stores.secret(headers(OLD))
    with Receiver() as receiver:
        function = RecordingFunction(receiver.url, {HEADERS_ARN: arn, **KNOWN})
        assert [deliver(function).status for _ in range(2)] == [200, 200]
        sent = [r.headers for r in receiver.requests]
    assert [(it["x-api-key"], it["x-scope-orgid"]) for it in sent] == [(OLD, "1")] * 2
    assert [it["authorization"] for it in sent] == [f"Bearer {ACCESS_KEY}"] * 2
    assert len(stores.reads) == 2


def test_parameter(stores: Stores) -> None:
    """The headers may be in an SSM parameter, with any Authorization where the scheme is none."""
    arn = stores.parameter('{"Authorization": "Custom x"}', "headers")
    settings = {HEADERS_ARN: arn, "REMOTE_WRITE_AUTH": "none", **KNOWN}
    with Receiver() as receiver:
        assert deliver(RecordingFunction(receiver.url, settings)).status == 200
        assert [r.headers["authorization"] for r in receiver.requests] == ["Custom x"]


def test_otlp_endpoint(stores: Stores) -> None:
    """They are the headers of an OTLP endpoint too."""
    arn = stores.secret(headers(OLD))
    with OtlpReceiver() as receiver:
        assert deliver(otlp_function(receiver, **{HEADERS_ARN: arn}, **KNOWN)).status == 200
        assert [it.http.headers["x-api-key"] for it in receiver.requests] == [OLD]


@pytest.mark.parametrize("scheme", ["bearer", "none"])
def test_replaced(stores: Stores, scheme: str) -> None:
    """After a 401 the secret is read again, at most once a minute, and the request sent again."""
    arn, later, listener = stores.secret(headers(OLD)), Later(), Expecting(OLD)
    settings = {HEADERS_ARN: arn, "REMOTE_WRITE_AUTH": scheme, **KNOWN}
    with Receiver(listener) as receiver:
        function = RecordingFunction(receiver.url, settings, later.clock)
        assert deliver(function).status == 200
        listener.key = NEW
        stores.change(arn, headers(NEW))
        refused = deliver(function)
        later.ahead += MINUTE
        assert [deliver(function).status for _ in range(2)] == [200, 200]
    assert refused.status == 401
    assert OLD not in text_of(refused)
    assert len(stores.reads) == 2 + 2


def test_another_host(stores: Stores) -> None:
    """A listener that a delivery names on another host does not get them, nor are they fetched."""
    with Receiver() as receiver:
        settings = {HEADERS_ARN: MISSING, "LISTENER_ALLOWED_HOSTS": "127.0.0.1", **KNOWN}
        function = RecordingFunction("https://in.example/w", settings)
        assert deliver(function, attributes={"CUSTOM_LISTENER": receiver.url}).status == 200
        assert "x-api-key" not in receiver.requests[0].headers
    assert stores.reads == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f"X-Api-Key: {NEW}", "must be a JSON object of header names and values"),
        (f'["{NEW}"]', "must be a JSON object of header names and values, all text"),
        (
            f'{{"X-Api-Key": ["{NEW}"]}}',
            "must be a JSON object of header names and values, all text",
        ),
        (f'{{"X-Api-Key": "{NEW}\\r\\n"}}', "has a name or value that an HTTP header cannot carry"),
        (f'{{"X-Api-Key": "{NEW}", "X-Api-Key": "{NEW}x"}}', "must not set a name twice"),
        (f'{{"User-Agent": "{NEW}"}}', "must not set User-Agent, which the protocol decides"),
        (
            f'{{"authorization": "{NEW}"}}',
            "must not set authorization, which REMOTE_WRITE_AUTH sets",
        ),
    ],
)
def test_malformed(stores: Stores, text: str, problem: str) -> None:
    """A secret that is no such object is an error that says so, without a value."""
    with Receiver() as receiver:
        settings = {HEADERS_ARN: stores.secret(text), **KNOWN}
        recorded = deliver(RecordingFunction(receiver.url, settings))
        assert receiver.requests == []
    assert recorded.status == 500
    assert f"the secret of {HEADERS_ARN} {problem}" in text_of(recorded)
    assert NEW not in text_of(recorded)


def test_no_open_relay(stores: Stores) -> None:
    """Over HTTP headers that are in a secret need an access key to expect."""
    with Receiver() as receiver:
        recorded = deliver(
            RecordingFunction(receiver.url, {HEADERS_ARN: stores.secret(headers(OLD))})
        )
        assert receiver.requests == []
    assert recorded.status == 500
    assert f"settings: {HEADERS_ARN} without FIREHOSE_ACCESS_KEY" in text_of(recorded)


def test_not_together() -> None:
    """Headers that are given twice are an error, since it is unclear which ones count."""
    environ = {"AWS_REGION": "us-east-1", HEADERS_ARN: MISSING, "REMOTE_WRITE_HEADERS": "{}"}
    with pytest.raises(SettingsError, match="must not be set together with REMOTE_WRITE_HEADERS"):
        read_settings(environ)


def test_replay(stores: Stores, tmp_path: Path) -> None:
    """A replay sends them too; a dry run does not need them."""
    write(tmp_path / FAILED / "1", failed_object(records_of_hosts("a")))
    with Receiver() as receiver:
        environ = environment(receiver.url, **{HEADERS_ARN: stores.secret(headers(OLD))})
        assert run_in([str(tmp_path), "--dry-run"], environ).status == 0
        assert (stores.reads, receiver.requests) == ([], [])
        assert run_in([str(tmp_path)], environ).status == 0
        assert {r.headers["x-api-key"] for r in receiver.requests} == {OLD}
