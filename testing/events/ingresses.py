"""The Lambda events that AWS's ingresses make of one HTTP request, and Firehose's own event."""

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
    """Make the event of an API Gateway REST API.

    Args:
        headers: The request's headers; their case is kept.
        body: The request's body. Bytes that are no text are destroyed unless `base64` is set.
        base64: Whether the API treats the content type as binary.
        timestamp_ms: When the request came, in milliseconds since the epoch.

    Returns:
        The event, with each header in `headers` and in `multiValueHeaders`.
    """
    host = f"{_API_ID}.execute-api.{REGION}.amazonaws.com"
    received = _received(headers, body, host, timestamp_ms)
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
        "requestContext": _rest_context(host, timestamp_ms),
        **_body(body, base64=base64),
    }


def http_api_v2(
    headers: Mapping[str, str],
    body: str | bytes,
    *,
    base64: bool = False,
    timestamp_ms: int = SENT_MS,
) -> Event:
    """Make the event of an API Gateway HTTP API, payload format 2.0.

    Args:
        headers: The request's headers; they become lower-case.
        body: The request's body.
        base64: Whether the gateway encodes the body.
        timestamp_ms: When the request came, in milliseconds since the epoch.

    Returns:
        The event.
    """
    host = f"{_API_ID}.execute-api.{REGION}.amazonaws.com"
    event = _payload_v2(headers, body, host, f"POST {_PATH}", timestamp_ms)
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
    """Make the event of a Lambda function URL without IAM authentication.

    Args:
        headers: The request's headers; they become lower-case.
        body: The request's body.
        base64: Whether the URL encodes the body, as it does for one with a content encoding.
        timestamp_ms: When the request came, in milliseconds since the epoch.

    Returns:
        The event.
    """
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
    """Make the event of an application load balancer.

    Args:
        headers: The request's headers; they become lower-case.
        body: The request's body.
        base64: Whether the balancer encodes the body, as it does for one with a content encoding.
        timestamp_ms: When the request came, in milliseconds since the epoch.
        multi_value: Whether the target group has multi-value headers turned on.

    Returns:
        The event, with `headers` or with `multiValueHeaders`, never with both.
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
    """Make the event of Firehose's data transformation.

    Args:
        records: The raw records.
        timestamp_ms: When the last of them arrived, in milliseconds since the epoch.

    Returns:
        The event; each record has an id of 56 digits, as Firehose's have.
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
    """Make what HTTP APIs and function URLs have in common, all but the body."""
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


def _rest_context(host: str, timestamp_ms: int) -> Event:
    """Make the request context of a REST API."""
    identity: Event = dict.fromkeys(_NO_IDENTITY)
    return {
        "accountId": MONITORING_ACCOUNT,
        "apiId": _API_ID,
        "deploymentId": "sample",
        "domainName": host,
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
    """Add what the request's length and its way to the function add to the headers."""
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
    """Make the two fields that carry the body."""
    raw = body.encode() if isinstance(body, str) else body
    text = b64encode(raw).decode() if base64 else raw.decode(errors="replace")
    return {"body": text, "isBase64Encoded": base64}


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _clock(timestamp_ms: int) -> str:
    """Write a time as the access logs of web servers do."""
    return datetime.fromtimestamp(timestamp_ms / 1_000, UTC).strftime("%d/%b/%Y:%H:%M:%S %z")
