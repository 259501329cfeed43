"""The series of a sweep, kept in the backup bucket for the next one, which marks those that ended.

An object has a line of JSON for each series, and is compressed: 50,000 series of 10 tags take
less than 2 MB. The labels are those before EXTERNAL_LABELS and relabelling.
"""

import gzip
import hashlib
import io
import json
import zlib
from collections.abc import Iterator
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

from handler.secrets import error_code
from tags.errors import StateError
from tags.series import InfoSeries, Labels

# The level decides how long it takes, more than how small it gets.
_LEVEL = 3

# A bucket that hangs takes some 13 seconds; the sweep ends in time all the same, with its log line.
_CONFIG = Config(
    connect_timeout=2, read_timeout=4, retries={"mode": "standard", "total_max_attempts": 2}
)


class SentSeries:
    """The series of a sweep, each once, in the form in which they are kept."""

    def __init__(self) -> None:
        self._content = io.BytesIO()
        self._file = gzip.GzipFile(fileobj=self._content, mode="wb", compresslevel=_LEVEL, mtime=0)
        self._digests: set[bytes] = set()

    def __contains__(self, series: InfoSeries) -> bool:
        """Return whether a series is one of them."""
        return _digest(_line(series)) in self._digests

    def add(self, series: InfoSeries) -> bool:
        """Add a series; return False if it is one of them already."""
        line = _line(series)
        digest = _digest(line)
        if digest in self._digests:
            return False
        self._digests.add(digest)
        self._file.write(line)
        return True

    def content(self) -> bytes:
        """Return the object; nothing can be added any more."""
        self._file.close()
        return self._content.getvalue()


def series_in(content: bytes) -> Iterator[InfoSeries]:
    """Yield the series of an object.

    Raises:
        StateError: It is damaged.
    """
    try:
        # Without a single byte gzip finds no series, and no error.
        with gzip.GzipFile(fileobj=io.BytesIO(content or b"nothing")) as lines:
            yield from map(_series_in, lines)
    except (OSError, EOFError, zlib.error, ValueError, TypeError) as error:
        raise StateError(
            "the series of the last sweep are damaged, so those that have ended since are not "
            f"marked: {type(error).__name__}"
        ) from error


def _line(series: InfoSeries) -> bytes:
    *named, _ = series
    return json.dumps(named, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _digest(line: bytes) -> bytes:
    return hashlib.blake2b(line, digest_size=16).digest()


def _series_in(line: bytes) -> InfoSeries:
    """Return the series of a line.

    Raises:
        ValueError, TypeError: It has none.
    """
    name, account, region, labels, dimensions = json.loads(line)
    series = InfoSeries(name, account, region, _pairs(labels), _pairs(dimensions))
    if not all(isinstance(text, str) for text in series[:3]):
        raise TypeError
    return series


def _pairs(labels: list[list[str]]) -> Labels:
    pairs = tuple([(name, value) for name, value in labels])
    if not all(isinstance(text, str) for pair in pairs for text in pair):
        raise TypeError
    return pairs


def open_store(bucket: str, function: str) -> "SweepStore":
    """Return the object of a function's last sweep.

    Args:
        bucket: The backup bucket.
        function: The name of the function.
    """
    client = Session().create_client("s3", config=_CONFIG)
    return SweepStore(client, bucket, f"tags/{function}.jsonl.gz")


class SweepStore:
    """The object of the last sweep.

    Args:
        client: boto3's client for S3.
        bucket: The bucket.
        key: The key of the object.
    """

    def __init__(self, client: Any, bucket: str, key: str) -> None:
        self._client = client
        self._bucket = bucket
        self._key = key

    def read(self) -> bytes | None:
        """Return the object; None if there is none.

        Raises:
            StateError: It cannot be read.
        """
        try:
            response = self._client.get_object(Bucket=self._bucket, Key=self._key)
            return bytes(response["Body"].read())
        except (ClientError, BotoCoreError) as error:
            if error_code(error) == "NoSuchKey":
                return None
            raise self._error("read", "s3:GetObject", error) from error

    def write(self, content: bytes) -> None:
        """Replace the object.

        Raises:
            StateError: It cannot be written.
        """
        try:
            self._client.put_object(Bucket=self._bucket, Key=self._key, Body=content)
        except (ClientError, BotoCoreError) as error:
            raise self._error("write", "s3:PutObject", error) from error

    def _error(self, action: str, permission: str, error: Exception) -> StateError:
        return StateError(
            f"cannot {action} s3://{self._bucket}/{self._key} ({permission}), so series that have "
            f"ended are not marked: {error_code(error)}"
        )
