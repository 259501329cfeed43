"""The Firehose stand-in against endpoints that behave and misbehave."""

import gzip
import json
import random
import threading
from base64 import b64decode
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from testing.firehose.backup import Backup
from testing.firehose.delivery import HttpDestination
from testing.firehose.judge import Fate, Verdict
from testing.firehose.settings import MAX_RECORD_BYTES, StreamSettings, Time
from testing.firehose.stream import Report, Stream
from testing.misbehaving import nobody
from tests.support.firehose_endpoint import Delivery, FirehoseEndpoint, Reply, WaitedTime, success
from tools.chaos.bucket import UnreadableObjectError, failed_records

FAST = Time(speed=1000)
"""An hour of Firehose's takes 3.6 s."""


def deliver(
    url: str, folder: Path, records: Sequence[bytes], *, careless: bool = False, **settings: Any
) -> Report:
    """Put records into a stream, and wait until all batches are settled."""
    time = WaitedTime(speed=1000)
    chosen = StreamSettings(**{"url": url, "name": "s", "retry_seconds": 300.0, **settings})
    backup = Backup(folder, "s", time, careless=careless)
    destination = HttpDestination(chosen, backup, time, random.Random(1))
    with Stream(chosen, destination, time) as stream:
        for record in records:
            stream.put(record)
    return stream.report()


def objects(folder: Path, prefix: str) -> list[Path]:
    """Give the objects below a prefix."""
    return sorted(path for path in (folder / prefix).rglob("*") if path.is_file())


def lines(path: Path) -> list[dict[str, Any]]:
    """Give the lines of a backup object."""
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]


@pytest.mark.parametrize("compressed", [False, True])
def test_request(tmp_path: Path, *, compressed: bool) -> None:
    """A delivery has Firehose's headers and body, and gzip where that is set up."""
    with FirehoseEndpoint() as endpoint:
        deliver(
            endpoint.url,
            tmp_path,
            [b"one", b"", b"three"],
            access_key="key",
            common_attributes={"A": "1"},
            gzip=compressed,
        )
    (delivery,) = endpoint.deliveries
    headers, content = delivery.headers, delivery.content
    assert headers["x-amz-firehose-protocol-version"] == "1.0"
    assert headers["x-amz-firehose-access-key"] == "key"
    assert headers["x-amz-firehose-source-arn"].endswith(":deliverystream/s")
    assert json.loads(headers["x-amz-firehose-common-attributes"]) == {
        "commonAttributes": {"A": "1"}
    }
    assert headers["x-amz-firehose-request-id"] == content["requestId"]
    assert headers["content-type"] == "application/json"
    assert headers["user-agent"] == "Amazon Kinesis Data Firehose Agent/1.0"
    assert headers.get("content-encoding") == ("gzip" if compressed else None)
    assert "accept-encoding" not in headers
    assert isinstance(content["timestamp"], int)
    assert delivery.records == [b"one", b"", b"three"]


def test_no_optional_headers(tmp_path: Path) -> None:
    """Without key and common attributes there are no headers of them."""
    with FirehoseEndpoint() as endpoint:
        deliver(endpoint.url, tmp_path, [b"one"])
    (delivery,) = endpoint.deliveries
    assert "x-amz-firehose-access-key" not in delivery.headers
    assert "x-amz-firehose-common-attributes" not in delivery.headers


def test_buffer_by_size(tmp_path: Path) -> None:
    """A batch is complete with the record that fills the buffer; the rest comes at the end."""
    with FirehoseEndpoint() as endpoint:
        records = [bytes([65 + n]) * 40 for n in range(8)]
        report = deliver(endpoint.url, tmp_path, records, buffer_bytes=100, buffer_seconds=1e9)
    sizes = sorted(len(delivery.records) for delivery in endpoint.deliveries)
    assert sizes == [2, 3, 3]
    assert sorted(record for d in endpoint.deliveries for record in d.records) == records
    assert (report.records, report.batches, report.outcomes["delivered"]) == (8, 3, 3)


def test_buffer_by_time(tmp_path: Path) -> None:
    """A batch that is not full is delivered when its first record has waited long enough."""
    arrived = threading.Event()

    def answer(delivery: Delivery) -> Reply:
        arrived.set()
        return success(delivery)

    with FirehoseEndpoint(answer) as endpoint:
        settings = StreamSettings(endpoint.url)
        backup = Backup(tmp_path, "s", FAST)
        destination = HttpDestination(settings, backup, FAST, random.Random(1))
        with Stream(settings, destination, FAST) as stream:
            stream.put(b"one")
            assert arrived.wait(60)


def test_several_at_once(tmp_path: Path) -> None:
    """As many batches as set up are under way at once."""
    together = threading.Barrier(3, timeout=60)

    def answer(delivery: Delivery) -> Reply:
        together.wait()
        return success(delivery)

    with FirehoseEndpoint(answer) as endpoint:
        report = deliver(endpoint.url, tmp_path, [b"x"] * 3, buffer_bytes=1, parallel=3)
    assert report.outcomes["delivered"] == 3


def test_retried_identically(tmp_path: Path) -> None:
    """A failed batch comes again with the same id and the same bytes until it is taken."""
    left = [Reply(503), Reply(None), Reply(200, b"{}"), Reply(404)]

    def answer(delivery: Delivery) -> Reply:
        return left.pop() if left else success(delivery)

    with FirehoseEndpoint(answer) as endpoint:
        report = deliver(endpoint.url, tmp_path, [b"one", b"two"])
    assert report.attempts == 5
    assert len({delivery.body for delivery in endpoint.deliveries}) == 1
    ids = {delivery.headers["x-amz-firehose-request-id"] for delivery in endpoint.deliveries}
    assert len(ids) == 1
    assert objects(tmp_path, "failed") == []


def test_discarded(tmp_path: Path) -> None:
    """After a 413 nothing is tried again, and nothing is backed up."""
    with FirehoseEndpoint(lambda _: Reply(413)) as endpoint:
        report = deliver(endpoint.url, tmp_path, [b"one"])
    assert (report.attempts, report.outcomes["discarded"]) == (1, 1)
    assert objects(tmp_path, "") == []


def test_backed_up(tmp_path: Path) -> None:
    """When the retry duration is over the batch is a backup object, as S3 would have it."""
    words = b'{"requestId": "r", "errorMessage": "no"}'
    with FirehoseEndpoint(lambda _: Reply(500, words)) as endpoint:
        report = deliver(endpoint.url, tmp_path, [b"\x00one", b"two"])
    assert report.outcomes["backed up"] == 1
    (path,) = objects(tmp_path, "failed/http-endpoint-failed")
    year, month, day, hour, name = path.relative_to(tmp_path / "failed/http-endpoint-failed").parts
    assert name.startswith(f"s-1-{year}-{month}-{day}-{hour}-")
    assert name.endswith(".gz")
    first, second = lines(path)
    assert [b64decode(line["rawData"]) for line in (first, second)] == [b"\x00one", b"two"]
    assert first["attemptsMade"] == report.attempts == len(endpoint.deliveries)
    # After 1, 2, 4 and so on up to 120 seconds, with jitter, and after the rest of the 300.
    assert report.attempts == 10
    assert first["errorCode"] == "HttpEndpoint.DestinationException"
    assert first["errorMessage"].endswith(words.decode())
    assert first["arrivalTimestamp"] <= first["attemptEndingTimestamp"]
    assert first["dataId"] != second["dataId"]


def test_no_retries(tmp_path: Path) -> None:
    """With a retry duration of zero one attempt is made."""
    with FirehoseEndpoint(lambda _: Reply(500)) as endpoint:
        report = deliver(endpoint.url, tmp_path, [b"one"], retry_seconds=0.0)
    assert report.attempts == 1
    assert len(objects(tmp_path, "failed")) == 1


def test_nobody_listens(tmp_path: Path) -> None:
    """An endpoint that cannot be reached is a failure with a code of its own."""
    with nobody() as url:
        deliver(url, tmp_path, [b"one"], retry_seconds=0.0)
    (line,) = lines(objects(tmp_path, "failed")[0])
    assert line["errorCode"] == "HttpEndpoint.ConnectionFailed"


def test_no_answer_in_time(tmp_path: Path) -> None:
    """An answer that takes too long is a failure, whatever it would have been."""
    over = threading.Event()

    def answer(delivery: Delivery) -> Reply:
        over.wait(60)
        return success(delivery)

    with FirehoseEndpoint(answer) as endpoint:
        deliver(endpoint.url, tmp_path, [b"one"], retry_seconds=0.0, attempt_seconds=0.1)
        over.set()
    (line,) = lines(objects(tmp_path, "failed")[0])
    assert line["errorCode"] == "HttpEndpoint.RequestTimeout"


def test_careless_messages(tmp_path: Path) -> None:
    """As in the documentation's example a line may be no JSON; its record is found all the same."""
    with FirehoseEndpoint(lambda _: Reply(500, b'{"a": "b"}')) as endpoint:
        deliver(endpoint.url, tmp_path, [b"one", b"two"], careless=True, retry_seconds=0.0)
    with pytest.raises(ValueError, match="delimiter"):
        lines(objects(tmp_path, "failed")[0])
    assert list(failed_records(tmp_path)) == [b"one", b"two"]


def test_unreadable_object(tmp_path: Path) -> None:
    """A backup line without a record is an error of the account, never passed over."""
    path = tmp_path / "failed" / "object"
    path.parent.mkdir()
    path.write_text('{"errorMessage": "x"}\n')
    with pytest.raises(UnreadableObjectError, match="object"):
        list(failed_records(tmp_path))


def test_all_data(tmp_path: Path) -> None:
    """With `AllData` every record is in an object too, one behind the other."""
    with FirehoseEndpoint() as endpoint:
        deliver(endpoint.url, tmp_path, [b"one", b"two"], backup_all=True)
    (path,) = objects(tmp_path, "all-data")
    assert gzip.decompress(path.read_bytes()) == b"onetwo"


def test_processing_failed(tmp_path: Path) -> None:
    """What a transformation could not process is below a prefix of its own."""
    backup = Backup(tmp_path, "s", FAST, compress=False)
    settings = StreamSettings("http://127.0.0.1/")
    written: list[Path] = []

    class Failing:
        """A destination that fails as a transformation does."""

        def settle(self, batch: Any, stopping: threading.Event) -> Any:
            """Write the object."""
            del stopping
            verdict = Verdict(Fate.FAILED, "Lambda.FunctionError", "it failed")
            written.append(backup.failed(batch, verdict, 4, lambda_arn="arn:aws:lambda:f"))
            raise RuntimeError("as planned")

        def close(self) -> None:
            """Hold nothing."""

    with pytest.raises(RuntimeError, match="as planned"), Stream(settings, Failing(), FAST) as it:
        it.put(b"one")
    (path,) = objects(tmp_path, "failed/processing-failed")
    assert [path] == written
    line = json.loads(path.read_text())
    assert line["lambdaArn"] == "arn:aws:lambda:f"
    assert b64decode(line["rawData"]) == b"one"


def test_record_too_large(tmp_path: Path) -> None:
    """A record above the quota is refused when it is put in."""
    with FirehoseEndpoint() as endpoint, pytest.raises(ValueError, match="1024000"):
        deliver(endpoint.url, tmp_path, [b"x" * (MAX_RECORD_BYTES + 1)])
    assert endpoint.deliveries == []


def test_stopped_by_an_error(tmp_path: Path) -> None:
    """A block that is left with an error makes no further attempt."""
    tried = threading.Event()

    def answer(_: Delivery) -> Reply:
        tried.set()
        return Reply(503)

    with FirehoseEndpoint(answer) as endpoint:
        settings = StreamSettings(endpoint.url, buffer_bytes=1, retry_seconds=1e9)
        time = Time()
        backup = Backup(tmp_path, "s", time)
        destination = HttpDestination(settings, backup, time, random.Random(1))
        with pytest.raises(KeyError), Stream(settings, destination, time) as stream:  # noqa: PT012
            stream.put(b"one")
            assert tried.wait(60)
            raise KeyError
    assert stream.report().outcomes["abandoned"] == 1
