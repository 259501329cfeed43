"""The command with S3, with boto3 against a server that behaves as S3 does."""

import gzip
import json
from pathlib import Path
from typing import Any, Self

import pytest

from replay.bucket import Bucket
from testing.receiver import Receiver
from tests.support.backups import failed_object, hosts_in, records_of_hosts, run
from tests.support.buckets import TestBucket
from tests.support.invoking import SAMPLES_OF_A_POINT


class PagesOf:
    """A client of S3 whose pages have fewer objects than S3's own thousand.

    Args:
        size: How many.
        client: boto3's client.
    """

    def __init__(self, size: int, client: Any) -> None:
        self._size = size
        self._client = client

    def get_paginator(self, name: str) -> Self:
        """Return the paginator of an operation."""
        self._paginator = self._client.get_paginator(name)
        return self

    def paginate(self, **fields: Any) -> Any:
        """Return the pages."""
        return self._paginator.paginate(**fields, PaginationConfig={"PageSize": self._size})


FAILED = "failed/http-endpoint-failed/2026/11/20/14"


@pytest.fixture
def keys(bucket: TestBucket) -> list[str]:
    """Fill the bucket with an object of each form, hosts a to e; return their keys."""
    a, b, c, d, e = records_of_hosts("abcde")
    return [
        bucket.put(f"{FAILED}/1-one.gz", gzip.compress(failed_object([a, b]))),
        bucket.put(f"{FAILED}/2-two", failed_object([c])),
        bucket.put("failed/processing-failed/2026/11/20/14/3 ü+&three", failed_object([d])),
        bucket.put("failed/all-data/4-four.gz", gzip.compress(e)),
    ]


def test_everything_arrives_once(bucket: TestBucket, keys: list[str]) -> None:
    """All objects below a prefix are sent once; checkpoints are where no alarm counts."""
    bucket.put("tags/of-the-tags-function.jsonl.gz", gzip.compress(b'["aws_resource_info"]'))
    with Receiver() as receiver:
        first = run(bucket.where("failed/"), receiver.url)
        again = run(bucket.where(), receiver.url)
        assert hosts_in(receiver) == dict.fromkeys("abcde", SAMPLES_OF_A_POINT)
    assert (first.status, again.status) == (0, 0)
    assert (first.number("found"), again.number("found")) == (4, 4)
    assert again.number("sent before") == 4
    assert bucket.keys("failed/") == sorted(keys)
    assert bucket.keys("replay/") == sorted(f"replay/{key}.json" for key in keys)
    assert json.loads(bucket.get(f"replay/{keys[0]}.json"))["status"] == "sent"


def test_moving(bucket: TestBucket, keys: list[str]) -> None:
    """What is sent is copied to replayed/ under its key and deleted; what is left stays."""
    content = bucket.get(keys[0])
    broken = bucket.put(f"{FAILED}/9-broken", b'{"attemptsMade":1,"rawData":"')
    with Receiver() as receiver:
        ran = run(bucket.where("failed/"), receiver.url, "--done", "move")
        assert run(bucket.where(), receiver.url, "--done", "move").number("found") == 1
    assert ran.status == 1
    assert ran.number("left") == 1
    assert bucket.keys("failed/") == [broken]
    assert bucket.keys("replayed/") == sorted(f"replayed/{key}" for key in keys)
    assert bucket.get(f"replayed/{keys[0]}") == content
    assert "cut off" in str(json.loads(bucket.get(f"replay/{broken}.json"))["reasons"])


def test_pages(bucket: TestBucket) -> None:
    """Objects of several pages are all found, sorted by name."""
    for number in range(12):
        bucket.put(f"failed/{number:04d}", b"")
    source = Bucket(PagesOf(5, bucket.client), bucket.name, prefix="failed/")
    assert [found.name for found in source.objects()] == [f"failed/{n:04d}" for n in range(12)]


@pytest.mark.usefixtures("keys")
def test_checkpoints_elsewhere(bucket: TestBucket, tmp_path: Path) -> None:
    """--state keeps checkpoints in a folder of this machine, or below another prefix."""
    with Receiver() as receiver:
        for _ in range(2):
            ran = run(bucket.where("failed/"), receiver.url, "--state", str(tmp_path))
        assert ran.number("sent before") == 4
        assert bucket.keys() == bucket.keys("failed/")
        for _ in range(2):
            ran = run(bucket.where(), receiver.url, "--state", bucket.where("state"))
        assert (ran.number("found"), ran.number("sent before")) == (4, 4)
    assert len(bucket.keys("state/")) == 4


def test_no_such_bucket(bucket: TestBucket) -> None:
    """A bucket that does not exist is an error with S3's own code."""
    with Receiver() as receiver:
        ran = run("s3://no-such-bucket-anywhere/failed/", receiver.url)
        assert run("s3:///failed", receiver.url).status == 2
    assert bucket.keys() == []
    assert ran.status == 2
    assert "cannot list" in ran.progress
    assert "NoSuchBucket" in ran.progress
