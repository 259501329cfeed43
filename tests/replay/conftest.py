"""S3 on loopback, for the tests of a module, and a backup in a folder."""

import gzip
import uuid
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from testing.aws_environment import environment_for
from tests.support.backups import (
    FAILED,
    MANY_HOSTS,
    failed_line,
    failed_object,
    records_of_hosts,
    write,
)
from tests.support.buckets import TestBucket
from tests.support.secret_stores import Stores, aim_at, running_stores


@pytest.fixture(scope="module")
def s3() -> Iterator[Stores]:
    """Run S3 for the tests of a module."""
    with running_stores() as stores:
        yield stores


@pytest.fixture
def bucket(s3: Stores, monkeypatch: pytest.MonkeyPatch) -> TestBucket:
    """Make a bucket of the test's own, at which this process's boto3 is aimed."""
    aim_at(s3.url, monkeypatch)
    name = f"backup-{uuid.uuid4()}"
    client = boto3.client("s3")
    client.create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    return TestBucket(client, name, environment_for(s3.url))


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    """Make a backup with an object of each form, hosts a to f."""
    root = tmp_path / "backup"
    a, b, c, d, e, f = records_of_hosts("abcdef")
    write(root / FAILED / "1-one.gz", gzip.compress(failed_object([a, b])))
    write(root / "failed/processing-failed/2026/11/20/14/2-two", failed_object([c], between=""))
    write(root / "all-data/2026/11/20/14/3-three.gz", gzip.compress(d + e))
    write(root / FAILED / "4-four", failed_line(f, 'said "no"', sound=False).encode())
    return root


@pytest.fixture(params=["folder", "bucket"])
def large_backup(request: pytest.FixtureRequest, bucket: TestBucket, tmp_path: Path) -> str:
    """Make a backup of two objects, each a batch of many requests; return its location."""
    records = records_of_hosts(MANY_HOSTS)
    objects = {"failed/1": failed_object(records[:30]), "failed/2": b"".join(records[30:])}
    for name, content in objects.items():
        if request.param == "bucket":
            bucket.put(name, content)
        else:
            write(tmp_path / "backup" / name, content)
    return bucket.where("failed/") if request.param == "bucket" else str(tmp_path / "backup")
