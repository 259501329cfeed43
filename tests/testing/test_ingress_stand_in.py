"""The ingress stand-in: events, answers, limits, and Lambda's concurrency."""

import base64
import contextlib
import dataclasses
import gzip
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from testing.emulator import required_emulator
from testing.events.firehose import headers
from testing.exchange import Answer, Received
from testing.ingress.concurrency import FunctionError, Instance, Instances
from testing.ingress.instance import emulated
from testing.ingress.kinds import (
    FUNCTION_URL,
    HTTP_API,
    LAMBDA_EVENT_BYTES,
    REST_API,
    REST_API_BINARY,
    IngressKind,
)
from testing.ingress.server import IngressServer
from testing.receiver import Receiver
from testing.servers import loopback_session
from tests.support.invoking import (
    ACCESS_KEY,
    REQUEST_ID,
    SAMPLES_OF_A_POINT,
    body_of,
    function_for,
    points,
    record_of,
)

BODY = body_of([record_of(points(3))]).encode()
HEADERS = headers(REQUEST_ID, ACCESS_KEY)
INGRESSES = (REST_API, REST_API_BINARY, HTTP_API, FUNCTION_URL)
BINARY_INGRESSES = (REST_API_BINARY, HTTP_API, FUNCTION_URL)


class Calling:
    """An instance that calls a function in this process."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self._function = function

    def invoke(self, event: Any) -> Any:
        """Call it."""
        return self._function(event)


@contextlib.contextmanager
def serving(
    ingress: IngressKind, function: Callable[[Any], Any], limit: int = 1
) -> Iterator[tuple[str, Instances]]:
    """Run an ingress of a function."""

    @contextlib.contextmanager
    def start(_number: int) -> Iterator[Instance]:
        yield Calling(function)

    with Instances(start, limit) as instances, IngressServer(ingress, instances) as server:
        yield server.url, instances


def post(url: str, body: bytes = BODY, **more: str) -> requests.Response:
    """Send a delivery."""
    with loopback_session() as session:
        return session.post(url, data=body, headers={**HEADERS, **more}, timeout=180)


def the_function(receiver: Receiver) -> Callable[[Any], Any]:
    """Give the real function, which sends to a receiver."""
    function = function_for(receiver.url)
    return lambda event: function(event, None)


@pytest.mark.parametrize("ingress", INGRESSES, ids=lambda ingress: ingress.name)
def test_delivery(ingress: IngressKind) -> None:
    """Through each ingress a delivery reaches the listener, and Firehose its answer."""
    with Receiver() as receiver, serving(ingress, the_function(receiver)) as (url, _):
        answer = post(url)
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.json()["requestId"] == REQUEST_ID
        assert len(receiver.accepted_samples()) == 3 * SAMPLES_OF_A_POINT


@pytest.mark.parametrize("ingress", BINARY_INGRESSES, ids=lambda ingress: ingress.name)
def test_compressed_delivery(ingress: IngressKind) -> None:
    """Where an ingress takes binary bodies, so does a compressed one."""
    with Receiver() as receiver, serving(ingress, the_function(receiver)) as (url, _):
        assert post(url, gzip.compress(BODY), **{"Content-Encoding": "gzip"}).status_code == 200
        assert len(receiver.accepted_samples()) == 3 * SAMPLES_OF_A_POINT


def test_destroyed_delivery() -> None:
    """A REST API without binary media types destroys a compressed body, which is answered 400."""
    with Receiver() as receiver, serving(REST_API, the_function(receiver)) as (url, _):
        answer = post(url, gzip.compress(BODY), **{"Content-Encoding": "gzip"})
        assert answer.status_code == 400
        assert "destroyed" in answer.json()["errorMessage"]


@pytest.mark.parametrize("ingress", INGRESSES, ids=lambda ingress: ingress.name)
def test_too_large(ingress: IngressKind) -> None:
    """An event above Lambda's 6 MB is answered 413 and never reaches the function."""
    events: list[Any] = []
    with serving(ingress, events.append) as (url, _):
        assert post(url, b"x" * LAMBDA_EVENT_BYTES).status_code == 413
    assert events == []


@pytest.mark.parametrize(
    "returned",
    [None, "text", {}, {"statusCode": "200"}, {"statusCode": 200, "body": 1}],
    ids=repr,
)
def test_no_response(returned: Any) -> None:
    """What is no HTTP response becomes the ingress's own error."""
    with serving(REST_API, lambda _: returned) as (url, _):
        assert post(url).status_code == 502
    with serving(HTTP_API, lambda _: returned) as (url, _):
        assert post(url).status_code == 500


def test_encoded_response() -> None:
    """A response in base64 is decoded; one that is not base64 is an error."""
    encoded = {"statusCode": 201, "isBase64Encoded": True}
    good = {**encoded, "body": base64.b64encode(b"\x00\xff").decode()}
    with serving(HTTP_API, lambda _: good) as (url, _):
        answer = post(url)
        assert (answer.status_code, answer.content) == (201, b"\x00\xff")
    with serving(HTTP_API, lambda _: {**encoded, "body": "?"}) as (url, _):
        assert post(url).status_code == 500


@pytest.mark.parametrize(
    ("ingress", "status"),
    [(REST_API, 502), (HTTP_API, 500), (FUNCTION_URL, 502)],
    ids=lambda value: getattr(value, "name", value),
)
def test_crash(ingress: IngressKind, status: int) -> None:
    """A function that crashes is answered by the ingress, and the instance is used again."""

    def crash(_event: Any) -> Any:
        raise FunctionError("killed")

    with serving(ingress, crash) as (url, instances):
        assert post(url).status_code == status
        assert post(url).status_code == status
        assert instances.started == 1


@pytest.mark.parametrize(
    ("ingress", "status"),
    [(REST_API, 500), (HTTP_API, 503), (FUNCTION_URL, 429)],
    ids=lambda value: getattr(value, "name", value),
)
def test_throttled(ingress: IngressKind, status: int) -> None:
    """With every instance busy the ingress says so; instances are started as they are needed."""
    working = threading.Semaphore(0)
    over = threading.Event()

    def work(_event: Any) -> Any:
        working.release()
        over.wait(180)
        return {"statusCode": 200}

    with serving(ingress, work, limit=2) as (url, instances), ThreadPoolExecutor(2) as threads:
        answers = [threads.submit(post, url) for _ in range(2)]
        for _ in answers:
            assert working.acquire(timeout=180)
        assert post(url).status_code == status
        over.set()
        assert [answer.result().status_code for answer in answers] == [200, 200]
        assert instances.started == 2
        assert post(url).status_code == 200
        assert instances.started == 2


@pytest.mark.parametrize(
    ("ingress", "status"),
    [(REST_API, 504), (HTTP_API, 503), (FUNCTION_URL, 504)],
    ids=lambda value: getattr(value, "name", value),
)
def test_late(ingress: IngressKind, status: int) -> None:
    """An ingress gives up on a slow function, which goes on and keeps its instance."""
    over = threading.Event()

    def work(_event: Any) -> Any:
        over.wait(180)
        return {"statusCode": 200}

    with serving(dataclasses.replace(ingress, seconds=0.1), work) as (url, _):
        assert post(url).status_code == status
        assert post(url).status_code == ingress.throttled[0]
        over.set()


def test_killed_in_mid_delivery(tmp_path: Path) -> None:
    """A function process that is killed while it sends gives an error, and another follows."""
    reached = threading.Event()

    def answer(received: Received) -> Answer:
        reached.set()
        return Answer(stall=received.number == 1)

    with Receiver(answer) as receiver, ThreadPoolExecutor(1) as threads:
        settings = {"LOGZIO_METRICS_LISTENER": receiver.url}
        with emulated(required_emulator(), tmp_path, settings) as instance:
            event = FUNCTION_URL.event(HEADERS, BODY, 0)
            first = threads.submit(instance.invoke, event)
            assert reached.wait(180)
            assert instance.kill()
            with pytest.raises(FunctionError, match="killed"):
                first.result(180)
            response = instance.invoke(event)
            assert response["statusCode"] == 200
            assert json.loads(response["body"])["requestId"] == REQUEST_ID


def test_timeout(tmp_path: Path) -> None:
    """A function that does not answer within its timeout gives an error, and another follows."""
    # The timeout has to be long enough for a start on a busy machine.
    with Receiver() as receiver:
        settings = {"LOGZIO_METRICS_LISTENER": receiver.url}
        with emulated(required_emulator(), tmp_path, settings, seconds=15) as instance:
            event = FUNCTION_URL.event(HEADERS, BODY, 0)
            assert "statusCode" in instance.invoke(event)
            os.kill(int((tmp_path / "function.pid").read_text()), signal.SIGSTOP)
            with pytest.raises(FunctionError, match="timeout"):
                instance.invoke(event)
            assert "statusCode" in instance.invoke(event)
