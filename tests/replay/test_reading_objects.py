"""Reading backup objects: three forms, gzip or plain, sound, broken and cut off."""

import gzip
import json
import random
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converters.records import split_messages
from replay.batches import batches_of, read_records
from replay.content import unpack
from tests.support import deliveries
from tests.support.backups import failed_line, failed_object, records_of_hosts
from tests.support.invoking import peak_of
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


def contents(stored: bytes) -> list[bytes | None]:
    """Give what is read of each record."""
    return [record.content for record in read_records(stored)]


def problems(stored: bytes) -> list[str]:
    """Give what is wrong with the records that cannot be read."""
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
    assert contents(gzip.compress(stored) if zipped else stored) == records[: len(lines)]


@given(records=deliveries.deliveries, zipped=st.booleans())
@examples(40)
def test_all_data_is_read_back(*, records: list[bytes], zipped: bool) -> None:
    """Raw records one behind the other give back every message, in order."""
    stored = b"".join(records)
    read = read_records(gzip.compress(stored) if zipped else stored)
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
    """However the endpoint's words break the JSON, each record is found, or its place is told."""
    lines = [failed_line(r, m, sound=False) for r, m in zip(records, messages, strict=False)]
    found = read_records(between.join(lines).encode())
    assert [record.content for record in found if record.content in RECORDS] == records


@pytest.mark.parametrize("message", MESSAGES[:6])
def test_usual_words_are_no_problem(message: str) -> None:
    """Words such as endpoints really say leave every record readable, and nothing else."""
    lines = [failed_line(record, message, sound=False) for record in RECORDS]
    assert contents("\n".join(lines).encode()) == RECORDS


def test_a_quoted_record_hides_no_other() -> None:
    """Words that quote another record's object add to what is sent, and take nothing away."""
    quoting = failed_line(RECORDS[0], failed_line(RECORDS[1]), sound=False)
    found = contents(f"{quoting}\n{failed_line(RECORDS[2])}".encode())
    assert {RECORDS[0], RECORDS[2]} <= set(found)


def test_escaped_base64_is_read() -> None:
    """What JSON may escape in base64, slashes and equals signs, is read in broken objects too."""
    record = bytes(range(250, 256)) * 3 + b"\xff"
    encoded = b64encode(record).decode()
    assert "/" in encoded
    assert encoded.endswith("=")
    escaped = encoded.replace("/", "\\/").replace("=", "\\u003d")
    for sound in (True, False):
        line = failed_line(record, 'said "no"', sound=sound).replace(encoded, escaped)
        assert contents(line.encode()) == [record]


@pytest.mark.parametrize(
    ("stored", "words"),
    [
        (failed_object(RECORDS)[:-300], "rawData is cut off"),
        (failed_object(RECORDS)[:-600], "no rawData"),
        (failed_object(RECORDS).replace(b'"rawData":"', b'"rawData":"!', 1), "not base64"),
        (failed_object(RECORDS) + b"\nsomething else", "no rawData in these 14 characters"),
        (b'{"attemptsMade":1}\n' + failed_object(RECORDS), "no rawData"),
        (failed_object(RECORDS).replace(b'"rawData":"', b'"rawData":7,"x":"', 1), "cut off or no"),
    ],
)
def test_what_cannot_be_read_is_told(stored: bytes, words: str) -> None:
    """Of a broken object everything else is read, and the broken place has a reason."""
    (problem,) = problems(stored)
    assert words in problem
    sound = [record for record in contents(stored) if record is not None]
    assert sound
    assert set(sound) <= set(RECORDS)


def test_all_data_with_a_broken_end() -> None:
    """Messages before a broken length are read; how much cannot be is told in bytes."""
    stored = b"".join(RECORDS)
    cut = stored[:-5]
    assert contents(cut)[:-1] == RECORDS[:-1]
    assert "the last" in problems(cut)[0]
    assert "bytes of the object cannot be read" in problems(cut)[0]
    (problem,) = problems(stored + b"\xff" * 9)
    assert problem.startswith(f"the length header at byte {len(stored)} is longer than 5")
    assert problem.endswith("the last 9 bytes of the object cannot be read")


def test_gzip_that_is_cut_off_or_broken() -> None:
    """What can be inflated is read, and the object has a reason for the rest."""
    # Noise does not compress, so the cut is in the middle of the records.
    chance = random.Random(7)
    records = [chance.randbytes(3000) for _ in range(20)]
    stored = gzip.compress(failed_object(records))
    cut = read_records(stored[: len(stored) // 2])
    assert [r.content for r in cut if r.content] == records[: sum(1 for r in cut if r.content)]
    assert sum(1 for r in cut if r.content) > 5
    assert cut[-1].problem == "the gzip has been cut off"
    broken = bytearray(stored)
    broken[len(stored) // 2] ^= 0xFF
    assert any("gzip is broken" in problem for problem in problems(bytes(broken)))
    assert problems(gzip.compress(b"") + b"x") == ["what follows the gzip at byte 20 is none"]


def test_several_gzip_members() -> None:
    """An object of several gzip members, and padding, is read as one."""
    parts = [gzip.compress(failed_object([record]) + b"\n") for record in RECORDS]
    assert contents(b"".join(parts) + bytes(512)) == RECORDS


def test_a_gzip_bomb_is_bounded() -> None:
    """An object inflates to no more than the limit, whatever it claims to hold."""
    bomb = gzip.compress(bytes(50_000_000))
    limit = 1_000_000
    assert len(unpack(bomb, limit).data) == limit
    assert "more than 1000000 bytes" in unpack(bomb, limit).problem
    assert peak_of(lambda: unpack(bomb, limit)) < 10 * limit
    assert "larger than 10 bytes" in unpack(bytes(11), 10).problem


def test_metric_names_do_not_make_an_object_another() -> None:
    """All data whose dimensions look like the lines of a failed delivery stays all data."""
    line = failed_line(b"", "")
    dimensions = (("Name", line), ("rawData", line))
    record = deliver([SummaryPoint(dimensions=dimensions)])
    assert contents(record * 2) == [record, record]


def test_other_objects_are_no_records() -> None:
    """An empty object has nothing to send, demo data neither; text has a reason."""
    assert contents(b"") == []
    assert contents(gzip.compress(b"")) == []
    assert contents(b'{"TICKER_SYMBOL":"X","SECTOR":"Y","CHANGE":1,"PRICE":2}\n') == []
    assert problems(b"hello, this is not a backup object")
    assert problems(b'{"metric_stream_name":"s","namespace":"AWS/EC2"}\n' * 3)


def test_batches_are_the_same_each_time() -> None:
    """Batches hold every readable record once, in order, and none is larger than it must be."""
    records = [*RECORDS * 5, bytes(900)]
    read = read_records(failed_object(records))
    cut = batches_of(read, 500)
    assert cut == batches_of(read, 500)
    assert [content for batch in cut for _, content in batch] == records
    assert all(sum(len(c) for _, c in batch) <= 500 for batch in cut[:-1])
    assert [len(batch) for batch in cut][-1] == 1
    assert batches_of([]) == []
