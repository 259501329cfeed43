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


def test_without_metadata() -> None:
    """A Loki that does not allow structured metadata can be sent entries without any."""
    environ = {"LOKI_STRUCTURED_METADATA": "false"}
    assert entry("x", environ, request_id="r") == [str(TIME_NS), "x"]


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
    """More labels than Loki accepts are left out and reported; ours are among those that stay."""
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
    """LOKI_URL, or LOKI_IP as the original extension has it, leads to the push API."""
    (made,) = chosen("loki", **environ).destinations
    assert made.request([b'["1","x"],']).url == f"{url}/loki/api/v1/push"
