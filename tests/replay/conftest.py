"""S3 on loopback, for the whole process."""

import uuid
from collections.abc import Iterator

import boto3
import pytest

from tests.support.buckets import TestBucket
from tests.support.secret_stores import Stores, aim_at, environment_for, running_stores


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
