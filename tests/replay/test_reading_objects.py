"""Reading backup objects: both formats, gzip or plain, sound, broken and cut off."""

import gzip
import json
import random
from base64 import b64encode
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converters.records import split_messages
from handler.delivery import Record
from replay.content import MAX_BYTES, batches_of, read_records, unpack
from testing.receiver import Receiver
from tests.support import deliveries
from tests.support.backups import failed_line, failed_object, hosts_in, records_of_hosts, run, write
from tests.support.clocks import processor_seconds
from tests.support.invoking import SAMPLES_OF_A_POINT, peak_of
from tests.support.otlp_building import SummaryPoint, deliver
from tests.support.properties import examples

RECORDS = records_of_hosts(["a", "b", "c"])

MESSAGES = [
    "",
    'The endpoint said: {"message":"no"}',
    'a quote " and a brace } and another {',
    'ends the object: "}',
    "two\nlines\r\nand a \t tab",
    'it said {"errorMessage":"again","errorType":"X"}',
    '"rawData":',
    'a path C:\\temp\\new \\" and a lone \\',
    "Zürich ☃ \x00\x1f",
    '{"attemptsMade":',
    "[[[[[[" * 500,
]

# As Firehose's console sends it, with the keys in either order.
DEMO = b'{"TICKER_SYMBOL":"QXZ","SECTOR":"HEALTHCARE","CHANGE":-0.05,"PRICE":84.51}'
OTHER_DEMO = b'{"CHANGE":3.95,"PRICE":79.75,"TICKER_SYMBOL":"SLW","SECTOR":"ENERGY"}'
OF_A_STREAM = b'{"metric_stream_name":"x","namespace":"AWS/EC2","value":{"max":1.0}}\n'
# A message of 123 bytes begins with a brace too.
LIKE_TEXT = b"{" + b"\x0a\x79" + bytes(121)
# The dimensions of a metric may look like a line of a failed delivery.
LIKE_FAILED = deliver(
    [SummaryPoint(dimensions=(("Name", failed_line(b"", "")), ("rawData", failed_line(b"", ""))))]
)


def contents(stored: bytes) -> list[bytes | None]:
    """Return what is read of each record."""
    return [record.content for record in read_records(stored)]


def problems(stored: bytes) -> list[str]:
    """Return what is wrong with the records that cannot be read."""
    return [record.problem for record in read_records(stored) if record.content is None]


@given(
    records=st.one_of(st.lists(st.binary(max_size=60), max_size=8), deliveries.deliveries),
    zipped=st.booleans(),
    lambda_arn=st.booleans(),
    between=st.sampled_from(["\n", "", "\r\n", " "]),
    messages=st.lists(st.one_of(st.text(max_size=30), st.sampled_from(MESSAGES)), min_size=8),
)
@examples(40)
def test_failed_records_are_read_back(
    *, records: list[bytes], zipped: bool, lambda_arn: bool, between: str, messages: list[str]
) -> None:
    """Whatever the records are, both forms of failed deliveries give them back in order."""
    lines = []
    for record, message in zip(records, messages, strict=False):
        line = json.loads(failed_line(record, message))
        if lambda_arn:
            line["lambdaArn"] = "arn:aws:lambda:us-east-1:111122223333:function:f"
        lines.append(json.dumps(line))
    stored = between.join(lines).encode()
    assert contents(gzip.compress(stored, mtime=0) if zipped else stored) == records[: len(lines)]


@pytest.mark.slow
@given(records=deliveries.deliveries, zipped=st.booleans())
@examples(40)
def test_all_data_is_read_back(*, records: list[bytes], zipped: bool) -> None:
    """Raw records one behind the other give back every message, in order."""
    stored = b"".join(records)
    read = list(read_records(gzip.compress(stored, mtime=0) if zipped else stored))
    assert not [record.problem for record in read if record.problem]
    messages = [m for record in read for m in split_messages(record.content or b"")]
    assert messages == list(split_messages(stored))


@given(
    records=st.lists(st.sampled_from(RECORDS), min_size=1, max_size=5),
    messages=st.lists(
        st.one_of(st.sampled_from(MESSAGES), st.text(alphabet='"\\{}[],:\n aé', max_size=20)),
        min_size=5,
        max_size=5,
    ),
    between=st.sampled_from(["\n", ""]),
)
@examples(100)
def test_unescaped_messages_hide_no_record(
    records: list[bytes], messages: list[str], between: str
) -> None:
    """However the endpoint's message breaks the JSON, each record is found."""
    lines = [failed_line(r, m, sound=False) for r, m in zip(records, messages, strict=False)]
    found = list(read_records(between.join(lines).encode()))
    assert [record.content for record in found if record.content in RECORDS] == records


@pytest.mark.parametrize("message", MESSAGES[:6])
def test_usual_messages_are_no_problem(message: str) -> None:
    """Messages such as endpoints really send leave every record readable, and nothing else."""
    lines = [failed_line(record, message, sound=False) for record in RECORDS]
    assert contents("\n".join(lines).encode()) == RECORDS


def test_a_quoted_record_hides_no_other() -> None:
    """A message that quotes another record adds to what is sent, and takes nothing away."""
    quoting = failed_line(RECORDS[0], failed_line(RECORDS[1]), sound=False)
    found = contents(f"{quoting}\n{failed_line(RECORDS[2])}".encode())
    assert {RECORDS[0], RECORDS[2]} <= set(found)


@pytest.mark.parametrize("sound", [True, False])
def test_escaped_base64_is_read(*, sound: bool) -> None:
    """What JSON may escape in base64, slashes and equals signs, is read in broken objects too."""
    record = bytes(range(250, 256)) * 3 + b"\xff"
    encoded = b64encode(record).decode()
    assert "/" in encoded
    assert encoded.endswith("=")
    escaped = encoded.replace("/", "\\/").replace("=", "\\u003d")
    line = failed_line(record, 'said "no"', sound=sound).replace(encoded, escaped)
    assert contents(line.encode()) == [record]


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        (b"", []),
        (gzip.compress(b"", mtime=0), []),
        # Padding and several gzip members.
        (
            b"".join(gzip.compress(failed_object([r]) + b"\n", mtime=0) for r in RECORDS)
            + bytes(9),
            RECORDS,
        ),
        # Firehose can append a newline to each record.
        (b"\n".join([*RECORDS, b""]), RECORDS),
        (LIKE_FAILED * 2, [LIKE_FAILED, LIKE_FAILED]),
        (LIKE_TEXT * 2, [LIKE_TEXT, LIKE_TEXT]),
        *((((DEMO + end + OTHER_DEMO + end) * 5), []) for end in (b"", b"\n", b"\r\n")),
        *(
            (
                end.join(
                    [DEMO, OTHER_DEMO, RECORDS[0] + RECORDS[1] + DEMO, RECORDS[2] + DEMO, b""]
                ),
                RECORDS,
            )
            for end in (b"", b"\n", b"\r\n")
        ),
    ],
)
def test_nothing_is_wrong_with_these(stored: bytes, expected: list[bytes]) -> None:
    """Every record of a sound object is read; demo data is left out."""
    assert contents(stored) == expected


@pytest.mark.parametrize(
    ("stored", "reason"),
    [
        (failed_object(RECORDS)[:-300], "rawData is cut off"),
        (failed_object(RECORDS)[:-600], "no rawData"),
        (failed_object(RECORDS).replace(b'"rawData":"', b'"rawData":"!', 1), "not base64"),
        (failed_object(RECORDS) + b"\nsomething else", "no rawData in these 14 bytes"),
        (b'{"attemptsMade":1}\n' + failed_object(RECORDS), "no rawData"),
        (failed_object(RECORDS).replace(b'"rawData":"', b'"rawData":7,"x":"', 1), "cut off or not"),
        (b"".join(RECORDS)[:-5], "the last"),
        (b"".join(RECORDS)[:-5], "bytes of the object cannot be read"),
        (b"".join(RECORDS) + b"\xff" * 9, "the length header at byte"),
        (b"".join(RECORDS) + b"\xff" * 9, "the last 9 bytes of the object cannot be read"),
        (OF_A_STREAM + RECORDS[0], "set the metric stream's output format"),
        (RECORDS[0] + b'{"TICKER_SYMBOL": ', "the message at byte"),
        (gzip.compress(RECORDS[0], mtime=0) + b"tail", "the object is broken gzip"),
    ],
)
def test_what_cannot_be_read_has_a_reason(stored: bytes, reason: str) -> None:
    """Of a broken object everything else is read, and the broken part has a reason."""
    (problem,) = problems(stored)
    assert reason in problem
    sound = [record for record in contents(stored) if record is not None]
    assert sound
    assert set(sound) <= set(RECORDS)


@pytest.mark.parametrize(
    "stored", [b"hello, this is not a backup object", OF_A_STREAM * 3, b'{"TICKER_SYMBOL": ']
)
def test_text_is_not_a_record(stored: bytes) -> None:
    """Text that is not demo data is never sent, and has a reason."""
    assert problems(stored)
    assert set(contents(stored)) == {None}


def test_gzip_that_is_cut_off_or_broken() -> None:
    """What can be inflated is read, and the object has a reason for the rest."""
    # Noise does not compress, so the cut is in the middle of the records.
    chance = random.Random(7)
    records = [chance.randbytes(3000) for _ in range(20)]
    stored = gzip.compress(failed_object(records), mtime=0)
    cut = list(read_records(stored[: len(stored) // 2]))
    readable = [record.content for record in cut if record.content]
    assert readable == records[: len(readable)]
    assert len(readable) > 5
    assert cut[-1].problem == "the object is gzip that has been cut off"
    broken = bytearray(stored)
    broken[len(stored) // 2] ^= 0xFF
    assert any("is broken gzip" in problem for problem in problems(bytes(broken)))


def test_a_gzip_bomb_is_bounded() -> None:
    """An object inflates to no more than the limit, whatever it claims to hold."""
    bomb = gzip.compress(bytes(50_000_000), mtime=0)
    limit = 1_000_000
    assert unpack(bomb, limit) == (bytes(limit), "the object inflates beyond 1000000 bytes")
    assert peak_of(lambda: unpack(bomb, limit)) < 10 * limit
    assert unpack(bytes(11), 10) == (b"", "the object is larger than 10 bytes")


@pytest.mark.parametrize("size", [MAX_BYTES + 1, 1 << 40])
def test_an_object_that_would_take_all_memory_is_not_read(tmp_path: Path, size: int) -> None:
    """It is left with a reason, by a dry run too, and those behind it are sent."""
    with write(tmp_path / "1-huge", b"").open("wb") as file:
        # A hole; reading it would take that much memory.
        file.truncate(size)
    write(tmp_path / "2", failed_object(RECORDS[:1]))
    with Receiver() as receiver:
        dry = run(tmp_path, receiver.url, "--dry-run")
        ran = run(tmp_path, receiver.url)
        assert hosts_in(receiver) == {"a": SAMPLES_OF_A_POINT}
    for one in (dry, ran):
        (line,) = (line for line in one.output.splitlines() if "1-huge" in line)
        assert line.endswith(f"the object is larger than {MAX_BYTES} bytes")
    assert ran.status == 1


def test_batches_are_the_same_each_time() -> None:
    """Batches hold every record once, in order, and none is larger than it must be."""
    records = [*RECORDS * 5, bytes(900)]
    read = [*read_records(failed_object(records)), Record(16, None, "no")]
    batches = list(batches_of(read, 500))
    assert batches == list(batches_of(read, 500))
    assert [content for batch in batches for _, content in batch.records] == records
    assert all(sum(len(c) for _, c in batch.records) <= 500 for batch in batches[:-1])
    assert batches[-1].unreadable == {16: "no"}
    assert not list(batches_of([]))


SIZE = 1 << 19


@pytest.mark.parametrize(
    ("unit", "most_records"),
    [
        pytest.param(b"\x00", 0, id="empty messages"),
        pytest.param(b"\x80\x00", 0, id="empty messages behind long lengths"),
        pytest.param(b"\x02\x0a\x00", 10, id="messages of three bytes"),
        pytest.param(b"\x01\x0a", 10, id="messages of two bytes that are no OTLP"),
        pytest.param(b'{"rawData":""}', SIZE // 14, id="empty records"),
        pytest.param(b'{"rawData":"AgoA"}', SIZE // 18, id="records of three bytes"),
        pytest.param(b'{"rawData":7', SIZE // 12, id="broken records"),
        pytest.param(b"\x02\x0a\x00" + b'{"":0}' * 5_000, SIZE // 6, id="text"),
    ],
)
def test_an_object_of_tiny_parts_takes_little_memory(unit: bytes, most_records: int) -> None:
    """However many there are, at most one batch is in memory beside the object, and its text."""
    stored = gzip.compress(unit * (SIZE // len(unit)), mtime=0)
    records = 0

    def read() -> None:
        nonlocal records
        for batch in batches_of(read_records(stored)):
            assert len(batch.records) + len(batch.unreadable) <= 10_000
            records += len(batch.records) + len(batch.unreadable)

    # While it is unpacked, an object is in memory twice; a batch has up to 10,000 records.
    assert peak_of(read) < 3 * SIZE + 10_000 * 500
    assert records <= most_records


@pytest.mark.slow
@pytest.mark.parametrize("unit", [b"\x00", b"\x80\x00", b"\x02\x0a\x00", b"\x01\x0a"])
def test_millions_of_tiny_messages_are_read_in_seconds(unit: bytes) -> None:
    """Two MiB of them take a second or two of a processor, gzipped too."""
    stored = gzip.compress(unit * ((2 << 20) // len(unit)), mtime=0)
    assert processor_seconds(lambda: sum(1 for _ in read_records(stored))) < 8


def test_a_broken_message_takes_no_other_with_it(tmp_path: Path) -> None:
    """Short messages share a record, which no message with a data point does."""
    stored = RECORDS[0] + b"\x02\x0a\x00\x01\x0a" * 9 + RECORDS[1] + b"\x01\x0a" + RECORDS[2]
    write(tmp_path / "1", stored)
    assert [len(content or b"") for content in contents(stored)][1::2] == [45, 2]
    with Receiver() as receiver:
        ran = run(tmp_path, receiver.url)
        assert hosts_in(receiver) == dict.fromkeys("abc", SAMPLES_OF_A_POINT)
    assert (ran.number("records"), ran.number("unreadable")) == (5, 2)
