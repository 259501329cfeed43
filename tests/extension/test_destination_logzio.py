"""What Logz.io is sent, field by field."""

from typing import Any
from urllib.parse import parse_qs

import pytest

from extension.destinations import choose
from tests.support.log_destinations import (
    ENOUGH,
    NOW,
    TIME,
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
    line = parsed(destination("logzio", **(environ or {})).encode(record(value, kind)))
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


def test_long_type() -> None:
    """A long LOGZIO_LOGS_TYPE is cut in the same way in records and in the URL."""
    made = destination("logzio", LOGZIO_LOGS_TYPE="é" * 600)
    line = made.encode(record("x"))
    assert parse_qs(made.request([line]).url)["type"] == [parsed(line)["type"]]


def test_platform_records_stay_nested() -> None:
    """An event of the platform is `lambda.record` under JSON_FIELDS_UNDER_ROOT too."""
    assert sent({"a": 1}, "platform.report", UNDER_ROOT) == {"lambda.record": {"a": 1}}


def test_known_invocation() -> None:
    """A record whose invocation and level are known has them as fields, once."""
    made = destination("logzio", **UNDER_ROOT)
    value = {"requestId": "r-1", "level": "error", "message": "x"}
    line = parsed(made.encode(record(value, request_id="r-1", level="ERROR")))
    assert (line["requestId"], line["level"], line["message"]) == ("r-1", "ERROR", "x")
    assert line["message_nested"] == {"level": "error"}


def test_unknown_function() -> None:
    """What is not known of the function is left out rather than empty."""
    environ = {"LOGZIO_LOGS_TOKEN": "t", "LOGZIO_REGION": "us"}
    environ["AWS_LAMBDA_FUNCTION_NAME"] = "fn"
    (made,) = choose(["logzio"], environ, "", str, lambda: NOW).destinations
    line = parsed(made.encode(record("x")))
    assert line["lambda_function_name"] == "fn"
    assert not {"account", "aws_region", "lambda_function_version"} & set(line)
    assert all(line.values())


@pytest.mark.parametrize(
    ("text", "fields", "problems"),
    [
        ("", {}, 0),
        ("a=1", {"a": "1"}, 0),
        (" a = 1 , b=2,", {"a": "1", "b": "2"}, 0),
        ("a=b=c", {"a": "b=c"}, 0),
        ("a=", {"a": ""}, 0),
        ("a=1,a=2", {"a": "1"}, 0),
        ("a", {}, 1),
        ("=v,a=1", {"a": "1"}, 1),
        ("a,b,c=1", {"c": "1"}, 1),
        # Names that look like ours.
        *((f"{name}=x", {name: "x"}, 0) for name in ("lambda.alias", "lambda_x", "messages")),
        ("app.level=x", {"app.level": "x"}, 0),
        # Ours, and an object where ours is a text, or the reverse.
        *((f"{name}=x,a=1", {"a": "1"}, 1) for name in ("type", "message", "aws_region", "level")),
        *((f"lambda{rest}=x,a=1", {"a": "1"}, 1) for rest in ("", ".log", ".log.type.x")),
        *((f"{name}=x,a=1", {"a": "1"}, 1) for name in ("message.text", "@timestamp.ms")),
    ],
)
def test_custom_fields(text: str, fields: dict[str, str], problems: int) -> None:
    """CUSTOM_FIELDS adds fields; one that is malformed or would overwrite ours is reported."""
    assert sent("hi", environ={"CUSTOM_FIELDS": text}) == {"message": "hi", **fields}
    result = chosen("logzio", **ENOUGH["logzio"], CUSTOM_FIELDS=text)
    assert len(result.warnings) == problems
