"""Objects in a bucket of S3."""

import contextlib
from collections.abc import Iterator
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from replay.errors import ChangedError, GoneError, StoreError, TakenError
from replay.stores import REPLAYED, Content, StoredObject

# The codes of a conditional request whose condition does not hold.
_UNMET = ("PreconditionFailed", "ConditionalRequestConflict")


def new_client() -> Any:
    """Return boto3's client for S3, with the credentials and the region of the environment.

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
    """Objects of a bucket, except those that were moved away.

    Args:
        client: boto3's client for S3.
        bucket: The bucket.
        root: What the keys of all objects begin with; it is not a part of their names.
        prefix: What the names of the objects to list begin with; empty for all.
        excluded: What names that are not listed begin with.
    """

    def __init__(
        self,
        client: Any,
        bucket: str,
        *,
        root: str = "",
        prefix: str = "",
        excluded: tuple[str, ...] = (),
    ) -> None:
        self._client = client
        self._bucket = bucket
        self._root = root
        self._prefix = prefix
        self._excluded = (f"{REPLAYED}/", *excluded)

    def objects(self) -> list[StoredObject]:
        """Return the objects, sorted by name."""
        prefix = f"{self._root}{self._prefix}"
        paginator = self._client.get_paginator("list_objects_v2")
        with _errors(f"list s3://{self._bucket}/{prefix}"):
            pages = list(paginator.paginate(Bucket=self._bucket, Prefix=prefix))
        found = [
            StoredObject(
                item["Key"].removeprefix(self._root),
                item["Size"],
                item["LastModified"],
                item["ETag"].strip('"'),
            )
            for page in pages
            for item in page.get("Contents", ())
        ]
        return sorted(filter(self._is_listed, found), key=lambda one: one.name)

    def read(self, name: str, identity: str = "") -> Content:
        """Return the content of an object."""
        key = f"{self._root}{name}"
        condition = {"IfMatch": f'"{identity}"'} if identity else {}
        with _errors(f"read {key}", unmet=ChangedError):
            response = self._client.get_object(Bucket=self._bucket, Key=key, **condition)
            return Content(response["Body"].read(), response["ETag"])

    def write(self, name: str, data: bytes, replaces: str) -> str:
        """Write an object, by a conditional write of S3."""
        key = f"{self._root}{name}"
        condition = {"IfMatch": replaces} if replaces else {"IfNoneMatch": "*"}
        try:
            with _errors(f"write the checkpoint {key}"):
                response = self._client.put_object(
                    Bucket=self._bucket,
                    Key=key,
                    Body=data,
                    ContentType="application/json",
                    **condition,
                )
        except TakenError:
            # It may be our own: boto3 repeats a write whose response was lost.
            stored = self.read(name)
            if stored.data != data:
                raise
            return stored.version
        return str(response["ETag"])

    def move_away(self, found: StoredObject) -> None:
        """Copy an object to the prefix `replayed/`, and delete it, both by conditional requests."""
        source = {"Bucket": self._bucket, "Key": f"{self._root}{found.name}"}
        version = f'"{found.identity}"'
        with _errors(f"move {found.name}", unmet=ChangedError):
            self._client.copy_object(
                Bucket=self._bucket,
                Key=f"{REPLAYED}/{found.name}",
                CopySource=source,
                CopySourceIfMatch=version,
            )
            self._client.delete_object(**source, IfMatch=version)

    def _is_listed(self, found: StoredObject) -> bool:
        # The console makes folders of empty objects.
        return not found.name.startswith(self._excluded) and not found.name.endswith("/")


@contextlib.contextmanager
def _errors(action: str, unmet: type[ChangedError | TakenError] = TakenError) -> Iterator[None]:
    """Raise a StoreError that names the action instead of an error of boto3.

    Args:
        action: What is tried.
        unmet: What to raise where the request's condition does not hold.
    """
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code")
        if code in _UNMET:
            raise unmet(action) from error
        kind = GoneError if code == "NoSuchKey" else StoreError
        raise kind(f"cannot {action}: {code}") from error
    except BotoCoreError as error:
        raise StoreError(f"cannot {action}: {error}") from error
