"""A verifier of AWS's Signature Version 4, as a listener in front of another reply function.

It is written from the AWS documentation of IAM, "Create a signed AWS API request" and "Elements of
an AWS API request signature", and shares nothing with botocore. Its refusals have the words of
Amazon Managed Prometheus, as its users have published them.
"""

import hashlib
import hmac
import json
import posixpath
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, unquote

from testing.http_server import Reply
from testing.receiver import Received, ReplyFunction
from testing.replies import accept

_ALGORITHM = "AWS4-HMAC-SHA256"
_AUTHORIZATION = re.compile(
    rf"{_ALGORITHM} Credential=(?P<key_id>[^/]+)/(?P<scope>(?P<date>[0-9]{{8}})/(?P<region>[^/]+)"
    r"/(?P<service>[^/]+)/aws4_request), ?SignedHeaders=(?P<signed>[^,]+), ?Signature=(?P<hex>\w+)"
)
_FORMAT = "%Y%m%dT%H%M%SZ"
# Letters, digits and these stay as they are - "UriEncode()" in that documentation.
_UNRESERVED = "-._~"
_MOST_APART = timedelta(minutes=5)


@dataclass(frozen=True)
class Key:
    """A pair of keys, with a session token if it is temporary.

    Attributes:
        secret: The secret key.
        token: The session token; empty for a key that does not expire.
    """

    secret: str = field(repr=False)
    token: str = field(default="", repr=False)


class SignatureError(Exception):
    """A request is not signed as it should be; the text is what AWS says."""


@dataclass
class Verifier:
    """A reply function that lets only requests through that are signed.

    Attributes:
        keys: The pairs of keys, by the id of the access key.
        expired: The ids of those that have expired.
        region: The region to sign for.
        service: The service to sign for.
        reply: Decides about a request with a valid signature.
        now: The time in seconds since the epoch.
        dates: The time of signing of each request whose signature is valid.
    """

    keys: Mapping[str, Key]
    region: str = "eu-west-1"
    service: str = "aps"
    expired: set[str] = field(default_factory=set)
    reply: ReplyFunction = accept
    now: Callable[[], float] = time.time
    dates: list[str] = field(default_factory=list)

    def __call__(self, received: Received) -> Reply:
        """Answer 403 with AWS's words, or as the reply function does."""
        try:
            self._verify(received)
        except SignatureError as error:
            return Reply(403, body=json.dumps({"message": str(error)}).encode())
        self.dates.append(received.headers["x-amz-date"])
        return self.reply(received)

    def _verify(self, received: Received) -> None:
        headers = received.headers
        given = _AUTHORIZATION.fullmatch(headers.get("authorization", ""))
        if given is None:
            raise SignatureError("Missing Authentication Token")
        if "x-scope-orgid" in headers:
            # It takes the header away before it verifies the signature.
            raise SignatureError("The request signature we calculated does not match the signature")
        key = self.keys.get(given["key_id"])
        if key is None or headers.get("x-amz-security-token", "") != key.token:
            raise SignatureError("The security token included in the request is invalid.")
        if given["key_id"] in self.expired:
            raise SignatureError("The security token included in the request is expired")
        if given["region"] != self.region:
            raise SignatureError(
                f"Credential should be scoped to a valid region, not '{given['region']}'. "
            )
        if given["service"] != self.service:
            raise SignatureError(
                f"Credential should be scoped to correct service: '{self.service}'. "
            )
        self._check_time(headers.get("x-amz-date", ""), given["date"])
        signed = given["signed"].split(";")
        request = canonical_request(received, signed)
        expected = signature(key.secret, given["scope"], headers["x-amz-date"], request)
        needed = {it for it in headers if it in ("host", "content-type") or it.startswith("x-amz-")}
        if not needed <= set(signed) or not hmac.compare_digest(expected, given["hex"]):
            raise SignatureError(
                "The request signature we calculated does not match the signature you provided. "
                "Check your AWS Secret Access Key and signing method. Consult the service "
                "documentation for details.\n\nThe Canonical String for this request should have "
                f"been\n'{request}'"
            )

    def _check_time(self, text: str, scope_date: str) -> None:
        signed = datetime.strptime(text, _FORMAT).replace(tzinfo=UTC)
        now = datetime.fromtimestamp(self.now(), UTC)
        if not text.startswith(scope_date):
            raise SignatureError("Date in Credential scope does not match YYYYMMDD from ISO-8601")
        if signed < now - _MOST_APART:
            until = f"{now - _MOST_APART:{_FORMAT}} ({now:{_FORMAT}} - 5 min.)"
            raise SignatureError(f"Signature expired: {text} is now earlier than {until}")
        if signed > now + _MOST_APART:
            until = f"{now + _MOST_APART:{_FORMAT}} ({now:{_FORMAT}} + 5 min.)"
            raise SignatureError(f"Signature not yet current: {text} is still later than {until}")


def canonical_request(received: Received, signed: list[str]) -> str:
    """Return a request in the form that is signed.

    Args:
        received: The request.
        signed: The names of the headers to sign.
    """
    path, _, query = received.target.partition("?")
    pairs = [pair.partition("=") for pair in query.split("&") if pair]
    encoded = sorted((_encoded(unquote(n)), _encoded(unquote(v))) for n, _, v in pairs)
    values = {name: " ".join(received.headers[name].split()) for name in signed}
    return "\n".join(
        (
            received.method,
            _encoded(_without_dots(path), "/"),
            "&".join(f"{name}={value}" for name, value in encoded),
            *(f"{name}:{values[name]}" for name in sorted(signed)),
            "",
            ";".join(sorted(signed)),
            hashlib.sha256(received.body).hexdigest(),
        )
    )


def signature(secret: str, scope: str, time_of_signing: str, request: str) -> str:
    """Return the signature in hexadecimal digits.

    Args:
        secret: The secret key.
        scope: Date, region, service and `aws4_request`, with slashes between.
        time_of_signing: The time, as X-Amz-Date has it.
        request: The request in canonical form.
    """
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    digest = hashlib.sha256(request.encode()).hexdigest()
    text = f"{_ALGORITHM}\n{time_of_signing}\n{scope}\n{digest}"
    return hmac.digest(key, text.encode(), "sha256").hex()


def _encoded(text: str, also: str = "") -> str:
    return quote(text, safe=_UNRESERVED + also)


def _without_dots(path: str) -> str:
    """Return a path without redundant and relative parts; a slash at its end stays."""
    normal = posixpath.normpath(path).replace("//", "/")
    return normal if normal == "/" or not path.endswith("/") else f"{normal}/"
