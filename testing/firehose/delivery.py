"""The delivery of a batch to an HTTP endpoint: attempts, backoff, and finally the backup."""

import gzip
import random
import threading
import uuid
from dataclasses import dataclass

import urllib3
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, SSLError
from urllib3.exceptions import TimeoutError as UrllibTimeoutError
from urllib3.util import SKIP_HEADER

from testing.events.firehose import delivery_body, headers
from testing.firehose.backup import Backup, Batch
from testing.firehose.response import (
    MAX_RESPONSE_BYTES,
    AttemptResult,
    ResponseClass,
    classify,
    failed,
)
from testing.firehose.settings import StreamSettings, Time, backoff_seconds


@dataclass(frozen=True, slots=True)
class BatchResult:
    """How a batch ended.

    Attributes:
        outcome: `delivered`, `discarded`, `backed up`, or `abandoned` where the stream was
            stopped before.
        attempts: The number of requests.
    """

    outcome: str
    attempts: int


class HttpDestination:
    """An HTTP endpoint with its backup.

    Args:
        settings: The stream's configuration.
        backup: Where batches go that cannot be delivered.
        time: The stream's clock.
        chance: The source of request ids and jitter.
    """

    def __init__(
        self, settings: StreamSettings, backup: Backup, time: Time, chance: random.Random
    ) -> None:
        self._settings = settings
        self._backup = backup
        self._time = time
        self._chance = chance
        self._connections = urllib3.PoolManager(maxsize=settings.parallel)

    def deliver(self, batch: Batch, stopping: threading.Event) -> BatchResult:
        """Deliver a batch, with retries until the retry duration is over.

        The duration counts from the first failure; the last attempt is made when it ends.

        Args:
            batch: The records.
            stopping: Set when no further attempt is to be made.
        """
        request_id = str(uuid.UUID(int=self._chance.getrandbits(128), version=4))
        sent_headers, body = self._request(batch, request_id)
        attempts, until = 0, None
        while not stopping.is_set():
            result = self._attempt(sent_headers, body, request_id)
            attempts += 1
            if result.response_class is not ResponseClass.FAILED:
                return BatchResult(result.response_class.value, attempts)
            now = self._time.now()
            if until is None:
                until = now + self._settings.retry_seconds
            if now >= until:
                self._backup.write(batch, result, attempts)
                return BatchResult("backed up", attempts)
            delay = min(backoff_seconds(attempts, self._chance), until - now)
            self._time.wait(stopping, delay)
        return BatchResult("abandoned", attempts)

    def close(self) -> None:
        """Close the connections to the endpoint."""
        self._connections.clear()

    def _request(self, batch: Batch, request_id: str) -> tuple[dict[str, str], bytes]:
        """Return headers and body of a delivery, which are the same at each attempt."""
        settings = self._settings
        records = [record.data for record in batch]
        body = delivery_body(records, request_id, self._time.wall_ms()).encode()
        made = headers(request_id, settings.access_key, settings.common_attributes)
        arn = made["X-Amz-Firehose-Source-Arn"]
        made["X-Amz-Firehose-Source-Arn"] = f"{arn.rpartition('/')[0]}/{settings.name}"
        if settings.gzip:
            body = gzip.compress(body, mtime=0)
            made["Content-Encoding"] = "gzip"
        return {**made, "Accept-Encoding": SKIP_HEADER}, body

    def _attempt(self, sent_headers: dict[str, str], body: bytes, request_id: str) -> AttemptResult:
        """Send a request once, and classify the response. A redirect is not followed."""
        try:
            response = self._connections.request(
                "POST",
                self._settings.url,
                body=body,
                headers=sent_headers,
                timeout=self._settings.attempt_seconds,
                redirect=False,
                retries=False,
                preload_content=False,
            )
            try:
                content = response.read(MAX_RESPONSE_BYTES + 1, decode_content=False)
                received = {name.lower(): value for name, value in response.headers.items()}
            finally:
                response.release_conn()
        except SSLError:
            return failed("SSLHandshakeFailure", "Could not complete an SSL handshake.")
        except (NewConnectionError, ConnectTimeoutError):
            return failed("ConnectionFailed", "Could not connect to the endpoint.")
        except UrllibTimeoutError:
            return failed("RequestTimeout", "The request took longer than the timeout.")
        except HTTPError:
            return failed("ConnectionReset", "The connection to the endpoint was reset.")
        return classify(response.status, received, content, request_id)
