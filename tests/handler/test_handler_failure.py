"""The answer if the function cannot be built, or fails outside of what it handles."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from handler import app
from testing.events.ingresses import alb, function_url, http_api_v2, rest_v1, transformation
from testing.lambda_context import LambdaContext
from tests.support.invoking import (
    ACCESS_KEY,
    REQUEST_ID,
    body_of,
    delivery_of,
    point,
    settings_for,
)

TOKEN = "token-9b1e44d07ac2"


@pytest.fixture
def invoke(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], dict[str, Any]]:
    """Invoke Lambda's entry in an environment in which the function's log cannot be made."""
    for name, value in settings_for("https://listener.example").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("FIREHOSE_ACCESS_KEY", ACCESS_KEY)
    monkeypatch.setenv("LOGZIO_METRICS_TOKEN", TOKEN)
    # Powertools reads it itself, and raises where it is neither true nor false.
    monkeypatch.setenv("POWERTOOLS_DEV", TOKEN)
    return lambda event: app.lambda_handler(event, LambdaContext.starting_now())


@pytest.mark.parametrize("ingress", [function_url, http_api_v2, rest_v1, alb])
def test_every_http_ingress(
    ingress: Callable[[dict[str, str], str], Any],
    invoke: Callable[[Any], dict[str, Any]],
    capfd: pytest.CaptureFixture[str],
) -> None:
    """It is 500 in Firehose's format, and the log names its cause, without the token."""
    answer = invoke(ingress({"X-Amz-Firehose-Request-Id": REQUEST_ID}, body_of([])))
    assert answer["statusCode"] == 500
    assert answer["headers"]["Content-Type"] == "application/json"
    body = json.loads(answer["body"])
    assert body["requestId"] == REQUEST_ID
    assert isinstance(body["timestamp"], int)
    assert body["errorMessage"].endswith("ValueError")
    logged = capfd.readouterr().out
    (line,) = map(json.loads, logged.splitlines())
    assert (line["level"], line["firehose_request_id"]) == ("ERROR", REQUEST_ID)
    assert "powertools_dev_is_set" in line["traceback"]
    assert "invalid truth value" in line["traceback"]
    assert TOKEN not in logged


def test_transformation(invoke: Callable[[Any], dict[str, Any]]) -> None:
    """Firehose keeps every record of a transformation."""
    answer = invoke(transformation([b"\x00"] * 3))
    assert [record["result"] for record in answer["records"]] == ["ProcessingFailed"] * 3


@pytest.mark.parametrize("event", [None, [], "text", {}, {"headers": 5}])
def test_no_ingress(event: Any, invoke: Callable[[Any], dict[str, Any]]) -> None:
    """An event of no known ingress is answered as an HTTP request is."""
    assert invoke(event)["statusCode"] == 500


def test_the_next_invocation_tries_again(
    invoke: Callable[[Any], dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A function that could not be built is built by the next invocation, when it can be."""
    event = delivery_of([point()], access_key="another")
    assert invoke(event)["statusCode"] == 500
    monkeypatch.delenv("POWERTOOLS_DEV")
    assert invoke(event)["statusCode"] == 401


class _Breaking(dict[str, Any]):
    """An event that raises an error once, when it has to be answered."""

    broke = False

    def get(self, key: str, _default: Any = None) -> Any:
        """Raise an error with a secret when the answer asks for the load balancer's context."""
        if key == "requestContext" and not self.broke:
            self.broke = True
            raise RuntimeError(f"{TOKEN} and {key}")
        return super().get(key)


def test_what_fails_while_answering(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Where answering fails, it is 500 all the same, and no error's text is logged.

    By then the function may have fetched a secret, which is unknown outside of it.
    """
    monkeypatch.setenv("LOGZIO_METRICS_LISTENER", "https://listener.example")
    answer = app.lambda_handler(_Breaking(headers={}), LambdaContext.starting_now())
    logged = capfd.readouterr().out
    assert answer["statusCode"] == 500
    assert "in answer" in logged
    assert TOKEN not in json.dumps(answer) + logged
