"""The backup: a folder laid out as the bucket of this project's stack.

    failed/http-endpoint-failed/yyyy/MM/dd/HH/<stream>-1-yyyy-MM-dd-HH-mm-ss-<uuid>[.gz]
    failed/processing-failed/...

An object has one JSON line for each record. `failed/` is `ErrorOutputPrefix` of `template.yaml`.
"""

import gzip
import json
import uuid
from base64 import b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from testing.firehose.response import AttemptResult
from testing.firehose.settings import Time


@dataclass(frozen=True, slots=True)
class PutRecord:
    """One record of a producer.

    Attributes:
        data: Its bytes.
        arrival_ms: When it was put, in milliseconds since the epoch.
        sequence: Its number in the stream, from 0.
    """

    data: bytes
    arrival_ms: int
    sequence: int


Batch = tuple[PutRecord, ...]


class Backup:
    """Writes backup objects; several threads may do so at once.

    Args:
        folder: The bucket.
        stream: The stream's name.
        time: The clock of timestamps and names.
        compress: Whether objects are gzip, with the suffix `.gz`.
        careless: Write error messages as the example in Firehose's own documentation has them,
            with the quotes of the endpoint's response unescaped, so that a line is not JSON.
        lambda_arn: The function of a transformation; empty for an HTTP endpoint.
    """

    def __init__(
        self,
        folder: Path,
        stream: str,
        time: Time,
        *,
        compress: bool = True,
        careless: bool = False,
        lambda_arn: str = "",
    ) -> None:
        kind = "processing-failed" if lambda_arn else "http-endpoint-failed"
        self._folder = folder / "failed" / kind
        self._stream = stream
        self._time = time
        self._compress = compress
        self._careless = careless
        self._lambda_arn = lambda_arn

    def write(self, batch: Batch, result: AttemptResult, attempts: int) -> None:
        """Write the object of a batch that could not be delivered.

        Args:
            batch: The records.
            result: The result of the last attempt.
            attempts: The number of attempts.
        """
        now = datetime.now(UTC)
        name = f"{self._stream}-1-{now:%Y-%m-%d-%H-%M-%S}-{uuid.uuid4()}"
        path = self._folder / f"{now:%Y/%m/%d/%H}" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [self._line(record, result, attempts) for record in batch]
        content = "".join(f"{line}\n" for line in lines).encode()
        if self._compress:
            path = path.with_name(f"{name}.gz")
            content = gzip.compress(content, mtime=0)
        path.write_bytes(content)

    def _line(self, record: PutRecord, result: AttemptResult, attempts: int) -> str:
        """Return the line of one record, with the keys that Firehose's guide names."""
        line: dict[str, str | int] = {
            "attemptsMade": attempts,
            "arrivalTimestamp": record.arrival_ms,
            "errorCode": result.code,
            "errorMessage": result.message,
            "attemptEndingTimestamp": self._time.wall_ms(),
            "rawData": b64encode(record.data).decode(),
        }
        if self._lambda_arn:
            line["lambdaArn"] = self._lambda_arn
        else:
            line |= {"subsequenceNumber": 0, "dataId": f"49{record.sequence:054d}.0"}
        written = json.dumps(line)
        if self._careless:
            return written.replace(json.dumps(result.message), f'"{result.message}"')
        return written
