"""A bucket of a test in S3 on loopback."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class TestBucket:
    """A bucket of a test's own.

    Attributes:
        client: boto3's client.
        name: The bucket's name.
        environment: The variables with which boto3 finds it.
    """

    __test__ = False

    client: Any
    name: str
    environment: dict[str, str]

    def where(self, prefix: str = "") -> str:
        """Return the location of the objects below a prefix."""
        return f"s3://{self.name}/{prefix}"

    def put(self, key: str, content: bytes) -> str:
        """Write an object; return its key."""
        self.client.put_object(Bucket=self.name, Key=key, Body=content)
        return key

    def get(self, key: str) -> bytes:
        """Return an object."""
        content: bytes = self.client.get_object(Bucket=self.name, Key=key)["Body"].read()
        return content

    def keys(self, prefix: str = "") -> list[str]:
        """Return all keys below a prefix, sorted."""
        found = self.client.list_objects_v2(Bucket=self.name, Prefix=prefix)
        return [item["Key"] for item in found.get("Contents", ())]
