"""What Loki is sent."""

import json
from typing import Any

import pytest

from tests.support.log_destinations import (
    TIME_NS,
    body_of,
    chosen,
    destination,
    parsed,
    record,
)


def entry(value: Any, environ: "dict[str, str] | None" = None, **fields: Any) -> Any:
    """Return the entry that a record becomes."""
    encoded = destination("loki", **(environ or {})).encode(record(value, **fields))
    assert encoded.endswith(b",")
    return parsed(encoded[:-1])


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("hello\n", "hello"),
        ("hello\n\n", "hello\n"),
        ("", ""),
        ({"message": "x", "n": 1.5}, '{"message":"x","n":1.5}'),
        ([1, None], "[1,null]"),
        (None, "null"),
        (7, "7"),
        (float("nan"), "null"),
        ("\0\ud800", "\0\ufffd"),
    ],
)
def test_line(value: Any, line: str) -> None:
    """The line is what was printed, without its newline; an object is its JSON."""
    assert entry(value) == [str(TIME_NS), line, {"type": "function"}]


def test_metadata() -> None:
    """The invocation and the level are structured metadata, and never labels."""
    moment, line, metadata = entry("x", request_id="r-1", level="WARN")
    assert (moment, line) == (str(TIME_NS), "x")
    assert metadata == {"type": "function", "requestId": "r-1", "level": "WARN"}
    assert b"r-1" not in body_of(destination("loki").request([b'["1","x"],']))


def test_without_metadata() -> None:
    """A Loki that does not allow structured metadata can be sent entries without any."""
    environ = {"LOKI_STRUCTURED_METADATA": "false"}
    assert entry("x", environ, request_id="r") == [str(TIME_NS), "x"]


def test_times() -> None:
    """An entry is at the time that its object says, else its event's, else the clock's."""
    assert entry({"timestamp": "2024-08-30T09:59:58Z"})[0] == "1725011998000000000"
    assert entry({"timestamp": 5})[0] == str(TIME_NS)
    assert entry("x", time="never")[0] == "1725012000000000000"


def test_request() -> None:
    """The push is one stream in gzip, with the labels, the tenant and Basic authentication."""
    made = destination(
        "loki",
        LOKI_TENANT_ID="t1",
        LOKI_USERNAME="user",
        LOKI_PASSWORD="pass=word",
        LOKI_LABELS="env=prod,team=a=b,source=mine",
        OTEL_LABEL_Service="x=y",
    )
    request = made.request([made.encode(record("one")), made.encode(record("two"))])
    assert request.url == "https://loki.example.com/loki/api/v1/push"
    assert request.headers == {
        "content-type": "application/json",
        "content-encoding": "gzip",
        "user-agent": "metric-stream-logs",
        "x-scope-orgid": "t1",
        "authorization": "Basic dXNlcjpwYXNzPXdvcmQ=",
    }
    (stream,) = json.loads(body_of(request))["streams"]
    assert stream["stream"] == {
        "source": "lambda",
        "function": "my-fn",
        "env": "prod",
        "team": "a=b",
        "service": "x=y",
    }
    assert [line for _, line, _ in stream["values"]] == ["one", "two"]


def test_no_authorization() -> None:
    """Without a user and a tenant neither header is sent."""
    headers = destination("loki").request([b'["1","x"],']).headers
    assert not {"authorization", "x-scope-orgid"} & set(headers)


def test_too_many_labels() -> None:
    """More labels than Loki takes are left out and said; ours are among those that stay."""
    labels = ",".join(f"l{number}=x" for number in range(20))
    result = chosen("loki", LOKI_URL="https://loki", LOKI_LABELS=labels)
    made = result.destinations[0]
    (stream,) = json.loads(body_of(made.request([b'["1","x"],'])))["streams"]
    assert len(stream["stream"]) == 15
    assert stream["stream"]["source"] == "lambda"
    assert len(result.problems) == 1


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        ({"LOKI_URL": "https://logs.grafana.net"}, "https://logs.grafana.net"),
        ({"LOKI_URL": "https://logs.grafana.net/loki/"}, "https://logs.grafana.net"),
        ({"LOKI_URL": "https://g.net/loki/api/v1/push"}, "https://g.net"),
        ({"LOKI_URL": "http://loki"}, "http://loki"),
        ({"LOKI_URL": "http://loki/"}, "http://loki"),
        ({"LOKI_URL": "https://g.net/prefix"}, "https://g.net/prefix"),
        ({"LOKI_IP": "10.0.0.5"}, "http://10.0.0.5:3100"),
        ({"LOKI_IP": "loki.internal:80"}, "http://loki.internal:80"),
        ({"LOKI_IP": "[::1]"}, "http://[::1]:3100"),
        ({"LOKI_IP": "http://10.0.0.5:3100/loki"}, "http://10.0.0.5:3100"),
        ({"LOKI_URL": "https://a", "LOKI_IP": "10.0.0.5"}, "https://a"),
    ],
)
def test_url(environ: dict[str, str], url: str) -> None:
    """LOKI_URL, or LOKI_IP as the existing extension has it, leads to the push API."""
    (made,) = chosen("loki", **environ).destinations
    assert made.request([b'["1","x"],']).url == f"{url}/loki/api/v1/push"
