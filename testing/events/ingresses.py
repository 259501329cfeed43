"""The Lambda events that AWS's ingresses make of one HTTP request, and Firehose's own event.

The functions for an ingress take the same arguments: headers, whose case only a REST API keeps;
the body; `base64`, whether the ingress encodes the body, without which bytes that are not text are
destroyed; and when the request came, in milliseconds since the epoch.
"""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from testing.events.firehose import STREAM_ARN, USER_AGENT
from testing.events.fleet import END_MS, MINUTE_MS, MONITORING_ACCOUNT, REGION

Event = dict[str, Any]

SENT_MS = END_MS + 2 * MINUTE_MS
"""When Firehose sent the deliveries in the tree, in milliseconds since the epoch."""

_PATH = "/"
_SOURCE_IP = "192.0.2.10"
_API_ID = "sampleapi1"
_API_HOST = f"{_API_ID}.execute-api.{REGION}.amazonaws.com"
_API_REQUEST_ID = "SampleApiRequest="
_UUID = "00000000-0000-4000-8000-000000000001"
_TARGET_GROUP = (
    f"arn:aws:elasticloadbalancing:{REGION}:{MONITORING_ACCOUNT}"
    ":targetgroup/sample-targets/0000000000000001"
)
_NO_IDENTITY = (
    "accessKey",
    "accountId",
    "caller",
    "cognitoAuthenticationProvider",
    "cognitoAuthenticationType",
    "cognitoIdentityId",
    "cognitoIdentityPoolId",
    "principalOrgId",
    "user",
    "userArn",
)


def rest_v1(
    headers: Mapping[str, str],
    body: str | bytes,
    *,
    base64: bool = False,
    timestamp_ms: int = SENT_MS,
) -> Event:
    """Return the event of an API Gateway REST API, with each header in both places."""
    received = _received(headers, body, _API_HOST, timestamp_ms)
    return {
        "resource": _PATH,
        "path": _PATH,
        "httpMethod": "POST",
        "headers": received,
        "multiValueHeaders": {name: [value] for name, value in received.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": _rest_context(timestamp_ms),
        **_body(body, base64=base64),
    }


def http_api_v2(
    headers: Mapping[str, str],
    body: str | bytes,
    *,
    base64: bool = False,
    timestamp_ms: int = SENT_MS,
) -> Event:
    """Return the event of an API Gateway HTTP API, payload format 2.0."""
    event = _payload_v2(headers, body, _API_HOST, f"POST {_PATH}", timestamp_ms)
    event["requestContext"]["accountId"] = MONITORING_ACCOUNT
    event["requestContext"]["requestId"] = _API_REQUEST_ID
    return event | _body(body, base64=base64)


def function_url(
    headers: Mapping[str, str],
    body: str | bytes,
    *,
    base64: bool = False,
    timestamp_ms: int = SENT_MS,
) -> Event:
    """Return the event of a Lambda function URL without IAM authentication."""
    host = f"sampleurlid.lambda-url.{REGION}.on.aws"
    event = _payload_v2(headers, body, host, "$default", timestamp_ms)
    return event | _body(body, base64=base64)


def alb(
    headers: Mapping[str, str],
    body: str | bytes,
    *,
    base64: bool = False,
    timestamp_ms: int = SENT_MS,
    multi_value: bool = False,
) -> Event:
    """Return the event of an application load balancer.

    With `multi_value`, as the target group's setting is called, it has `multiValueHeaders` instead
    of `headers`.
    """
    received = _lower(_received(headers, body, "metrics.example.com", timestamp_ms))
    event: Event = {
        "requestContext": {"elb": {"targetGroupArn": _TARGET_GROUP}},
        "httpMethod": "POST",
        "path": _PATH,
    }
    if multi_value:
        event["multiValueQueryStringParameters"] = {}
        event["multiValueHeaders"] = {name: [value] for name, value in received.items()}
    else:
        event["queryStringParameters"] = {}
        event["headers"] = received
    return event | _body(body, base64=base64)


def transformation(records: Sequence[bytes], timestamp_ms: int = SENT_MS) -> Event:
    """Return the event of Firehose's data transformation.

    Args:
        records: The raw records, each of which gets an id of 56 digits, as Firehose's have.
        timestamp_ms: When the last of them arrived, in milliseconds since the epoch.
    """
    return {
        "invocationId": _UUID,
        "deliveryStreamArn": STREAM_ARN,
        "region": REGION,
        "records": [
            {
                "recordId": f"49{number:054d}",
                "approximateArrivalTimestamp": timestamp_ms - 1_000 * (len(records) - number),
                "data": b64encode(record).decode(),
            }
            for number, record in enumerate(records, start=1)
        ],
    }


def _payload_v2(
    headers: Mapping[str, str], body: str | bytes, host: str, route: str, timestamp_ms: int
) -> Event:
    """Return what the events of HTTP APIs and function URLs share: all but the body."""
    received = _lower(_received(headers, body, host, timestamp_ms))
    return {
        "version": "2.0",
        "routeKey": route,
        "rawPath": _PATH,
        "rawQueryString": "",
        "headers": received,
        "requestContext": {
            "accountId": "anonymous",
            "apiId": host.partition(".")[0],
            "domainName": host,
            "domainPrefix": host.partition(".")[0],
            "http": {
                "method": "POST",
                "path": _PATH,
                "protocol": "HTTP/1.1",
                "sourceIp": _SOURCE_IP,
                "userAgent": received.get("user-agent", USER_AGENT),
            },
            "requestId": _UUID,
            "routeKey": route,
            "stage": "$default",
            "time": _clock(timestamp_ms),
            "timeEpoch": timestamp_ms,
        },
    }


def _rest_context(timestamp_ms: int) -> Event:
    """Return the request context of a REST API."""
    identity: Event = dict.fromkeys(_NO_IDENTITY)
    return {
        "accountId": MONITORING_ACCOUNT,
        "apiId": _API_ID,
        "deploymentId": "sample",
        "domainName": _API_HOST,
        "domainPrefix": _API_ID,
        "extendedRequestId": _API_REQUEST_ID,
        "httpMethod": "POST",
        "identity": identity | {"sourceIp": _SOURCE_IP, "userAgent": USER_AGENT},
        "path": "/prod" + _PATH,
        "protocol": "HTTP/1.1",
        "requestId": _UUID,
        "requestTime": _clock(timestamp_ms),
        "requestTimeEpoch": timestamp_ms,
        "resourceId": "sample0001",
        "resourcePath": _PATH,
        "stage": "prod",
    }


def _received(
    headers: Mapping[str, str], body: str | bytes, host: str, timestamp_ms: int
) -> dict[str, str]:
    """Add the headers that depend on the body and on the way to the function."""
    length = len(body.encode() if isinstance(body, str) else body)
    return {
        **headers,
        "Content-Length": str(length),
        "Host": host,
        "X-Amzn-Trace-Id": f"Root=1-{timestamp_ms // 1_000:08x}-000000000000000000000001",
        "X-Forwarded-For": _SOURCE_IP,
        "X-Forwarded-Port": "443",
        "X-Forwarded-Proto": "https",
    }


def _body(body: str | bytes, *, base64: bool) -> Event:
    """Return the two fields that contain the body."""
    raw = body.encode() if isinstance(body, str) else body
    text = b64encode(raw).decode() if base64 else raw.decode(errors="replace")
    return {"body": text, "isBase64Encoded": base64}


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _clock(timestamp_ms: int) -> str:
    """Write a time as the access logs of web servers do."""
    return datetime.fromtimestamp(timestamp_ms / 1_000, UTC).strftime("%d/%b/%Y:%H:%M:%S %z")
