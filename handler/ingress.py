"""The ingresses: recognised by the shape of the event, each with its own form of answer.

Over HTTP (API Gateway REST and HTTP APIs, Function URL, load balancer) Firehose takes only status
200 with `{"requestId", "timestamp", "errorMessage"}` for success ("HTTP Endpoint Delivery Request
and Response Specifications"). A data transformation is answered record by record, and Firehose
repeats only an invocation that failed ("Transform source data", "Handle failure in data
transformation").
"""

import contextlib
import json
from http import HTTPStatus
from typing import Any, Protocol

from handler.delivery import (
    MAX_INFLATED_BYTES,
    Delivery,
    milliseconds,
    parse_body,
    parse_common_attributes,
    parse_record,
)
from handler.errors import BodyError, IngressError, UndeliveredError
from handler.result import DeliveryResult

_SMALL_BODY = 256 * 1024

_UNKNOWN = (
    "the event is neither an HTTP request (API Gateway, Function URL, load balancer) nor a "
    "Firehose data transformation"
)


class Ingress(Protocol):
    """A way in: parses its event, and answers in its own form.

    Attributes:
        is_http: Whether Firehose came over HTTP and may have sent an access key.
        request_id: Firehose's id of the request, as far as it is known yet.
        source_arn: The Firehose stream.
        access_key: What Firehose sent as its key; None where it sent none.
    """

    is_http: bool
    request_id: str
    source_arn: str
    access_key: str | None

    def parse(self, max_body_bytes: int = MAX_INFLATED_BYTES) -> Delivery:
        """Return the delivery in the event.

        Args:
            max_body_bytes: The largest size of an HTTP request's body, inflated.

        Raises:
            RequestError: The event does not hold one.
        """

    def answer(self, result: DeliveryResult, now_ms: int) -> dict[str, Any]:
        """Return what the Lambda invocation returns.

        Args:
            result: The result of the delivery.
            now_ms: The time since the epoch.

        Raises:
            UndeliveredError: The invocation has to fail, so that Firehose repeats it.
        """


def open_ingress(event: Any) -> Ingress:
    """Return the ingress that the event of a Lambda invocation came through.

    Raises:
        IngressError: It is none that is known.
    """
    if not isinstance(event, dict):
        raise IngressError(_UNKNOWN)
    if ("invocationId" in event or "deliveryStreamArn" in event) and isinstance(
        event.get("records"), list
    ):
        return TransformationIngress(event)
    if any(isinstance(event.get(key), dict) for key in ("headers", "multiValueHeaders")):
        return HttpIngress(event)
    if "httpMethod" in event or "http" in _object(event.get("requestContext")):
        return HttpIngress(event)
    raise IngressError(_UNKNOWN)


class HttpIngress:
    """API Gateway REST API (v1), HTTP API (v2), Function URL and load balancer."""

    is_http = True

    def __init__(self, event: dict[str, Any]) -> None:
        self._event = event
        self._headers = _lower_cased_headers(event)
        self.request_id = self._headers.get("x-amz-firehose-request-id", "")
        self.source_arn = self._headers.get("x-amz-firehose-source-arn", "")
        self.access_key = self._headers.get("x-amz-firehose-access-key") or None

    def parse(self, max_body_bytes: int = MAX_INFLATED_BYTES) -> Delivery:
        """Return the delivery in the request's body."""
        body = parse_body(self._event, max_body_bytes)
        # "requestId: [...] must match the request's": the header takes precedence.
        self.request_id = self.request_id or _text(body.get("requestId"))
        common = self._headers.get("x-amz-firehose-common-attributes")
        return Delivery(
            request_id=self.request_id,
            source_arn=self.source_arn,
            common=parse_common_attributes(common),
            records=tuple(parse_record(n, r) for n, r in enumerate(body["records"])),
            delivered_ms=milliseconds(body.get("timestamp")),
        )

    def answer(self, result: DeliveryResult, now_ms: int) -> dict[str, Any]:
        """Return an HTTP response with Firehose's JSON, never compressed."""
        content = {
            "requestId": self.request_id or self._request_id_in_body(),
            "timestamp": now_ms,
            "errorMessage": result.message,
        }
        answer: dict[str, Any] = {
            "statusCode": result.status,
            "headers": {"Content-Type": "application/json"},
            "body": json.dumps(content),
            "isBase64Encoded": False,
        }
        if "elb" in _object(self._event.get("requestContext")):
            answer["statusDescription"] = f"{result.status} {HTTPStatus(result.status).phrase}"
            if "multiValueHeaders" in self._event:
                # A target group with multi-value headers takes no other ones.
                answer["multiValueHeaders"] = {"Content-Type": ["application/json"]}
        return answer

    def _request_id_in_body(self) -> str:
        """Return the id in a body that has not been parsed because of another problem.

        Only a small body is parsed: a request without the access key must cost little, and
        Firehose sends the id in a header too.
        """
        with contextlib.suppress(BodyError):
            return _text(parse_body(self._event, _SMALL_BODY).get("requestId"))
        return ""


class TransformationIngress:
    """Firehose's data transformation: the event holds the records themselves."""

    is_http = False
    access_key: str | None = None

    def __init__(self, event: dict[str, Any]) -> None:
        self._event = event
        self.request_id = _text(event.get("invocationId"))
        self.source_arn = _text(event.get("deliveryStreamArn"))
        self._records = tuple(
            parse_record(n, r, keep_encoded=True) for n, r in enumerate(event["records"])
        )

    def parse(self, max_body_bytes: int = MAX_INFLATED_BYTES) -> Delivery:  # noqa: ARG002 - no body
        """Return the delivery of the event's own records."""
        arrivals = [
            milliseconds(record.get("approximateArrivalTimestamp"))
            for record in self._event["records"]
            if isinstance(record, dict)
        ]
        return Delivery(
            request_id=self.request_id,
            source_arn=self.source_arn,
            common=parse_common_attributes(None),
            records=self._records,
            delivered_ms=max((ms for ms in arrivals if ms is not None), default=None),
        )

    def answer(self, result: DeliveryResult, now_ms: int) -> dict[str, Any]:  # noqa: ARG002 - not dated
        """Return every record once, with its result.

        Raises:
            UndeliveredError: Another invocation may deliver the records. Firehose would never
                send a record again that is `ProcessingFailed`.
        """
        if result.status == HTTPStatus.SERVICE_UNAVAILABLE:
            raise UndeliveredError(result.message)
        answers = []
        for record in self._records:
            answer = {"recordId": record.record_id, "result": result.transform_result}
            if result.failed_records is None or record.number in result.failed_records:
                answer["result"] = "ProcessingFailed"
            elif result.transform_result == "Ok":
                answer["data"] = record.encoded
            answers.append(answer)
        return {"records": answers}


def _lower_cased_headers(event: dict[str, Any]) -> dict[str, str]:
    """Return the headers by lower-case name, from whichever of the two forms is there."""
    headers = {}
    for name, values in _object(event.get("multiValueHeaders")).items():
        if isinstance(values, list) and values and isinstance(values[-1], str):
            headers[name.lower()] = values[-1]
    for name, value in _object(event.get("headers")).items():
        if isinstance(value, str):
            headers[name.lower()] = value
    return headers


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
