"""A data transformation: Firehose invokes the function with each batch, and S3 is the destination.

"If your Lambda function invocation fails [...] retries the invocation three times by default. If
the invocation does not succeed, Amazon Data Firehose then skips that batch of records." A response
is final, whatever it says. The codes and messages are those of objects that Firehose has written.
"""

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

from testing.events.ingresses import transformation
from testing.firehose.backup import Backup, Batch
from testing.firehose.delivery import BatchResult
from testing.firehose.response import AttemptResult, ResponseClass
from testing.firehose.settings import Time

LAMBDA_ARN = "arn:aws:lambda:us-east-1:111122223333:function:metric-stream-lambda"

_NO_RESPONSE = AttemptResult(
    ResponseClass.FAILED,
    "Lambda.FunctionError",
    "The Lambda function was successfully invoked but it returned an error result.",
)
_MISSING_ID = AttemptResult(
    ResponseClass.FAILED, "Lambda.MissingRecordId", "One or more record Ids were not returned."
)
_RECORD_FAILED = AttemptResult(
    ResponseClass.FAILED,
    "Lambda.ProcessingFailedStatus",
    "ProcessingFailed status set for record",
)


class Transformation:
    """The processor of a stream.

    Args:
        function: Takes an event and returns the response; an exception is a failed invocation.
        backup: Where records go that are not processed.
        time: The stream's clock.
        retries: The processor's `NumberOfRetries`.
    """

    def __init__(
        self, function: Callable[[Any], Any], backup: Backup, time: Time, retries: int = 3
    ) -> None:
        self._function = function
        self._backup = backup
        self._time = time
        self._retries = retries

    def deliver(self, batch: Batch, stopping: threading.Event) -> BatchResult:
        """Invoke the function until it responds, or the retries are used up.

        AWS documents no pause between the invocations, so there is none.

        Args:
            batch: The records.
            stopping: Set when no further attempt is to be made.
        """
        event = transformation([record.data for record in batch], self._time.wall_ms())
        for attempt in range(1, self._retries + 2):
            if stopping.is_set():
                return BatchResult("abandoned", attempt - 1)
            try:
                response = self._function(event)
            except Exception:  # noqa: BLE001 - whatever leaves the function
                continue
            return self._settle(batch, event, response, attempt)
        self._backup.write(batch, _NO_RESPONSE, self._retries + 1)
        return BatchResult("backed up", self._retries + 1)

    def close(self) -> None:
        """Do nothing: there are no connections."""

    def _settle(self, batch: Batch, event: Any, response: Any, attempts: int) -> BatchResult:
        """Back up what the function did not process."""
        results = {answer["recordId"]: answer["result"] for answer in response["records"]}
        given = [record["recordId"] for record in event["records"]]
        if Counter(answer["recordId"] for answer in response["records"]) != Counter(given):
            failed, reason = batch, _MISSING_ID
        else:
            processed = ("Ok", "Dropped")
            pairs = zip(batch, given, strict=True)
            failed = tuple(record for record, id_ in pairs if results[id_] not in processed)
            reason = _RECORD_FAILED
        if not failed:
            return BatchResult("delivered", attempts)
        self._backup.write(failed, reason, attempts)
        return BatchResult("backed up", attempts)
