"""The requests of each destination, and OpenObserve's own settings."""

import json
from typing import Any

import pytest

from tests.support.log_destinations import ENOUGH, body_of, chosen, destination, parsed, record

GZIP = {"content-encoding": "gzip"}
JSON = {"content-type": "application/json"}
SENT: list[tuple[str, dict[str, str], str, dict[str, str]]] = [
    # Destination, its settings, the URL, and the headers of every request.
    (
        "logzio",
        {"LOGZIO_LISTENER": "https://x", "LOGZIO_LOGS_TYPE": "a b"},
        "https://x/?token=tkn&type=a%20b",
        {"content-type": "text/plain", **GZIP},
    ),
    ("loki", {}, "https://loki.example.com/loki/api/v1/push", {**JSON, **GZIP}),
    (
        "loki",
        {"LOKI_TENANT_ID": "t1", "LOKI_USERNAME": "user", "LOKI_PASSWORD": "pass=word"},
        "https://loki.example.com/loki/api/v1/push",
        {**JSON, **GZIP, "x-scope-orgid": "t1", "authorization": "Basic dXNlcjpwYXNzPXdvcmQ="},
    ),
    (
        "loki",
        {"LOKI_BEARER_TOKEN": "tkn", "LOKI_HEADERS": '{"X-Team": "a, b=c"}'},
        "https://loki.example.com/loki/api/v1/push",
        {**JSON, **GZIP, "authorization": "Bearer tkn", "x-team": "a, b=c"},
    ),
    (
        "openobserve",
        {},
        "https://api.openobserve.ai/api/org/default/_json",
        {**JSON, **GZIP, "authorization": "Basic dTpw"},
    ),
    (
        "openobserve",
        {"O2_ENDPOINT": "https://o2.example.com/base/", "O2_STREAM": "my-logs"},
        "https://o2.example.com/base/api/org/my-logs/_json",
        {**JSON, **GZIP, "authorization": "Basic dTpw"},
    ),
    (
        "datatap",
        {"BD_DATA_TAP_URL": "https://tap.example.com/in/"},
        "https://tap.example.com/in/",
        {"content-type": "application/x-ndjson", "x-bd-authorization": "tkn"},
    ),
]


def records_in(name: str, body: bytes) -> list[Any]:
    """Return the records of a body: of an array, of one stream, or one in each line."""
    if name in ("logzio", "datatap"):
        assert body.endswith(b"\n") == (name == "logzio")
        return [parsed(line) for line in body.splitlines()]
    whole = parsed(body)
    if name == "loki":
        (stream,) = whole["streams"]
        whole = stream["values"]
    assert isinstance(whole, list)
    return whole


@pytest.mark.parametrize(("name", "environ", "url", "headers"), SENT)
def test_request(name: str, environ: dict[str, str], url: str, headers: dict[str, str]) -> None:
    """Each destination has its own URL, headers and kind of body."""
    made = destination(name, **environ)
    request = made.request([made.encode(record("first")), made.encode(record("second"))])
    assert request.url == url
    assert request.headers == {**headers, "user-agent": "metric-stream-logs"}
    found = [str(each) for each in records_in(name, body_of(request))]
    assert [("first" in text, "second" in text) for text in found] == [(True, False), (False, True)]


@pytest.mark.parametrize(
    ("name", "environ", "url"),
    [
        ("logzio", {"AWS_REGION": "us-east-1"}, "https://listener.logz.io:8071"),
        ("logzio", {"AWS_REGION": "eu-central-1"}, "https://listener-eu.logz.io:8071"),
        ("logzio", {"AWS_REGION": "eu-west-2"}, "https://listener-uk.logz.io:8071"),
        ("logzio", {"AWS_REGION": "ca-central-1"}, "https://listener-ca.logz.io:8071"),
        ("logzio", {"AWS_REGION": "ap-southeast-2"}, "https://listener-au.logz.io:8071"),
        (
            "logzio",
            {"AWS_REGION": "us-west-2", "LOGZIO_REGION": "EU"},
            "https://listener-eu.logz.io:8071",
        ),
        ("logzio", {"LOGZIO_REGION": "us"}, "https://listener.logz.io:8071"),
        # Of a function whose metrics go to an OTLP endpoint.
        ("logzio", {"LOGZIO_REGION": "none"}, "https://listener-eu.logz.io:8071"),
        ("logzio", {"LOGZIO_LISTENER": "https://l.example.com:9/x/"}, "https://l.example.com:9/x"),
        ("logzio", {"LOGZIO_LISTENER": "https://l.example.com"}, "https://l.example.com"),
        ("logzio", {"LOGZIO_LISTENER": "listener-nl.logz.io"}, "https://listener-nl.logz.io:8071"),
        ("logzio", {"LOGZIO_LISTENER": "listener.logz.io:8081"}, "https://listener.logz.io:8081"),
        (
            "logzio",
            {"LOGZIO_LISTENER": "https://listener.logz.io"},
            "https://listener.logz.io:8071",
        ),
        ("logzio", {"LOGZIO_LISTENER": "http://listener.logz.io"}, "http://listener.logz.io:8070"),
        ("logzio", {"LOGZIO_LISTENER": "http://127.0.0.1:1"}, "http://127.0.0.1:1"),
        ("logzio", {}, "https://listener-eu.logz.io:8071"),
        ("loki", {"LOKI_URL": "https://logs.grafana.net"}, "https://logs.grafana.net"),
        ("loki", {"LOKI_URL": "https://logs.grafana.net/loki/"}, "https://logs.grafana.net"),
        ("loki", {"LOKI_URL": "https://g.net/loki/api/v1/push"}, "https://g.net"),
        ("loki", {"LOKI_URL": "http://loki"}, "http://loki"),
        ("loki", {"LOKI_URL": "http://loki/"}, "http://loki"),
        ("loki", {"LOKI_URL": "https://g.net/prefix"}, "https://g.net/prefix"),
        ("loki", {"LOKI_IP": "10.0.0.5"}, "http://10.0.0.5:3100"),
        ("loki", {"LOKI_IP": "loki.internal:80"}, "http://loki.internal:80"),
        ("loki", {"LOKI_IP": "[::1]"}, "http://[::1]:3100"),
        ("loki", {"LOKI_IP": "http://10.0.0.5:3100/loki"}, "http://10.0.0.5:3100"),
        ("loki", {"LOKI_URL": "https://a", "LOKI_IP": "10.0.0.5"}, "https://a"),
    ],
)
def test_url(name: str, environ: dict[str, str], url: str) -> None:
    """The URL is the one that is set, as the original extension reads it, or the region's."""
    (made,) = chosen(name, **{**(ENOUGH[name] if name == "logzio" else {}), **environ}).destinations
    path = "/loki/api/v1/push" if name == "loki" else "/?token=tkn&type=lambda-extension-logs"
    assert made.request([b'["1","x"],']).url == url + path


def test_huge_record_for_openobserve() -> None:
    """A record of any size makes a body of 10 MB at most, brackets included."""
    made = destination("openobserve")
    huge = made.encode(record("\0" * 5_000_000))
    assert len(body_of(made.request([huge]))) <= 10_485_760


def test_too_many_fields() -> None:
    """An object with more fields than columns are allowed becomes its JSON as a string."""
    wide = {f"f{number}": number for number in range(300)}
    line = parsed(destination("openobserve").encode(record(wide))[:-1])
    assert json.loads(line["record"]) == wide
