"""The series of a sweep are kept for the next one; an object that is damaged says so."""

import gzip
import json

import boto3
import pytest

from tags.errors import StateError
from tags.last_sweep import SentSeries, SweepStore, open_store, series_in
from tags.series import InfoSeries
from tests.support.buckets import TestBucket
from tests.support.sweeping import object_of


def _series(number: int = 0, tag: str = "Blue") -> InfoSeries:
    labels = (("arn", f"arn:{number}"), ("tag_team", tag))
    return InfoSeries("aws_resource_info", "111122223333", "us-east-1", labels)


@pytest.mark.parametrize(
    "several",
    [
        [],
        [_series()],
        [_series(number) for number in range(1000)],
        [_series(tag='" \n\\ \N{GRINNING FACE} \N{LINE SEPARATOR}\x85')],
        [_series()._replace(dimensions=(("InstanceId", "i-1"), ("Name", "n")))],
    ],
    ids=["none", "one", "many", "odd characters", "dimensions"],
)
def test_kept_series(several: list[InfoSeries]) -> None:
    """What is read is what was added, in the same order."""
    assert list(series_in(object_of(several))) == several


def test_each_series_once() -> None:
    """The same series is not added again, however many tags were left out; another one is."""
    sent = SentSeries()
    assert sent.add(_series())
    assert not sent.add(_series()._replace(tags_left_out=3))
    assert sent.add(_series(tag="Green"))
    assert _series() in sent
    assert _series(tag="Red") not in sent
    assert len(list(series_in(sent.content()))) == 2


def _gzipped(value: object) -> bytes:
    return gzip.compress(json.dumps(value).encode() + b"\n")


_DAMAGED = {
    "empty": b"",
    "not gzip": b"not gzip",
    "cut off": object_of(map(_series, range(100)))[:-100],
    "another checksum": object_of([_series()])[:-5] + b"12345",
    "not JSON": gzip.compress(b"not JSON\n"),
    "not UTF-8": gzip.compress(b"\xff\n"),
    "a text": _gzipped("text"),
    "too short": _gzipped(["name", "account", "region"]),
    "a number as a value": _gzipped(["name", "account", "region", [["label", 1]], []]),
    "no value": _gzipped(["name", "account", "region", [["label"]], []]),
    "no name": _gzipped([None, "account", "region", [], []]),
}


@pytest.mark.parametrize("content", _DAMAGED.values(), ids=_DAMAGED)
def test_damaged_object(content: bytes) -> None:
    """Whatever is in the object, reading it raises nothing but a StateError."""
    with pytest.raises(StateError, match="damaged"):
        list(series_in(content))


def test_store(bucket: TestBucket) -> None:
    """An object that is written is read; where there is none, there was no sweep."""
    store = open_store(bucket.name, "tags-function")
    assert store.read() is None
    store.write(b"first")
    store.write(b"second")
    assert store.read() == b"second"
    assert bucket.keys() == ["tags/tags-function.jsonl.gz"]


def test_store_without_a_bucket(bucket: TestBucket) -> None:
    """An error says what was tried, and which permission that needs."""
    store = SweepStore(boto3.client("s3"), f"{bucket.name}-no", "tags/x")
    with pytest.raises(StateError, match=r"cannot read .*s3:GetObject.*NoSuchBucket"):
        store.read()
    with pytest.raises(StateError, match=r"cannot write .*s3:PutObject.*NoSuchBucket"):
        store.write(b"")
