"""The Firehose stand-in: how it classifies responses, retries, and backs up."""

import gzip
import json
import random
import threading
from base64 import b64decode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from testing.firehose.backup import Backup
from testing.firehose.delivery import HttpDestination
from testing.firehose.response import DELIVERED, MAX_RESPONSE_BYTES, ResponseClass, classify
from testing.firehose.settings import StreamSettings, Time, backoff_seconds
from testing.firehose.stream import Report, Stream
from testing.firehose.transformation import LAMBDA_ARN, Transformation
from testing.http_server import HttpServer, Reply, Request
from testing.misbehaving import nobody
from tools.chaos.kept import failed_records

JSON = {"content-type": "application/json"}
INVALID = "HttpEndpoint.InvalidResponseFromDestination"


@dataclass(frozen=True)
class WaitedTime(Time):
    """Firehose's time where it passes only while a batch waits, and without any delay.

    Attributes:
        waited: All waits, in Firehose's seconds.
    """

    waited: list[float] = field(default_factory=list)

    def now(self) -> float:
        """Return the sum of all waits."""
        return sum(self.waited)

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Let the seconds pass."""
        self.waited.append(seconds)
        return event.is_set()


def success(request: Request) -> Reply:
    """Reply as the specification asks."""
    content = {"requestId": request.headers["x-amz-firehose-request-id"], "timestamp": 1}
    return Reply(200, JSON, json.dumps(content).encode())


class Endpoint(HttpServer):
    """An endpoint that replies with a function, and keeps the requests."""

    def __init__(self, reply: Callable[[Request], Reply] = success) -> None:
        self.requests: list[Request] = []
        self._reply = reply
        super().__init__()
        self.url = f"http://127.0.0.1:{self.port}/"

    def respond(self, request: Request) -> Reply:
        """Keep a request, and reply."""
        self.requests.append(request)
        return self._reply(request)


def content_of(request: Request) -> dict[str, Any]:
    """Return the JSON of a body, inflated where its header says so."""
    encoded = request.headers.get("content-encoding") == "gzip"
    content: dict[str, Any] = json.loads(gzip.decompress(request.body) if encoded else request.body)
    return content


def records_of(request: Request) -> list[bytes]:
    """Return the records in a body."""
    return [b64decode(record["data"]) for record in content_of(request)["records"]]


def stream_to(
    url: str, folder: Path, time: Time, *, careless: bool = False, **settings: Any
) -> Stream:
    """Start a stream."""
    chosen = StreamSettings(**{"url": url, "name": "s", "retry_seconds": 300.0, **settings})
    backup = Backup(folder, "s", time, careless=careless)
    return Stream(chosen, HttpDestination(chosen, backup, time, random.Random(1)), time)


def deliver(url: str, folder: Path, records: Sequence[bytes], **settings: Any) -> Report:
    """Put records into a stream, and wait until all batches have ended."""
    with stream_to(url, folder, WaitedTime(speed=1000), **settings) as stream:
        for record in records:
            stream.put(record)
    return stream.report()


def objects(folder: Path) -> list[Path]:
    """Return the objects of the backup."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def lines(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a backup object."""
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]


def body(**fields: Any) -> bytes:
    """Write a response that is valid but for these fields; None omits one."""
    content = {"requestId": "r-1", "timestamp": 1_793_491_200_000, "errorMessage": "", **fields}
    return json.dumps({k: v for k, v in content.items() if v is not None}).encode()


@pytest.mark.parametrize("headers", [JSON, {"content-type": "Application/JSON; charset=utf-8"}])
@pytest.mark.parametrize("response", [body(), body(errorMessage=None), body(timestamp=1.5)])
def test_success(headers: dict[str, str], response: bytes) -> None:
    """200 with JSON and the request's own id delivers the batch."""
    assert classify(200, headers, response, "r-1") == DELIVERED


@pytest.mark.parametrize(
    ("status", "headers", "response", "code"),
    [
        (200, JSON, b"", INVALID),
        (200, JSON, b"OK", INVALID),
        (200, JSON, b"[]", INVALID),
        (200, JSON, body(requestId="r-2"), INVALID),
        (200, JSON, body(requestId=None), INVALID),
        (200, JSON, body(timestamp=None), INVALID),
        (200, JSON, body(timestamp="now"), INVALID),
        (200, JSON, body(timestamp=True), INVALID),
        (200, JSON, body(errorMessage=7), INVALID),
        (200, JSON, body(errorMessage="x" * 8193), INVALID),
        (200, {}, body(), INVALID),
        (200, {"content-type": "text/plain"}, body(), INVALID),
        (200, {**JSON, "content-encoding": "gzip"}, body(), INVALID),
        (200, JSON, b" " * (MAX_RESPONSE_BYTES + 1), "HttpEndpoint.ResponseTooLarge"),
        *(
            (status, JSON, body(), "HttpEndpoint.DestinationException")
            for status in (201, 202, 204, 301, 302, 400, 401, 403, 404, 429, 500, 503)
        ),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_failure(status: int, headers: dict[str, str], response: bytes, code: str) -> None:
    """Everything else is retried; the message quotes the response."""
    result = classify(status, headers, response, "r-1")
    assert (result.response_class, result.code) == (ResponseClass.FAILED, code)
    assert code.endswith("Large") or result.message.endswith(response[:8000].decode()[-30:])


def test_413_discards(tmp_path: Path) -> None:
    """After a 413, whatever its body, nothing is retried and nothing is backed up."""
    assert classify(413, JSON, body(), "r-1").response_class is ResponseClass.DISCARDED
    with Endpoint(lambda _: Reply(413)) as endpoint:
        report = deliver(endpoint.url, tmp_path, [b"one"])
    assert (report.attempts, report.outcomes["discarded"]) == (1, 1)
    assert objects(tmp_path) == []


def test_backoff() -> None:
    """Waits double from one second to two minutes, with 15 % of jitter."""
    chance = random.Random(1)
    for failures, middle in enumerate([1, 2, 4, 8, 16, 32, 64, 120, 120], start=1):
        drawn = [backoff_seconds(failures, chance) for _ in range(200)]
        assert 0.85 * middle <= min(drawn) < max(drawn) <= 1.15 * middle
        assert max(drawn) - min(drawn) > 0.1 * middle


@pytest.mark.parametrize("compressed", [False, True])
def test_request(tmp_path: Path, *, compressed: bool) -> None:
    """A delivery has Firehose's headers and body, and gzip where that is configured."""
    settings = {"access_key": "key", "common_attributes": {"A": "1"}, "gzip": compressed}
    with Endpoint() as endpoint:
        deliver(endpoint.url, tmp_path, [b"one", b"", b"three"], **settings)
        deliver(endpoint.url, tmp_path, [b"one"])
    request, plain = endpoint.requests
    headers = dict(request.headers)
    assert headers.pop("x-amz-firehose-source-arn").endswith(":deliverystream/s")
    attributes = json.loads(headers.pop("x-amz-firehose-common-attributes"))
    assert attributes == {"commonAttributes": {"A": "1"}}
    content = content_of(request)
    expected = {
        "content-type": "application/json",
        "user-agent": "Amazon Kinesis Data Firehose Agent/1.0",
        "x-amz-firehose-access-key": "key",
        "x-amz-firehose-protocol-version": "1.0",
        "x-amz-firehose-request-id": content["requestId"],
        **({"content-encoding": "gzip"} if compressed else {}),
    }
    assert {name: headers[name] for name in headers if name not in ("host", "content-length")} == (
        expected
    )
    assert isinstance(content["timestamp"], int)
    assert records_of(request) == [b"one", b"", b"three"]
    assert not {"x-amz-firehose-access-key", "x-amz-firehose-common-attributes"} & {*plain.headers}


def test_buffer_by_size(tmp_path: Path) -> None:
    """A batch is complete with the record that fills the buffer; the rest comes at the end."""
    with Endpoint() as endpoint:
        records = [bytes([65 + n]) * 40 for n in range(8)]
        report = deliver(endpoint.url, tmp_path, records, buffer_bytes=100, buffer_seconds=1e9)
    assert sorted(len(records_of(request)) for request in endpoint.requests) == [2, 3, 3]
    assert sorted(record for it in endpoint.requests for record in records_of(it)) == records
    assert (report.batches, report.outcomes["delivered"]) == (3, 3)


def test_buffer_by_time(tmp_path: Path) -> None:
    """A batch that is not full is delivered when its first record has waited long enough."""
    arrived = threading.Event()

    def reply(request: Request) -> Reply:
        arrived.set()
        return success(request)

    with Endpoint(reply) as endpoint, stream_to(endpoint.url, tmp_path, Time(1000)) as stream:
        stream.put(b"one")
        assert arrived.wait(60)


def test_retried_identically(tmp_path: Path) -> None:
    """A failed batch is sent again with the same id and the same bytes until it is delivered."""
    left = [Reply(503), Reply(hang_up=True), Reply(200, JSON, b"{}"), Reply(404)]

    def reply(request: Request) -> Reply:
        return left.pop() if left else success(request)

    with Endpoint(reply) as endpoint:
        report = deliver(endpoint.url, tmp_path, [b"one", b"two"])
    assert report.attempts == 5
    assert len({request.body for request in endpoint.requests}) == 1
    ids = {request.headers["x-amz-firehose-request-id"] for request in endpoint.requests}
    assert len(ids) == 1
    assert objects(tmp_path) == []


def test_backed_up(tmp_path: Path) -> None:
    """When the retry duration is over the batch becomes a backup object, as in S3."""
    words = b'{"requestId": "r", "errorMessage": "no"}'
    with Endpoint(lambda _: Reply(500, JSON, words)) as endpoint:
        report = deliver(endpoint.url, tmp_path, [b"\x00one", b"two"])
    assert report.outcomes["backed up"] == 1
    (path,) = objects(tmp_path)
    *folder, year, month, day, hour, name = path.relative_to(tmp_path).parts
    assert folder == ["failed", "http-endpoint-failed"]
    assert name.startswith(f"s-1-{year}-{month}-{day}-{hour}-")
    assert name.endswith(".gz")
    first, second = lines(path)
    assert [b64decode(line["rawData"]) for line in (first, second)] == [b"\x00one", b"two"]
    # After 1, 2, 4 and so on up to 120 seconds, with jitter, and after the rest of the 300.
    assert first["attemptsMade"] == report.attempts == len(endpoint.requests) == 10
    assert first["errorCode"] == "HttpEndpoint.DestinationException"
    assert first["errorMessage"].endswith(words.decode())
    assert first["arrivalTimestamp"] <= first["attemptEndingTimestamp"]
    assert first["dataId"] != second["dataId"]


def test_no_response(tmp_path: Path) -> None:
    """Without retries one attempt is made; a missing response has an error code of its own."""
    with nobody() as url:
        deliver(url, tmp_path, [b"one"], retry_seconds=0.0)
    with Endpoint(lambda _: Reply(stall=True)) as endpoint:
        deliver(endpoint.url, tmp_path, [b"one"], retry_seconds=0.0, attempt_seconds=0.1)
    codes = {line["errorCode"] for path in objects(tmp_path) for line in lines(path)}
    assert codes == {"HttpEndpoint.ConnectionFailed", "HttpEndpoint.RequestTimeout"}


def test_careless_messages(tmp_path: Path) -> None:
    """A line may be no JSON, as in the documentation's example; its record is found anyway."""
    with Endpoint(lambda _: Reply(500, JSON, b'{"a": "b"}')) as endpoint:
        deliver(endpoint.url, tmp_path, [b"one", b"two"], careless=True, retry_seconds=0.0)
    with pytest.raises(ValueError, match="delimiter"):
        lines(objects(tmp_path)[0])
    assert list(failed_records(tmp_path)) == [b"one", b"two"]


class Processor:
    """A function that fails some invocations, and answers the others with given results.

    Args:
        failing: How many invocations fail, first.
        results: The results of the records; there may be too few.
    """

    def __init__(self, failing: int, results: Sequence[str] = ("Dropped", "Dropped")) -> None:
        self._failing = failing
        self._results = results
        self.events: list[Any] = []

    def __call__(self, event: Any) -> Any:
        """Take one invocation."""
        self.events.append(event)
        if len(self.events) <= self._failing:
            raise ValueError("the function has failed")
        records = zip(event["records"], self._results, strict=False)
        return {"records": [{"recordId": r["recordId"], "result": result} for r, result in records]}


def transform(processor: Processor, folder: Path, retries: int = 3) -> Report:
    """Put two records into a stream with a processor; return the stream's report."""
    time = WaitedTime(speed=1000)
    backup = Backup(folder, "s", time, lambda_arn=LAMBDA_ARN)
    processing = Transformation(processor, backup, time, retries)
    with Stream(StreamSettings(), processing, time) as stream:
        stream.put(b"one")
        stream.put(b"two")
    return stream.report()


@pytest.mark.parametrize(
    ("failing", "retries", "results", "invocations", "kept", "code"),
    [
        (0, 3, ["Dropped", "Ok"], 1, [], ""),
        (2, 3, ["Dropped", "Ok"], 3, [], ""),
        (3, 3, ["Dropped", "Ok"], 4, [], ""),
        (4, 3, ["Dropped", "Ok"], 4, [b"one", b"two"], "Lambda.FunctionError"),
        (1, 0, ["Dropped", "Ok"], 1, [b"one", b"two"], "Lambda.FunctionError"),
        # A response is final: what it says has failed is not tried again.
        (0, 3, ["ProcessingFailed", "Ok"], 1, [b"one"], "Lambda.ProcessingFailedStatus"),
        (1, 3, ["Ok", "ProcessingFailed"], 2, [b"two"], "Lambda.ProcessingFailedStatus"),
        (0, 3, ["Ok"], 1, [b"one", b"two"], "Lambda.MissingRecordId"),
    ],
)
def test_transformation(
    tmp_path: Path,
    failing: int,
    retries: int,
    results: list[str],
    invocations: int,
    kept: list[bytes],
    code: str,
) -> None:
    """Failed invocations are retried with the same event; what is not processed is backed up."""
    processor = Processor(failing, results)
    report = transform(processor, tmp_path, retries)
    assert report.attempts == len(processor.events) == invocations
    assert all(event == processor.events[0] for event in processor.events)
    written = [line for path in objects(tmp_path) for line in lines(path)]
    assert [b64decode(line["rawData"]) for line in written] == kept
    for line in written:
        assert (line["errorCode"], line["attemptsMade"]) == (code, invocations)
        assert line["lambdaArn"] == LAMBDA_ARN
    assert all("failed/processing-failed" in path.as_posix() for path in objects(tmp_path))
    assert report.outcomes == {"backed up" if kept else "delivered": 1}
