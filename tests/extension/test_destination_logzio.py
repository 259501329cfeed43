"""What Logz.io is sent, field by field."""

import json
from typing import Any

import pytest

from tests.support.log_destinations import (
    ENOUGH,
    IDENTITY,
    TIME,
    body_of,
    chosen,
    destination,
    parsed,
    record,
)

OURS: dict[str, Any] = {
    "@timestamp": TIME,
    "type": "lambda-extension-logs",
    "lambda.log.type": "function",
    "lambda_function_name": "my-fn",
    "aws_region": "eu-central-1",
    "lambda_function_version": "$LATEST",
    "account": "123456789012",
}
UNDER_ROOT = {"JSON_FIELDS_UNDER_ROOT": "true"}


def sent(value: Any, kind: str = "function", environ: "dict[str, str] | None" = None) -> Any:
    """Return the record that Logz.io gets, without the fields that are the same in all."""
    line = parsed(
        destination("logzio", AWS_REGION="us-east-1", **(environ or {})).encode(record(value, kind))
    )
    expected = {**OURS, "lambda.log.type": kind}
    assert {name: line.pop(name) for name in expected} == expected
    return line


@pytest.mark.parametrize(
    ("value", "kind", "fields"),
    [
        ("hello\n", "function", {"message": "hello\n"}),
        ("", "function", {"message": ""}),
        ("  indented {\n", "function", {"message": "  indented {\n"}),
        ("{not JSON}", "function", {"message": "{not JSON}"}),
        ('["a"]', "function", {"message": '["a"]'}),
        ('{"a":1}\n', "function", {"message_nested": {"a": 1}}),
        (' {"a":NaN}', "function", {"message_nested": {"a": None}}),
        ("{}", "function", {"message_nested": {}}),
        ({"level": "INFO", "message": "x"}, "function", {
            "message_nested": {"level": "INFO", "message": "x"}}),
        ({"a": 1}, "extension", {"message_nested": {"a": 1}}),
        ({"requestId": "r"}, "platform.start", {"lambda.record": {"requestId": "r"}}),
        ("RequestId: r exited", "platform.fault", {"message": "RequestId: r exited"}),
        ([1, "a"], "function", {"message": '[1,"a"]'}),
        (7, "function", {"message": "7"}),
        (True, "function", {"message": "true"}),
        (None, "function", {"message": "null"}),
        ("\0 \ud800 é 😀", "function", {"message": "\0 \ufffd é 😀"}),
        ("{" * 5_000, "function", {"message": "{" * 5_000}),
    ],
)  # fmt: skip
def test_kinds(value: Any, kind: str, fields: dict[str, Any]) -> None:
    """Each kind of record has its own field, as in the original extension."""
    assert sent(value, kind) == fields


@pytest.mark.parametrize(
    ("value", "fields"),
    [
        ({"msg": "x", "n": 1}, {"msg": "x", "n": 1}),
        ('{"msg":"x"}', {"msg": "x"}),
        ({"message": "x"}, {"message": "x"}),
        ({"message": {"a": 1}}, {"message": '{"a":1}'}),
        ({"type": "mine", "a": 1}, {"a": 1, "message_nested": {"type": "mine"}}),
        ({"@timestamp": "0"}, {"message_nested": {"@timestamp": "0"}}),
        ({"lambda": {"record": 1}}, {"message_nested": {"lambda": {"record": 1}}}),
        ({"level.x": 1, "lambda.x": 2}, {"lambda.x": 2, "message_nested": {"level.x": 1}}),
        ({"env": "x"}, {"message_nested": {"env": "x"}}),
        ({}, {"message_nested": {}}),
        ("plain", {"message": "plain"}),
    ],
)
def test_fields_under_root(value: Any, fields: dict[str, Any]) -> None:
    """With JSON_FIELDS_UNDER_ROOT the user's fields lie at the root, and overwrite none."""
    environ = {**UNDER_ROOT, "CUSTOM_FIELDS": "env=prod"}
    assert sent(value, environ=environ) == {"env": "prod", **fields}


def test_platform_records_stay_nested() -> None:
    """An event of the platform is `lambda.record` under JSON_FIELDS_UNDER_ROOT too."""
    assert sent({"a": 1}, "platform.report", UNDER_ROOT) == {"lambda.record": {"a": 1}}


def test_custom_fields_overwrite_nothing() -> None:
    """CUSTOM_FIELDS adds fields, values with an equals sign too, and leaves ours as they are."""
    custom = "team=a=b,type=x,message=x,aws_region=x, env = prod ,broken"
    line = sent("hi", environ={"CUSTOM_FIELDS": custom})
    assert line == {"message": "hi", "team": "a=b", "env": "prod"}


def test_known_invocation() -> None:
    """A record whose invocation and level are known has them as fields, once."""
    made = destination("logzio", AWS_REGION="us-east-1", **UNDER_ROOT)
    value = {"requestId": "r-1", "level": "error", "message": "x"}
    line = parsed(made.encode(record(value, request_id="r-1", level="ERROR")))
    assert (line["requestId"], line["level"], line["message"]) == ("r-1", "ERROR", "x")
    assert line["message_nested"] == {"level": "error"}


def test_own_time_of_a_record() -> None:
    """The time of a record is its own `timestamp`, not when the platform read it."""
    made = destination("logzio", AWS_REGION="us-east-1")
    line = parsed(made.encode(record({"timestamp": "2024-08-30T09:59:58.5Z"})))
    assert line["@timestamp"] == "2024-08-30T09:59:58.500Z"
    line = parsed(made.encode(record({"timestamp": "yesterday"})))
    assert line["@timestamp"] == TIME


def test_event_without_time() -> None:
    """A record whose event has no time is at the time of the extension's clock."""
    made = destination("logzio", AWS_REGION="us-east-1")
    for moment in ("", "x" * 1_000):
        assert parsed(made.encode(record("x", time=moment)))["@timestamp"] == (
            "2024-08-30T10:00:00.000Z"
        )


def test_request() -> None:
    """The bulk is NDJSON in gzip, with token and type in the query."""
    made = destination("logzio", AWS_REGION="us-east-1", LOGZIO_LOGS_TYPE="a b")
    request = made.request([made.encode(record("one\n")), made.encode(record("two"))])
    assert request.url == "https://listener.logz.io:8071/?token=tkn&type=a%20b"
    assert request.headers == {
        "content-type": "text/plain",
        "content-encoding": "gzip",
        "user-agent": "metric-stream-logs",
    }
    body = body_of(request)
    assert body.endswith(b"\n")
    lines = [json.loads(line) for line in body.splitlines()]
    assert [(line["message"], line["type"]) for line in lines] == [("one\n", "a b"), ("two", "a b")]


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        ({"AWS_REGION": "us-east-1"}, "https://listener.logz.io:8071"),
        ({"AWS_REGION": "eu-central-1"}, "https://listener-eu.logz.io:8071"),
        ({"AWS_REGION": "eu-west-2"}, "https://listener-uk.logz.io:8071"),
        ({"AWS_REGION": "ca-central-1"}, "https://listener-ca.logz.io:8071"),
        ({"AWS_REGION": "ap-southeast-2"}, "https://listener-au.logz.io:8071"),
        ({"AWS_REGION": "us-west-2", "LOGZIO_REGION": "EU"}, "https://listener-eu.logz.io:8071"),
        ({"LOGZIO_REGION": "us"}, "https://listener.logz.io:8071"),
        ({"LOGZIO_LISTENER": "https://l.example.com:9/x/"}, "https://l.example.com:9/x"),
        ({"LOGZIO_LISTENER": "https://l.example.com"}, "https://l.example.com"),
        ({"LOGZIO_LISTENER": "listener-nl.logz.io"}, "https://listener-nl.logz.io:8071"),
        ({"LOGZIO_LISTENER": "listener.logz.io:8081"}, "https://listener.logz.io:8081"),
        ({"LOGZIO_LISTENER": "https://listener.logz.io"}, "https://listener.logz.io:8071"),
        ({"LOGZIO_LISTENER": "http://listener.logz.io"}, "http://listener.logz.io:8070"),
        ({"LOGZIO_LISTENER": "http://127.0.0.1:1"}, "http://127.0.0.1:1"),
        ({}, "https://listener-eu.logz.io:8071"),
    ],
)
def test_listener(environ: dict[str, str], url: str) -> None:
    """The listener is the one that is set, or that of the region; Logz.io's port is known."""
    made = destination("logzio", **environ)
    assert made.request([b"{}\n"]).url == f"{url}/?token=tkn&type=lambda-extension-logs"


def test_unknown_function() -> None:
    """What is not known of the function is left out rather than empty."""
    assert IDENTITY.account
    result = chosen("logzio", LOGZIO_LOGS_TOKEN="t", EXTENSION_NAME="logs")
    line = parsed(result.destinations[0].encode(record("x")))
    assert line["extension_name"] == "logs"
    assert all(line.values())


@pytest.mark.parametrize(
    ("name", "is_set"),
    [
        ("lambda", False),
        ("lambda.log", False),
        ("lambda.log.type.x", False),
        ("message.text", False),
        ("@timestamp.ms", False),
        ("level", False),
        ("lambda.alias", True),
        ("lambda_x", True),
        ("messages", True),
        ("app.level", True),
    ],
)
def test_clashing_custom_field(name: str, is_set: bool) -> None:
    """A custom field that is an object where ours is a text, or the reverse, is reported."""
    made = chosen("logzio", **ENOUGH["logzio"], CUSTOM_FIELDS=f"{name}=x,team=one")
    assert [f"cannot set {name}:" in problem for problem in made.problems] == [True] * (not is_set)
    line = parsed(made.destinations[0].encode(record("hello")))
    assert line["team"] == "one"
    assert (line.get(name) == "x") == is_set
