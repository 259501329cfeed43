"""Random, truncated and damaged deliveries: always an answer of the table."""

import json
from base64 import b64encode
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from handler.app import Function
from testing.events import ingresses
from testing.events.firehose import headers
from testing.events.fleet import END_MS, fleet
from testing.events.otlp import Format
from testing.events.samples import sample_records
from testing.receiver import Receiver
from tests.support.invoking import REQUEST_ID, body_of, delivery, function_for, invoke
from tests.support.properties import examples

RECORD = {format_: sample_records(fleet(END_MS), format_)[1] for format_ in Format}
BODY = body_of([RECORD[Format.V1_0]]).encode()
FLIPS = st.lists(st.tuples(st.integers(0, 100_000), st.integers(1, 255)), min_size=1, max_size=4)
QUICK = examples(60)


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    """Give a listener that holds every request to the rules."""
    with Receiver() as made:
        yield made


@pytest.fixture(scope="module")
def function(receiver: Receiver) -> Function:
    """Give a function that stays warm over all examples."""
    return function_for(receiver.url)


def damaged(content: bytes, flips: list[tuple[int, int]]) -> bytes:
    """Return the content with some bytes changed."""
    changed = bytearray(content)
    for position, mask in flips:
        changed[position % len(changed)] ^= mask
    return bytes(changed)


@QUICK
@given(cut=st.integers(0, 100_000), format_=st.sampled_from(Format))
def test_truncated_records(
    function: Function, receiver: Receiver, cut: int, format_: Format
) -> None:
    """A record cut off anywhere is answered, and named unless it was cut to nothing."""
    record = RECORD[format_]
    kept = record[: cut % len(record)]
    answer = invoke(function, delivery(kept))
    assert answer.status == (400 if kept else 200)
    assert receiver.violations == []


@QUICK
@given(
    record=st.binary(max_size=200)
    | st.builds(damaged, st.sampled_from(list(RECORD.values())), FLIPS)
)
def test_odd_records(function: Function, receiver: Receiver, record: bytes) -> None:
    """A record of random bytes or with flipped bits: 200 or 400, and what is sent is valid."""
    assert invoke(function, delivery(record)).status in (200, 400)
    assert receiver.violations == []


@QUICK
@given(flips=FLIPS)
def test_damaged_bodies(
    function: Function, receiver: Receiver, flips: list[tuple[int, int]]
) -> None:
    """A body with flipped bits is answered with 200 or 400."""
    event = ingresses.function_url(headers(REQUEST_ID, "k"), damaged(BODY, flips), base64=True)
    assert invoke(function, event).status in (200, 400)
    assert receiver.violations == []


@QUICK
@given(body=st.binary(max_size=100) | st.text(max_size=100).map(lambda t: json.dumps(t).encode()))
def test_random_bodies(function: Function, body: bytes) -> None:
    """Random bytes and random JSON as a body are answered with 400."""
    event = ingresses.function_url(headers(REQUEST_ID, "k"), body, base64=True)
    assert invoke(function, event).status == 400


@QUICK
@example(request_id="", timestamp=10**4000)
@given(
    request_id=st.text(alphabet=st.characters(), max_size=40),
    timestamp=st.none() | st.integers() | st.floats() | st.text(max_size=5) | st.booleans(),
)
def test_odd_ids_and_times(
    function: Function, receiver: Receiver, request_id: str, timestamp: object
) -> None:
    """Any id comes back as it was, and any timestamp does no harm."""
    event = delivery(RECORD[Format.V1_0])
    del event["headers"]["x-amz-firehose-request-id"]
    event["body"] = json.dumps(
        {
            "requestId": request_id,
            "timestamp": timestamp,
            "records": [{"data": b64encode(RECORD[Format.V1_0]).decode()}],
        }
    )
    answer = invoke(function, event)
    assert (answer.status, answer.request_id) == (200, request_id)
    assert receiver.violations == []


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb", "\0", "\r\n", "é", "\U0001f600"])
def test_odd_texts_in_ids_and_attributes(
    function: Function, text: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """A lone surrogate or a control character anywhere in a header does no harm, nor to the log."""
    event = delivery(RECORD[Format.V1_0], attributes={"P8S_LOGZIO_NAME": f"x{text}"})
    event["headers"]["x-amz-firehose-request-id"] = text
    event["headers"]["x-amz-firehose-source-arn"] = text
    answer = invoke(function, event)
    assert (answer.status, answer.request_id) == (200, text)
    assert capfd.readouterr().err == ""
