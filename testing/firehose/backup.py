"""The backup: a folder laid out as the bucket of this project's stack.

    failed/<type>/yyyy/MM/dd/HH/<stream>-1-yyyy-MM-dd-HH-mm-ss-<uuid>[.gz]    one JSON line a record
    all-data/yyyy/MM/dd/HH/<stream>-1-yyyy-MM-dd-HH-mm-ss-<uuid>[.gz]         the records, one
                                                                              behind the other

The first is `ErrorOutputPrefix`, the second `Prefix` of `template.yaml`.
"""

import gzip
import json
import random
import uuid
from base64 import b64encode
from datetime import UTC, datetime
from pathlib import Path

from testing.firehose.buffer import Batch, Record
from testing.firehose.judge import Verdict
from testing.firehose.settings import Time

HTTP_ENDPOINT_FAILED = "http-endpoint-failed"
PROCESSING_FAILED = "processing-failed"


class Backup:
    """Writes backup objects; several threads may do so at once.

    Args:
        folder: The bucket.
        stream: The stream's name.
        time: For time stamps and names.
        compress: Whether objects are gzip, with the ending `.gz`.
        careless: Write error messages as the example in Firehose's own documentation has them,
            with the quotes of the endpoint's answer unescaped, so that a line is no JSON.
    """

    def __init__(
        self,
        folder: Path,
        stream: str,
        time: Time,
        *,
        compress: bool = True,
        careless: bool = False,
    ) -> None:
        self._folder = folder
        self._stream = stream
        self._time = time
        self._compress = compress
        self._careless = careless

    def failed(
        self, batch: Batch, verdict: Verdict, attempts: int, *, lambda_arn: str = ""
    ) -> Path:
        """Write the object of a batch that was given up.

        Args:
            batch: The records.
            verdict: On the last attempt.
            attempts: How many there were.
            lambda_arn: The function whose transformation failed; empty where the endpoint did.

        Returns:
            Where it is.
        """
        kind = PROCESSING_FAILED if lambda_arn else HTTP_ENDPOINT_FAILED
        ended = self._time.wall_ms()
        lines = [self._line(record, verdict, attempts, ended, lambda_arn) for record in batch]
        return self._write(f"failed/{kind}", "".join(f"{line}\n" for line in lines).encode())

    def everything(self, batch: Batch) -> Path:
        """Write the object that `S3BackupMode=AllData` makes of a batch; give where it is."""
        return self._write("all-data", b"".join(record.data for record in batch))

    def _line(
        self, record: Record, verdict: Verdict, attempts: int, ended_ms: int, lambda_arn: str
    ) -> str:
        """Write the line of one record, with the keys that Firehose's guide names."""
        line = {
            "attemptsMade": attempts,
            "arrivalTimestamp": record.arrival_ms,
            "errorCode": verdict.code,
            "errorMessage": verdict.message,
            "attemptEndingTimestamp": ended_ms,
            "rawData": b64encode(record.data).decode(),
        }
        if lambda_arn:
            line["lambdaArn"] = lambda_arn
        else:
            line |= {"subsequenceNumber": 0, "dataId": f"49{record.sequence:054d}.0"}
        written = json.dumps(line)
        if self._careless:
            return written.replace(json.dumps(verdict.message), f'"{verdict.message}"')
        return written

    def _write(self, prefix: str, content: bytes) -> Path:
        now = datetime.fromtimestamp(self._time.wall(), UTC)
        name = f"{self._stream}-1-{now:%Y-%m-%d-%H-%M-%S}-{uuid.uuid4()}"
        path = self._folder / prefix / f"{now:%Y/%m/%d/%H}" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if self._compress:
            path = path.with_name(f"{name}.gz")
            content = gzip.compress(content, mtime=0)
        path.write_bytes(content)
        return path


def new_request_id(chance: random.Random) -> str:
    """Make up the id of a request, a GUID."""
    return str(uuid.UUID(int=chance.getrandbits(128), version=4))
