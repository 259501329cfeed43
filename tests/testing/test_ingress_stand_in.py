"""The ingress stand-in: events, replies, limits, and Lambda's concurrency."""

import contextlib
import dataclasses
import gzip
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from testing.emulator import FunctionError, required_emulator, run_emulator
from testing.events.firehose import headers
from testing.http_server import Reply
from testing.ingress.concurrency import Instance, Instances
from testing.ingress.kinds import (
    FUNCTION_URL,
    HTTP_API,
    LAMBDA_EVENT_BYTES,
    REST_API,
    REST_API_BINARY,
    IngressKind,
)
from testing.ingress.server import IngressServer
from testing.receiver import Received, Receiver
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
GZIP = {"Content-Encoding": "gzip"}
INGRESSES = pytest.mark.parametrize(
    "ingress", [REST_API, REST_API_BINARY, HTTP_API, FUNCTION_URL], ids=lambda it: it.name
)


class Calling:
    """An instance that calls a function in this process."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.invoke = function


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


@INGRESSES
def test_delivery(ingress: IngressKind) -> None:
    """Deliveries reach the listener; a REST API without binary media types destroys gzip."""
    with Receiver() as receiver:
        function = function_for(receiver.url)
        with serving(ingress, lambda event: function(event, None)) as (url, _):
            plain, compressed = post(url), post(url, gzip.compress(BODY), **GZIP)
        samples = receiver.accepted_samples()
    assert plain.status_code == 200
    assert plain.headers["Content-Type"] == "application/json"
    assert plain.json()["requestId"] == REQUEST_ID
    assert compressed.status_code == (200 if ingress.binary else 400)
    assert ("destroyed" in compressed.json()["errorMessage"]) != ingress.binary
    assert len(samples) == 3 * SAMPLES_OF_A_POINT


@INGRESSES
def test_too_large(ingress: IngressKind) -> None:
    """An event above Lambda's 6 MB is answered with 413 and never reaches the function."""
    events: list[Any] = []
    with serving(ingress, events.append) as (url, _):
        assert post(url, b"x" * LAMBDA_EVENT_BYTES).status_code == 413
    assert events == []


@pytest.mark.parametrize(
    ("ingress", "failed", "throttled", "late"),
    [(REST_API, 502, 500, 504), (HTTP_API, 500, 503, 503), (FUNCTION_URL, 502, 429, 504)],
    ids=lambda value: getattr(value, "name", value),
)
def test_no_answer(ingress: IngressKind, failed: int, throttled: int, late: int) -> None:
    """A function that fails, is busy or takes too long is answered by the ingress itself."""
    working, over = threading.Semaphore(0), threading.Event()

    def crash(_event: Any) -> Any:
        raise FunctionError("killed")

    def work(_event: Any) -> Any:
        working.release()
        over.wait(180)
        return {"statusCode": 200}

    with serving(ingress, crash) as (url, instances):
        assert [post(url).status_code for _ in range(2)] == [failed, failed]
        assert instances.started == 1
    with serving(ingress, work, limit=2) as (url, instances), ThreadPoolExecutor(2) as threads:
        busy = [threads.submit(post, url) for _ in range(2)]
        for _ in busy:
            assert working.acquire(timeout=180)
        assert post(url).status_code == throttled
        over.set()
        assert [reply.result().status_code for reply in busy] == [200, 200]
        assert post(url).status_code == 200
        assert instances.started == 2
    over.clear()
    with serving(dataclasses.replace(ingress, seconds=0.1), work) as (url, _):
        assert post(url).status_code == late
        # The function goes on, and keeps its instance.
        assert post(url).status_code == throttled
        over.set()


def test_killed_in_mid_delivery(tmp_path: Path) -> None:
    """A function process that is killed while it sends gives an error, and another follows."""
    reached = threading.Event()

    def reply(received: Received) -> Reply:
        reached.set()
        return Reply(stall=received.number == 1)

    with Receiver(reply) as receiver, ThreadPoolExecutor(1) as threads:
        settings = {"LOGZIO_METRICS_LISTENER": receiver.url}
        with run_emulator(required_emulator(), tmp_path, settings) as instance:
            event = FUNCTION_URL.event(HEADERS, BODY, 0)
            first = threads.submit(instance.invoke, event)
            assert reached.wait(180)
            assert instance.kill()
            with pytest.raises(FunctionError, match="killed"):
                first.result(180)
            response = instance.invoke(event)
    assert response["statusCode"] == 200
    assert json.loads(response["body"])["requestId"] == REQUEST_ID
