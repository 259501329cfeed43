"""A stand-in of what a sweep reads, shared by the tests of this folder."""

import time
import uuid
from collections.abc import Iterator

import boto3
import pytest

from testing.aws_environment import REGION, environment_for
from testing.object_store import ObjectStore
from testing.tagging_api import OWN_ACCOUNT, Fleet, TaggingApi
from tests.support.buckets import TestBucket
from tests.support.secret_stores import serving_moto
from tests.support.sweeping import Listener


@pytest.fixture(scope="session")
def running_aws() -> Iterator[TaggingApi]:
    """Run the stand-in for all tests."""
    with TaggingApi({}) as aws:
        yield aws


@pytest.fixture
def aws(running_aws: TaggingApi, monkeypatch: pytest.MonkeyPatch) -> TaggingApi:
    """Give the stand-in with one empty account, as what botocore asks."""
    for name, value in environment_for(running_aws.url).items():
        monkeypatch.setenv(name, value)
    running_aws.reset({OWN_ACCOUNT: Fleet()})
    return running_aws


@pytest.fixture
def backoffs(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let botocore's retries follow at once; return the waits in seconds, in order."""
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    return waits


@pytest.fixture(scope="session")
def s3_url() -> Iterator[str]:
    """Run S3 for all tests."""
    with serving_moto(lambda application: application) as url:
        yield url


@pytest.fixture
def bucket(s3_url: str, aws: TaggingApi, monkeypatch: pytest.MonkeyPatch) -> TestBucket:
    """Make a bucket of the test's own, which is the backup bucket of the tags function."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3_url)
    environment = environment_for(aws.url) | {"AWS_ENDPOINT_URL_S3": s3_url}
    name = f"backup-{uuid.uuid4()}"
    client = boto3.client("s3")
    client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    return TestBucket(client, name, environment)


@pytest.fixture(scope="session")
def running_store() -> Iterator[ObjectStore]:
    """Run a stand-in of S3 for all tests."""
    with ObjectStore() as store:
        yield store


@pytest.fixture
def store(running_store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    """Give the stand-in without objects; any bucket is the backup bucket of the tags function."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", running_store.url)
    running_store.objects, running_store.refused = {}, ""
    return running_store


@pytest.fixture
def listener() -> Iterator[Listener]:
    """Run a listener that accepts everything."""
    with Listener() as receiver:
        yield receiver
        assert not receiver.violations
