"""Backup objects, and notes, in S3."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from replay.errors import GoneError, StoreError, TakenError
from replay.stores import REPLAYED, Found, Note

if TYPE_CHECKING:
    from collections.abc import Iterator

# Not below failed/: the alarm about the backup counts what is written there.
NOTES = "replay/"
_SUFFIX = ".json"

_ERRORS = {
    "NoSuchKey": GoneError,
    # The two answers of a conditional write whose condition does not hold, or not any more.
    "PreconditionFailed": TakenError,
    "ConditionalRequestConflict": TakenError,
}


def new_client() -> Any:
    """
    Return a client for S3, with the credentials and the region of the environment.

    Raises:
        StoreError: There is no region, for instance.
    """
    try:
        return boto3.client(
            "s3", config=Config(retries={"mode": "standard", "total_max_attempts": 5})
        )
    except BotoCoreError as error:
        raise StoreError(f"cannot use S3: {error}") from error


class Bucket:
    """
    All objects of a bucket below a prefix.

    What has been put away, and notes, are no objects.

    Args:
        client: boto3's client for S3.
        name: The bucket.
        prefix: What the keys begin with; empty for all.
        leave_out: Prefixes of keys that are no objects either.
    """

    def __init__(
        self, client: Any, name: str, prefix: str, leave_out: tuple[str, ...] = ()
    ) -> None:
        self._client = client
        self._bucket = name
        self._prefix = prefix
        self._leave_out = (f"{REPLAYED}/", NOTES, *leave_out)
        self.where = f"s3://{name}/{prefix}"

    def objects(self) -> list[Found]:
        """Return all objects in the order of their keys."""
        found = [
            Found(item["Key"], item["Size"], item["LastModified"], item["ETag"].strip('"'))
            for item in _listed(self._client, self._bucket, self._prefix)
            # The console makes folders of empty objects.
            if not item["Key"].startswith(self._leave_out) and not item["Key"].endswith("/")
        ]
        return sorted(found, key=lambda one: one.name)

    def read(self, name: str) -> bytes:
        """Return an object."""
        with _told(f"cannot read {name}"):
            content: bytes = self._client.get_object(Bucket=self._bucket, Key=name)["Body"].read()
            return content

    def put_away(self, name: str) -> None:
        """Copy an object to the prefix `replayed/`, and delete it."""
        with _told(f"cannot move {name}"):
            self._client.copy_object(
                Bucket=self._bucket,
                Key=f"{REPLAYED}/{name}",
                CopySource={"Bucket": self._bucket, "Key": name},
            )
            self._client.delete_object(Bucket=self._bucket, Key=name)


class BucketNotes:
    """
    Notes as objects of a bucket, under a prefix and the keys of their objects.

    Args:
        client: boto3's client for S3.
        name: The bucket.
        prefix: What goes before the keys.
    """

    def __init__(self, client: Any, name: str, prefix: str = NOTES) -> None:
        self._client = client
        self._bucket = name
        self._prefix = prefix
        self.where = f"s3://{name}/{prefix}"

    def names(self) -> set[str]:
        """Return the keys of all objects with a note."""
        keys = [item["Key"] for item in _listed(self._client, self._bucket, self._prefix)]
        return {
            key.removeprefix(self._prefix).removesuffix(_SUFFIX)
            for key in keys
            if key.endswith(_SUFFIX)
        }

    def read(self, name: str) -> Note:
        """Return the note about an object."""
        with _told(f"cannot read the note about {name}"):
            answer = self._client.get_object(Bucket=self._bucket, Key=self._key(name))
            content: bytes = answer["Body"].read()
            return Note(content.decode("utf-8", "replace"), answer["ETag"])

    def write(self, name: str, text: str, before: str) -> str:
        """Write the note about an object, by a conditional write of S3."""
        condition = {"IfMatch": before} if before else {"IfNoneMatch": "*"}
        try:
            with _told(f"cannot write the note about {name}"):
                answer = self._client.put_object(
                    Bucket=self._bucket,
                    Key=self._key(name),
                    Body=text.encode(),
                    ContentType="application/json",
                    **condition,
                )
        except TakenError:
            # Our own, where the answer to it was lost and boto3 has asked again.
            note = self.read(name)
            if note.text != text:
                raise
            return note.version
        version: str = answer["ETag"]
        return version

    def _key(self, name: str) -> str:
        return f"{self._prefix}{name}{_SUFFIX}"


def _listed(client: Any, bucket: str, prefix: str) -> Iterator[dict[str, Any]]:
    with _told(f"cannot list s3://{bucket}/{prefix}"):
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            yield from page.get("Contents", ())


@contextlib.contextmanager
def _told(what: str) -> Iterator[None]:
    """Say what could not be done, where S3 or the way to it does not let it be done."""
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code")
        raise _ERRORS.get(code, StoreError)(f"{what}: {code}") from error
    except BotoCoreError as error:
        raise StoreError(f"{what}: {error}") from error
