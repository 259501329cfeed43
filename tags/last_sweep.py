"""The series of a sweep, kept in the backup bucket for the next one, which marks those that ended.

An object has a line for each series, with the time of its last sample in ms since the epoch and the
series in JSON, and is compressed: 50,000 series of 10 tags take less than 2 MB. The labels are
those before EXTERNAL_LABELS and relabelling.
"""

import gzip
import hashlib
import io
import json
import zlib
from collections.abc import Callable, Iterator
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


def _as_it_is(series: InfoSeries) -> InfoSeries:
    return series


class SentSeries:
    """The series of a sweep, each once, in the form in which they are kept.

    Args:
        as_sent: Returns what the listener gets a series as.
    """

    def __init__(self, as_sent: Callable[[InfoSeries], InfoSeries] = _as_it_is) -> None:
        self._as_sent = as_sent
        self._content = io.BytesIO()
        self._file = gzip.GzipFile(fileobj=self._content, mode="wb", compresslevel=_LEVEL, mtime=0)
        self._digests: set[bytes] = set()

    def __contains__(self, series: InfoSeries) -> bool:
        """Return whether a series is one of them for the listener."""
        return _digest(_json(self._as_sent(series))) in self._digests

    def add(self, series: InfoSeries, time_ms: int) -> bool:
        """Add a series; return False if it is one of them already.

        Args:
            series: The series.
            time_ms: The time of its last sample, in ms since the epoch.
        """
        text = _json(series)
        digest = _digest(text)
        if digest in self._digests:
            return False
        as_sent = self._as_sent(series)
        self._digests |= {digest, digest if as_sent is series else _digest(_json(as_sent))}
        self._file.write(b"%d\t%b\n" % (time_ms, text))
        return True

    def content(self) -> bytes:
        """Return the object; nothing can be added any more."""
        self._file.close()
        return self._content.getvalue()


def series_in(content: bytes) -> Iterator[tuple[int, InfoSeries]]:
    """Yield the series of an object, each behind the time of its last sample.

    Raises:
        StateError: It is damaged.
    """
    try:
        # Without a single byte gzip finds no series, and no error.
        with gzip.GzipFile(fileobj=io.BytesIO(content or b"nothing")) as lines:
            yield from map(_series_in, lines)
    except (OSError, EOFError, zlib.error, ValueError, TypeError, RecursionError) as error:
        raise StateError(
            "the series of the last sweep are damaged, so those that have ended since are not "
            f"marked: {type(error).__name__}"
        ) from error


def _json(series: InfoSeries) -> bytes:
    *named, _ = series
    return json.dumps(named, ensure_ascii=False, separators=(",", ":")).encode()


def _digest(text: bytes) -> bytes:
    return hashlib.blake2b(text, digest_size=16).digest()


def _series_in(line: bytes) -> tuple[int, InfoSeries]:
    """Return the time and the series of a line.

    Raises:
        ValueError, TypeError, RecursionError: It has none.
    """
    time_ms, _, text = line.partition(b"\t")
    name, account, region, labels, dimensions = json.loads(text)
    series = InfoSeries(name, account, region, _pairs(labels), _pairs(dimensions))
    if not all(isinstance(text, str) for text in series[:3]):
        raise TypeError
    return int(time_ms), series


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
