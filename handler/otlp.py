"""OTLP over HTTP: the headers of its requests, and what the responses mean.

"OTLP Specification", section "OTLP/HTTP Response".
"""

from collections.abc import Mapping

from google.protobuf.json_format import Parse, ParseError
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsPartialSuccess,
    ExportMetricsServiceResponse,
)

from converters.otlp.bodies import OtlpBodies
from handler.client import ListenerResponse
from handler.verdict import Reason, Verdict, reason_in, refused_by_reason, verdict_on

# "Retryable Response Codes": after all others "the client MUST NOT retry".
_RETRYABLE = (429, 502, 503, 504)


class Otlp:
    """OTLP over HTTP, in protobuf.

    Args:
        gzip: Whether the bodies are compressed.
    """

    def __init__(self, *, gzip: bool) -> None:
        self.bodies = OtlpBodies(compressed=gzip)
        self.headers: Mapping[str, str] = {
            "Content-Type": "application/x-protobuf",
            **({"Content-Encoding": "gzip"} if gzip else {}),
        }

    def read(self, response: ListenerResponse) -> ListenerResponse:
        """Return a response with its message as text, and what it says of refused data points.

        "If the request is only partially accepted [...] the server MUST initialize the
        `partial_success` field", of a response of 200. A failure's body is a `Status`.
        """
        accepts = 200 <= response.status < 300
        try:
            if response.content and accepts:
                success = ExportMetricsServiceResponse.FromString(response.content).partial_success
                return _with_success(response, success)
            if response.content:
                # google.rpc.Status {int32 code = 1, string message = 2} has the same wire format.
                status = ExportMetricsPartialSuccess.FromString(response.content)
                return response._replace(text=status.error_message)
            if accepts and response.text.lstrip().startswith("{"):
                # Some servers write JSON, whatever the request is in.
                found = ExportMetricsServiceResponse()
                Parse(response.text, found, ignore_unknown_fields=True)
                return _with_success(response, found.partial_success)
        except (DecodeError, ParseError):
            return response._replace(refused=None) if accepts else response
        return response

    def verdict_on(self, response: ListenerResponse) -> Verdict:
        """Return what a response means.

        The words of a refusal are those of the same servers as with remote write, so that they
        mean the same.
        """
        if 200 <= response.status < 300:
            if response.refused != 0:
                return Verdict.SETTLED
            if response.text.lstrip().startswith("<"):
                # A page of HTML is no OTLP server's.
                return Verdict.MISDIRECTED
            return Verdict.ACCEPTED
        verdict = verdict_on(response.status, response.text)
        if verdict is Verdict.UNAVAILABLE and response.status not in _RETRYABLE:
            return Verdict.FAILED
        return verdict

    def refused(self, response: ListenerResponse, samples: int) -> Mapping[Reason, int] | None:
        """Return how many data points a listener has refused; None where it does not say."""
        if response.status >= 300:
            return refused_by_reason(response.text, samples)
        if response.refused is None:
            return None
        return {reason_in(response.text): min(response.refused, samples)}


def _with_success(
    response: ListenerResponse, success: ExportMetricsPartialSuccess
) -> ListenerResponse:
    refused = max(0, success.rejected_data_points)
    if refused:
        return response._replace(text=success.error_message, refused=refused)
    # "Servers MAY also use the `partial_success` field to convey warnings/suggestions to senders
    # even when the server fully accepts the request."
    return response._replace(text="", warning=success.error_message)
