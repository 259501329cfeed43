"""A stand-in of what a sweep reads, shared by the tests of this folder."""

import time
from collections.abc import Iterator

import pytest

from testing.aws_environment import environment_for
from testing.tagging_api import OWN_ACCOUNT, Fleet, TaggingApi


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
