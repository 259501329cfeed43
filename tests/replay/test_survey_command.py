"""The command `python -m replay --survey`: what it reads, shows and refuses."""

import gzip
import json
import os
import re
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from testing.events.firehose import delivery_body
from testing.events.fleet import END_MS
from testing.events.otlp import Format, messages, record
from tests.support.accounts import MIDNIGHT, Metric, point, store
from tests.support.backups import run_in, write
from tests.support.buckets import TestBucket
from tests.support.captures import captured
from tests.support.making import make
from tools.children import ROOT

METRICS = (
    Metric("AWS/EC2", "CPUUtilization", 4),
    Metric("AWS/EC2", "DiskReadOps", 4, period=5),
    Metric("AWS/Lambda", "Duration", 1, percentiles=6),
    Metric("AWS/SQS", "Age", 1),
)
RESULT = """\
namespace   metric          series  updates a day  billed a day  USD a month    share
AWS/EC2     CPUUtilization       4          5,760         5,760         0.52   45.5 %
AWS/Lambda  Duration             1          1,440         4,320         0.39   34.1 %
AWS/SQS     Age                  1          1,440         1,440         0.13   11.4 %
AWS/EC2     DiskReadOps          4          1,152         1,152         0.10    9.1 %
total       4 metrics           10          9,792        12,672         1.14  100.0 %

the sample covers 3 h 0 min, from 2026-11-01T09:58Z to 2026-11-01T12:58Z
3 objects have 1,224 updates, and 36 repetitions
0.003 USD for 1,000 updates; a month has 30 days
0.26 USD of it are for percentiles: fewer StatisticsMetrics lose no series
the sample is shorter than a day: metrics that come once a day may be missing

to halve the bill at the fewest series lost:
ExcludeFilters=AWS/EC2=CPUUtilization,AWS/Lambda
it saves 0.91 of 1.14 USD a month (79.5 %) and loses 5 of 10 series
"""


@pytest.fixture
def account(tmp_path: Path) -> Path:
    """Store three hours of a small account in a folder."""
    store(tmp_path / "backup", MIDNIGHT + 600, 180, metrics=METRICS)
    return tmp_path / "backup"


def files(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder with their content."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def updates_in(text: str) -> int:
    """Return how many updates were counted."""
    (line,) = (line for line in text.splitlines() if "repetitions" in line)
    return int(line.split()[3].replace(",", ""))


def delivered(*metrics: Metric, minute: int = MIDNIGHT) -> bytes:
    """Return a record with a data point of each metric."""
    return record(messages([point(metric, 0, minute) for metric in metrics], Format.V1_0))


def test_folder(account: Path) -> None:
    """A table, sorted by cost, and a filter; without settings, and nothing is written."""
    before = files(account)
    ran = run_in(["--survey", str(account)], {})
    assert (ran.status, ran.output) == (0, RESULT)
    assert files(account) == before


def test_example_of_the_page() -> None:
    """What docs/replay.md shows is a result."""
    page = (ROOT / "docs" / "replay.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^    namespace .*\n(?:(?:    .*)?\n)+", page, re.MULTILINE)
    shown = [line for line in map(str.strip, example.splitlines()) if line not in ("", "...")]
    assert set(shown) <= set(RESULT.splitlines())
    assert len(shown) > 8


def test_bucket(account: Path, bucket: TestBucket) -> None:
    """A bucket has the same result, and nothing is written to it either."""
    keys = [bucket.put(name, content) for name, content in files(account).items()]
    ran = run_in(["--survey", bucket.where()], {})
    assert (ran.status, ran.output) == (0, RESULT)
    assert bucket.keys() == sorted(keys)


def test_several_locations(account: Path) -> None:
    """Locations are counted together, each update once."""
    ran = run_in(["--survey", str(account / "failed"), str(account / "all-data"), str(account)], {})
    assert ran.output.replace("6 objects", "3 objects").replace("1,296", "36") == RESULT


def test_price(account: Path) -> None:
    """The price for 1,000 updates may be another one; money is exact to the cent."""
    ran = run_in(["--survey", str(account), "--price", "0.01"], {})
    assert "0.01 USD for 1,000 updates" in ran.output
    assert "it saves 3.02 of 3.80 USD a month (79.5 %)" in ran.output


def test_times(account: Path) -> None:
    """Only objects of the times are counted."""
    for number, path in enumerate(sorted(p for p in account.rglob("*") if p.is_file()), start=1):
        seconds = datetime(2026, 11, number, tzinfo=UTC).timestamp()
        os.utime(path, (seconds, seconds))
    ran = run_in(["--survey", str(account), "--since", "2026-11-02", "--until", "2026-11-03"], {})
    assert "1 objects have" in ran.output


@pytest.mark.parametrize("form", ["event", "transformation", "body", "gzip"])
def test_captured_deliveries(tmp_path: Path, form: str) -> None:
    """The event of a function, and the body of a request of Firehose, are read as well."""
    records = [delivered(*METRICS[:2]), delivered(METRICS[2])]
    body = delivery_body(records, "id", 1)
    data = [{"recordId": "1", "data": b64encode(one).decode()} for one in records]
    contents = {
        "event": json.dumps({"headers": {}, "body": body}).encode(),
        "transformation": json.dumps({"invocationId": "id", "records": data}).encode(),
        "body": body.encode(),
        "gzip": gzip.compress(body.encode()),
    }
    ran = run_in(["--survey", str(write(tmp_path / "one", contents[form]))], {})
    assert (ran.status, updates_in(ran.output)) == (0, 3)


@pytest.mark.parametrize(("name", "updates"), [("otlp-0.7", 953), ("otlp-1.0", 710)])
def test_real_captures(tmp_path: Path, name: str, updates: int) -> None:
    """All data points of a real delivery count, and a minute of it is said to be too short."""
    event = captured(name, END_MS)
    ran = run_in(["--survey", str(write(tmp_path / name, json.dumps(event).encode()))], {})
    assert (ran.status, updates_in(ran.output)) == (0, updates)
    assert "the sample is too short" in ran.output
    assert "halve the bill" in ran.output


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"attemptsMade":1,"rawData":"', "cut off"),
        (b'{"requestId":"1","records":7}', "no list records"),
        (b"\x20broken", "should have 32 bytes"),
        (b'{"body":', "should have 123 bytes"),
        (b'{"requestId":"1","records":[{"data":"?"}]}', "not base64"),
    ],
)
def test_what_cannot_be_read(account: Path, content: bytes, reason: str) -> None:
    """What cannot be read is shown with its reason and left out; everything else counts."""
    write(account / "broken", content)
    ran = run_in(["--survey", str(account)], {})
    assert (ran.status, ran.output) == (1, RESULT.replace("3 objects", "4 objects"))
    assert "broken: left out: record 0: " in ran.progress
    assert reason in ran.progress


def test_an_object_that_cannot_be_read(account: Path) -> None:
    """A file that is gone when it is read is shown with the reason; the others count."""
    (account / "broken").symlink_to(account / "nowhere")
    ran = run_in(["--survey", str(account)], {})
    assert (ran.status, ran.output) == (1, RESULT.replace("3 objects", "4 objects"))
    assert "broken: left out: cannot read" in ran.progress


@pytest.mark.parametrize("content", [b"", delivered()], ids=["empty", "no points"])
def test_nothing_to_count(tmp_path: Path, content: bytes) -> None:
    """Without data points there is no table; the result says so."""
    ran = run_in(["--survey", str(write(tmp_path / "one", content))], {})
    assert ran.output == "there are no data points of CloudWatch\n"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--survey", "--price", "free"], "--price must be a number above zero"),
        (["--survey", "--price", "nan"], "--price must be a number above zero"),
        (["--survey", "--price", "-1"], "--price must be a number above zero"),
        (["--survey", "--price", "1e400"], "--price must be a number above zero, up to 1,000"),
        (["--price", "0.003"], "--price needs --survey"),
        (["--survey", "--rate", "5"], "--survey sends nothing"),
        (["--survey", "--listener", "https://nowhere.invalid"], "--survey sends nothing"),
        (["--survey", "nowhere"], "there is no folder nowhere"),
        (["--dry-run", "nowhere"], "a replay takes one location"),
    ],
)
def test_what_cannot_be_surveyed(account: Path, options: list[str], message: str) -> None:
    """A wrong option ends with status 2 and its name."""
    ran = run_in([str(account), *options], {})
    assert (ran.status, ran.output) == (2, "")
    assert message in ran.progress


def test_reader_that_stops(account: Path) -> None:
    """A reader that takes the first lines alone, such as `head`, gets these and no traceback."""
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "replay", "--survey", str(account)]
    ran = subprocess.run(command, cwd=ROOT, stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert ran.returncode == 1
    assert b"Traceback" not in ran.stderr
    assert b"BrokenPipeError" not in ran.stderr


def minutes_of(metric: Metric, minutes: Iterable[int]) -> bytes:
    """Return a record with a data point of each minute."""
    return record(messages([point(metric, 0, MIDNIGHT + n) for n in minutes], Format.V1_0))


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (minutes_of(METRICS[0], range(30)), ["the sample is too short for a sum"]),
        (minutes_of(METRICS[0], range(1440)), ["the sample covers 24 h 0 min"]),
        (minutes_of(METRICS[0], [*range(90), *range(300, 390)]), ["covers 3 h 0 min", "holes"]),
        (minutes_of(METRICS[0], [0, 1, 32 * 1440]), ["1 data points are more than 31 days"]),
        (minutes_of(METRICS[0], [7]), ["~1,440", "~ 100.0 % of the updates are of series"]),
        (minutes_of(Metric("a,b", "m", 1), range(60)), ["ExcludeFilters takes none of the names"]),
        (
            b"".join(minutes_of(Metric(f"N{n}", "m", 1), range(9)) for n in range(60)),
            ["no filter of 20 entries halves the bill; this one saves most:", "(33.3 %)"],
        ),
    ],
    ids=["short", "a day", "holes", "far", "once", "no names", "many namespaces"],
)
def test_what_is_said_of_a_sample(tmp_path: Path, content: bytes, lines: list[str]) -> None:
    """The result says what its estimate cannot know, and where no filter halves the bill."""
    ran = run_in(["--survey", str(write(tmp_path / "one", content))], {})
    assert ran.status == 0
    assert all(line in ran.output for line in lines)


def test_make_target() -> None:
    """`make survey` surveys what FILES names, with further options in ARGS, and needs FILES."""
    assert "FILES names no folder" in make("survey").stderr
    shown = make("--dry-run", "survey", "FILES=folder s3://bucket/all-data/", "ARGS=--price 1")
    assert "-m replay --survey folder s3://bucket/all-data/ --price 1" in shown.stdout


def test_names_that_would_control_a_terminal(tmp_path: Path) -> None:
    """The name of a metric is shown with its control characters written out."""
    content = delivered(Metric("A\x1b[2J", "a\nb", 1))
    ran = run_in(["--survey", str(write(tmp_path / "one", content))], {})
    assert "A\\x1b[2J" in ran.output
    assert "a\\nb" in ran.output
