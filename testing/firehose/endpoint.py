"""One delivery as an HTTP request, and the answer to it."""

import gzip
from collections.abc import Mapping
from dataclasses import dataclass

import urllib3
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, SSLError
from urllib3.exceptions import TimeoutError as UrllibTimeoutError
from urllib3.util import SKIP_HEADER

from testing.events.firehose import delivery_body, headers
from testing.firehose.buffer import Batch
from testing.firehose.judge import MAX_ANSWER_BYTES, Verdict, failed, judge
from testing.firehose.settings import StreamSettings


@dataclass(frozen=True, slots=True)
class Request:
    """A delivery as it is sent, the same at each attempt.

    Attributes:
        id: Firehose's id of it.
        headers: All headers but those of the connection.
        body: JSON, or gzip of it.
    """

    id: str
    headers: Mapping[str, str]
    body: bytes


def make_request(
    batch: Batch, settings: StreamSettings, request_id: str, timestamp_ms: int
) -> Request:
    """Put a batch into a request.

    Args:
        batch: The records.
        settings: Access key, common attributes and content encoding.
        request_id: The id that it gets.
        timestamp_ms: When it is made, in milliseconds since the epoch.
    """
    content = delivery_body([record.data for record in batch], request_id, timestamp_ms).encode()
    made = headers(request_id, settings.access_key, settings.common_attributes)
    made["X-Amz-Firehose-Source-Arn"] = stream_arn(made["X-Amz-Firehose-Source-Arn"], settings.name)
    if settings.gzip:
        content = gzip.compress(content, mtime=0)
        made["Content-Encoding"] = "gzip"
    return Request(request_id, made, content)


def stream_arn(sample: str, name: str) -> str:
    """Give the ARN of a stream in the account and region of another stream's."""
    return f"{sample.rpartition('/')[0]}/{name}"


class Endpoint:
    """Where a stream delivers to.

    Args:
        settings: URL, and how long to wait for an answer.
    """

    def __init__(self, settings: StreamSettings) -> None:
        self._url = settings.url
        self._timeout = settings.attempt_seconds
        self._connections = urllib3.PoolManager(maxsize=settings.parallel)

    def attempt(self, request: Request) -> Verdict:
        """Send a request once, and judge what comes. A redirect is an answer, never followed."""
        try:
            response = self._connections.request(
                "POST",
                self._url,
                body=request.body,
                headers={**request.headers, "Accept-Encoding": SKIP_HEADER},
                timeout=self._timeout,
                redirect=False,
                retries=False,
                preload_content=False,
            )
            try:
                body = response.read(MAX_ANSWER_BYTES + 1, decode_content=False)
                received = {name.lower(): value for name, value in response.headers.items()}
            finally:
                response.release_conn()
        except HTTPError as error:
            return _judge_failure(error)
        return judge(response.status, received, body, request.id)

    def close(self) -> None:
        """Close all connections."""
        self._connections.clear()


def _judge_failure(error: HTTPError) -> Verdict:
    """Judge an attempt to which there was no whole answer."""
    if isinstance(error, SSLError):
        return failed("SSLHandshakeFailure", "Could not complete an SSL handshake.")
    if isinstance(error, NewConnectionError | ConnectTimeoutError):
        return failed("ConnectionFailed", "Could not connect to the endpoint.")
    if isinstance(error, UrllibTimeoutError):
        return failed("RequestTimeout", "The request took longer than the timeout.")
    return failed("ConnectionReset", "The connection to the endpoint was reset.")
