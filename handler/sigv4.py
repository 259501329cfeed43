"""`sigv4`: requests with AWS's Signature Version 4, as Amazon Managed Prometheus wants them.

botocore signs. It comes from Lambda's runtime, and is imported where the first request is signed:
that takes longer than all the rest.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit

import requests

from handler.auth import Auth
from handler.aws_credentials import AwsCredentials
from handler.otlp_settings import ENDPOINT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from handler.auth import AuthRequest
    from handler.secrets import Secret
    from handler.settings import Settings

_ROLE_ARN = re.compile(r"arn:[a-z-]+:iam::[0-9]{12}:role/[!-~]+")
# "Minimum length of 2. Maximum length of 1224. [\w+=,.@:\/-]*" - AWS STS, "AssumeRole"
_EXTERNAL_ID = re.compile(r"[\w+=,.@:/-]{2,1224}", re.ASCII)
_NAME = re.compile(r"[a-z0-9-]{1,64}")

# aps-workspaces.eu-west-1.amazonaws.com, also below an interface endpoint's name, and the domains
# of other partitions.
_REGION = re.compile(
    r"(?:^|\.)(?P<region>[a-z]{2,5}(?:-[a-z]+)+-[0-9]+)\."
    r"(?:vpce\.)?(?:amazonaws\.(?:com|com\.cn|eu)|api\.aws)$"
)

# "CanonicalHeaders: [...] must include the HTTP host header [...] If the Content-Type header is
# present in the request, you must add it [...] Any x-amz-* headers" - "Create a signed AWS API
# request". No other header is signed, since a proxy may change those.
_SIGNED = re.compile(r"(?i)content-type|x-amz-.*")

# What AWS says with 403, and what an operator may do. The first that matches counts.
_HINTS = (
    (r"token included in the request is expired|ExpiredToken", "the AWS credentials have expired"),
    (
        r"Signature expired|Signature not yet current|RequestTimeTooSkewed|RequestExpired",
        "the function's clock and the listener's differ by more than five minutes",
    ),
    (
        r"Credential should be scoped",
        "check SIGV4_REGION and SIGV4_SERVICE: the signature is for another region or service",
    ),
    (
        r"signature we calculated does not match|SignatureDoesNotMatch",
        "check SIGV4_REGION, SIGV4_SERVICE, and that no proxy changes the request",
    ),
    (
        r"token included in the request is invalid|UnrecognizedClient|InvalidClientTokenId",
        "AWS does not know the credentials: they are deleted, or of another partition",
    ),
    (
        r"not authorized to perform|AccessDenied|explicit deny",
        "the role needs aps:RemoteWrite on the workspace",
    ),
    (r"Missing Authentication Token", "the URL is not that of a workspace's remote write"),
)


class SigV4Auth(Auth):
    """`sigv4`: a signature over the request, the hash of its body and the time.

    "Create a signed AWS API request" in the AWS documentation of IAM.

    Args:
        token: The credentials.
        service: The service that the signature is for.
        region: The region that it is for.
    """

    sends = "AWS signature"
    header_names = frozenset(
        {"authorization", "date", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256"}
    )

    def __init__(self, token: Secret | None, service: str = "", region: str = "") -> None:
        super().__init__(token)
        self._service = service
        self._region = region

    @classmethod
    def own_credential(
        cls, settings: Settings, monotonic: Callable[[], float], warn: Callable[[str], None]
    ) -> Secret:
        """Return the credentials of the function's role, or of SIGV4_ROLE_ARN."""
        region = settings.aws_region or _region_for(settings.listener, settings)
        role, external_id = settings.sigv4_role_arn, settings.sigv4_external_id
        return AwsCredentials(role, external_id, region, monotonic, warn)

    @classmethod
    def at(cls, url: str, settings: Settings, token: Secret | None) -> SigV4Auth:
        """Return the authentication of requests to a URL."""
        return cls(token, settings.sigv4_service, _region_for(url, settings))

    @property
    def credential(self) -> str:
        """What distinguishes the sender; the credentials themselves change every hour."""
        return f"sigv4 {self._service} {self._region}"

    def headers(self, request: AuthRequest) -> Mapping[str, str]:
        """Return the headers with the signature, the time and the session token."""
        from botocore.auth import SigV4Auth as Signer  # noqa: PLC0415 - see the module
        from botocore.awsrequest import AWSRequest  # noqa: PLC0415 - likewise
        from botocore.credentials import ReadOnlyCredentials  # noqa: PLC0415 - likewise

        if self._token is None:
            return {}
        text = self._token.versions()[0]
        self._sent = self._sent or text
        key_id, secret_key, session_token = text.split(" ")
        url = _as_sent(request.url)
        names = {name: text for name, text in request.headers.items() if _SIGNED.fullmatch(name)}
        signed = AWSRequest(request.method, url, names, request.body)
        credentials = ReadOnlyCredentials(key_id, secret_key, session_token or None)
        Signer(credentials, self._service, self._region).add_auth(signed)
        made = {name.lower(): text for name, text in signed.headers.items()}
        return {name: made[name] for name in made.keys() & self.header_names}

    def hint(self, words: str) -> str:
        """Return what an operator may do about a refusal."""
        return next((hint for pattern, hint in _HINTS if re.search(pattern, words)), "")

    @classmethod
    def problem_with_headers(cls, headers: Iterable[str]) -> str:
        """Return why headers of these names cannot be added; empty if they can."""
        names = list(headers)
        if any(name.lower() == "x-scope-orgid" for name in names):
            return "must not set X-Scope-OrgID: Amazon Managed Prometheus refuses it"
        return super().problem_with_headers(names)

    @classmethod
    def secrets_in(cls, token: str) -> tuple[str, ...]:
        """Return the secret key and the session token alone."""
        return tuple(token.split(" ")[1:])


def _as_sent(url: str) -> str:
    """Return a URL as `requests` sends it, with its query as AWS reads it.

    `requests` encodes what no URL may hold. AWS decodes names and values of the query, and encodes
    all but letters, digits and `-._~` in them; botocore takes them as they are.
    """
    parts = urlsplit(requests.Request("POST", url).prepare().url or url)
    pairs = [pair.partition("=") for pair in parts.query.split("&") if pair]
    encoded = [f"{_encoded(name)}={_encoded(value)}" for name, _, value in pairs]
    return parts._replace(query="&".join(encoded)).geturl()


def _encoded(text: str) -> str:
    return quote(unquote(text), safe="")


def _region_for(url: str, settings: Settings) -> str:
    return settings.sigv4_region or region_in(url) or settings.aws_region


def region_in(url: str) -> str:
    """Return the AWS region in a URL's host; empty if there is none."""
    match = _REGION.search(urlsplit(url).hostname or "")
    return match["region"] if match else ""


def role_arn(text: str) -> str | None:
    """Return the ARN of a role; None for an empty text."""
    if text and not _ROLE_ARN.fullmatch(text):
        raise ValueError("must be the ARN of a role")
    return text or None


def external_id(text: str) -> str | None:
    """Return an external id; None for an empty text."""
    if text and not _EXTERNAL_ID.fullmatch(text):
        raise ValueError("must be 2 to 1,224 letters, digits and +=,.@:/-_")
    return text or None


def scope_name(text: str) -> str:
    """Return the name of a region or service, or an empty text."""
    if text and not _NAME.fullmatch(text):
        raise ValueError("must be lower-case letters, digits and hyphens")
    return text


def contradictions(values: Mapping[str, Any], given: Mapping[str, str]) -> list[str]:
    """Return what is wrong with settings of `sigv4` that are right one by one.

    Args:
        values: The value of each variable.
        given: The text of each variable that is set.
    """
    if not issubclass(values["REMOTE_WRITE_AUTH"], SigV4Auth):
        return [
            f"{name} needs REMOTE_WRITE_AUTH=sigv4"
            for name, text in given.items()
            if name.startswith("SIGV4_") and text
        ]
    if values[ENDPOINT]:
        return [f"REMOTE_WRITE_AUTH=sigv4 must not be set together with {ENDPOINT}"]
    problems = []
    listener = values["LOGZIO_METRICS_LISTENER"]
    if not given.get("LOGZIO_METRICS_LISTENER"):
        problems.append("REMOTE_WRITE_AUTH=sigv4 needs LOGZIO_METRICS_LISTENER")
    elif not (values["SIGV4_REGION"] or region_in(listener) or values["AWS_REGION"]):
        problems.append("SIGV4_REGION must be set: the URL names no AWS region")
    if values["SIGV4_EXTERNAL_ID"] and not values["SIGV4_ROLE_ARN"]:
        problems.append("SIGV4_EXTERNAL_ID needs SIGV4_ROLE_ARN")
    return problems
