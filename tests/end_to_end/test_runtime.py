"""The function under Lambda's own runtime answers, sends and logs the same as in this process."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from testing.emulator import Emulator, required_emulator, run_emulator
from testing.events.firehose import ACCESS_KEY
from testing.events.fleet import END_MS
from testing.events.ingresses import transformation
from testing.events.large import large_delivery
from testing.events.otlp import Format
from testing.events.samples import bad_events, good_events
from testing.http_server import Reply
from testing.receiver import Receiver, accepted_samples
from testing.replies import always, sequence
from testing.rules import Samples
from testing.servers import in_order
from tests.support.recording import Recorded, RecordingFunction

EVENTS = good_events(END_MS) | bad_events(END_MS)
SECRETS = {"LOGZIO_METRICS_TOKEN": "runtime-token-3a71", "FIREHOSE_ACCESS_KEY": ACCESS_KEY}
LAMBDA_PAYLOAD_BYTES = 6 * 1024 * 1024


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    """Run a receiver that decodes and checks every body."""
    with Receiver() as running:
        yield running


@pytest.fixture(scope="module")
def lambda_function(
    receiver: Receiver, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Emulator]:
    """Run one process of the function for all tests of this module."""
    # The receiver checks each sample, which takes long on a busy machine.
    times = {"LISTENER_TIMEOUT_SECONDS": "200", "DELIVERY_BUDGET_SECONDS": "240"}
    settings = {"LOGZIO_METRICS_LISTENER": receiver.url, **SECRETS, **times}
    with run_emulator(
        required_emulator(), tmp_path_factory.mktemp("emulator"), settings, seconds=250
    ) as running:
        yield running


def invoke(function: Emulator, event: Any) -> Recorded:
    """Invoke the function; return its response and the JSON lines that it wrote."""
    before = len(function.output())
    response = function.invoke(event)
    written = function.output()[before:].splitlines()
    return Recorded(response, [json.loads(line) for line in written if line.startswith("{")])


def received_since(receiver: Receiver, number: int) -> Samples:
    """Return the samples of all requests but the first `number`."""
    return in_order(accepted_samples(receiver.requests[number:]))


def in_process(event: Any) -> tuple[Recorded, Samples]:
    """Invoke the function in this process; return the invocation and what was received."""
    with Receiver() as receiver:
        recorded = RecordingFunction(receiver.url, SECRETS).invoke(event)
        return recorded, in_order(receiver.accepted_samples())


def without_time(response: Any) -> Any:
    """Return a response without its time."""
    if "body" not in response:
        return response
    body = json.loads(response["body"])
    assert isinstance(body.pop("timestamp"), int)
    return {**response, "body": body}


@pytest.mark.parametrize("name", EVENTS)
def test_event(lambda_function: Emulator, receiver: Receiver, name: str) -> None:
    """Each sample event, good or bad, has the same response and the same samples."""
    before = len(receiver.requests)
    recorded = invoke(lambda_function, EVENTS[name])
    there, expected = in_process(EVENTS[name])
    assert without_time(recorded.response) == without_time(there.response)
    assert received_since(receiver, before) == expected
    assert receiver.violations == []
    for received in receiver.requests[before:]:
        assert received.headers["authorization"] == f"Bearer {SECRETS['LOGZIO_METRICS_TOKEN']}"


def test_log_and_metrics(lambda_function: Emulator) -> None:
    """Log line and metrics of a delivery are on standard output, without any secret."""
    recorded = invoke(lambda_function, EVENTS["function-url-otlp-1.0"])
    assert recorded.samples() == {"sent": 333, "rejected": 0, "undelivered": 0}
    assert recorded.metric("SamplesSent") == 333
    (document,) = (line for line in recorded.lines if "SamplesSent" in line)
    assert document["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "MetricStreamLambda"
    # The emulator creates a request id for each invocation.
    again = invoke(lambda_function, EVENTS["function-url-otlp-1.0"])
    assert len(recorded.delivery["lambda_request_id"]) == 36
    assert recorded.delivery["lambda_request_id"] != again.delivery["lambda_request_id"]
    assert not any(secret in lambda_function.output() for secret in SECRETS.values())


def test_large_event(lambda_function: Emulator, receiver: Receiver) -> None:
    """An event of 5 MB, near Lambda's limit of 6 MB, is delivered whole."""
    event = large_delivery(15_000, 0, Format.V1_0)
    assert 4_500_000 < len(json.dumps(event)) < LAMBDA_PAYLOAD_BYTES
    before = len(receiver.requests)
    recorded = invoke(lambda_function, event)
    assert recorded.status == 200
    assert recorded.delivery["points"] == 15_000
    received = received_since(receiver, before)
    samples = sum(map(len, received.values()))
    assert samples > 4 * 15_000
    assert recorded.samples() == {"sent": samples, "rejected": 0, "undelivered": 0}
    assert recorded.delivery["series"] == len(received)


@pytest.mark.parametrize("event", [{}, [], "text", 1, None, {"records": 1}], ids=repr)
def test_unknown_event(lambda_function: Emulator, event: Any) -> None:
    """What no ingress sends is answered with 400, and the process goes on."""
    assert invoke(lambda_function, event).status == 400
    assert invoke(lambda_function, EVENTS["alb-otlp-0.7"]).status == 200


def test_undelivered_transformation(tmp_path: Path) -> None:
    """The invocation fails with the listener's words, and the next one runs in the same process."""
    busy = Reply(503, {"Retry-After": "60"}, b"the ingester is down")
    with Receiver(sequence([busy, Reply()])) as receiver:
        settings = {"LOGZIO_METRICS_LISTENER": receiver.url, **SECRETS}
        with run_emulator(required_emulator(), tmp_path, settings) as function:
            failed = invoke(function, EVENTS["transformation-otlp-1.0"])
            assert failed.response["errorType"] == "UndeliveredError"
            assert "the ingester is down" in failed.response["errorMessage"]
            assert failed.delivery["status"] == 503
            delivered = invoke(function, EVENTS["transformation-otlp-1.0"])
            assert delivered.samples() == {"sent": 333, "rejected": 0, "undelivered": 0}
            assert function.output().count("INIT START") == 1


def test_settings_error(tmp_path: Path) -> None:
    """A wrong setting is answered with 500 and its name, each time; nothing crashes or restarts."""
    settings = {"LOGZIO_METRICS_LISTENER": "ftp://listener.example", "REMOTE_WRITE_AUTH": "magic"}
    with run_emulator(required_emulator(), tmp_path, settings) as function:
        for _ in range(3):
            recorded = invoke(function, EVENTS["http-api-v2-otlp-1.0"])
            assert recorded.status == 500
            message = json.loads(recorded.response["body"])["errorMessage"]
            assert "LOGZIO_METRICS_LISTENER" in message
            assert "REMOTE_WRITE_AUTH" in message
            assert [line["level"] for line in recorded.lines] == ["ERROR"]
        assert function.output().count("INIT START") == 1
        assert "Runtime exited" not in function.output()


def test_deadline(tmp_path: Path) -> None:
    """The function answers in time although the listener asks for a longer wait."""
    busy = Reply(503, {"Retry-After": "60"})
    with Receiver(always(busy)) as receiver:
        settings = {"LOGZIO_METRICS_LISTENER": receiver.url, "DELIVERY_BUDGET_SECONDS": "600"}
        # Who waited for as long as the budget allows would be ended by Lambda after 30 s.
        with run_emulator(
            required_emulator(), tmp_path, settings | SECRETS, seconds=30
        ) as function:
            recorded = invoke(function, EVENTS["function-url-otlp-1.0"])
            assert recorded.status == 503
            assert recorded.samples() == {"sent": 0, "rejected": 0, "undelivered": 333}
            assert recorded.delivery["retries"] == 0


def test_record_id_that_is_no_unicode(tmp_path: Path) -> None:
    """Lambda's runtime writes UTF-8 from Python 3.12 on, and can write the response to any id."""
    event = transformation([b"", b"\xff"])
    event["records"][0]["recordId"] = "id-\ud800"
    with Receiver() as receiver:
        settings = {
            "LOGZIO_METRICS_LISTENER": receiver.url,
            "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
            **SECRETS,
        }
        with run_emulator(required_emulator(), tmp_path, settings, seconds=60) as function:
            records = function.invoke(event)["records"]
    assert [record["recordId"] for record in records] == [
        "id-\\ud800",
        event["records"][1]["recordId"],
    ]
