"""Objects of all data in which text stands between the records."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from replay.batches import read_records
from testing.receiver import Receiver
from tests.support.backups import hosts_in, records_of_hosts, run, write
from tests.support.invoking import SAMPLES_OF_A_POINT

if TYPE_CHECKING:
    from pathlib import Path

# As Firehose's console sends it, the keys in either order.
DEMO = b'{"TICKER_SYMBOL":"QXZ","SECTOR":"HEALTHCARE","CHANGE":-0.05,"PRICE":84.51}'
OTHER_DEMO = b'{"CHANGE":3.95,"PRICE":79.75,"TICKER_SYMBOL":"SLW","SECTOR":"ENERGY"}'
OF_A_STREAM = b'{"metric_stream_name":"x","namespace":"AWS/EC2","value":{"max":1.0}}\n'


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_demo_data_among_records(end: bytes, tmp_path: Path) -> None:
    """Demo data before, between and behind records is left out, and everything else is sent."""
    a, b, c = records_of_hosts("abc")
    demo = DEMO + end + OTHER_DEMO + end
    write(tmp_path / "one", demo + a + b + demo + c + demo)
    with Receiver() as receiver:
        ran = run(tmp_path, receiver.url)
        assert hosts_in(receiver) == dict.fromkeys("abc", SAMPLES_OF_A_POINT)
    assert (ran.status, ran.number("unreadable")) == (0, 0), ran


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_demo_data_alone(end: bytes) -> None:
    """An object of nothing but demo data holds nothing to send."""
    assert read_records((DEMO + end) * 5) == []


def test_a_stream_of_another_format(tmp_path: Path) -> None:
    """What a stream wrote as JSON is left with the words that say why; records behind it go."""
    (record,) = records_of_hosts("a")
    write(tmp_path / "one", OF_A_STREAM * 3 + record)
    with Receiver() as receiver:
        ran = run(tmp_path, receiver.url)
        assert hosts_in(receiver) == {"a": SAMPLES_OF_A_POINT}
    assert (ran.status, ran.number("unreadable")) == (1, 3)
    assert "set the metric stream's output format" in ran.output


def test_what_only_begins_like_text() -> None:
    """A message of 123 bytes begins with a brace too; broken text is told with its place."""
    message = b"{" + b"\x0a\x79" + bytes(121)
    assert [record.content for record in read_records(message * 2)] == [message, message]
    (record,) = read_records(b'{"TICKER_SYMBOL": ')
    assert record.content is None
    assert record.problem.startswith("the message at byte 0")
