"""A stand-in of the AWS services that a sweep of tags reads, all at one URL (`AWS_ENDPOINT_URL`).

It replies as these do, for several accounts: Resource Groups Tagging API, "GetResources", with
pages and tokens; STS, "AssumeRole"; Auto Scaling, "DescribeAutoScalingGroups". What other services
reply, a fleet has ready-made. Signatures are not verified.
"""

import itertools
import json
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from testing.http_server import HttpServer, Reply, Request

OWN_ACCOUNT = "111122223333"
"""The account of every caller that has assumed no role."""

_ROLE_KEY = "ASIA0000"

Tags = Mapping[str, str]


@dataclass
class Fleet:
    """What an account has in the region that is read.

    Attributes:
        resources: ARN and tags of the resources that GetResources knows; no tags: they had some.
        groups: Tags of the Auto Scaling groups, by name.
        replies: By action, the JSON that other services reply, on one page.
        external_id: What the account's roles ask for.
    """

    resources: Sequence[tuple[str, Tags]] = ()
    groups: Mapping[str, Tags] = field(default_factory=dict)
    replies: Mapping[str, Any] = field(default_factory=dict)
    external_id: str | None = None


@dataclass(frozen=True)
class Call:
    """A call that was made.

    Attributes:
        account: The account that it reads.
        region: The region that it is signed for.
        action: The service as signatures name it, and the operation, such as
            `tagging:GetResources`.
        asked: Its parameters.
    """

    account: str
    region: str
    action: str
    asked: Mapping[str, Any]


class AwsError(Exception):
    """An error that the stand-in replies.

    Args:
        code: AWS's code, such as `ThrottledException`.
        status: The HTTP status.
    """

    def __init__(self, code: str, status: int = 400) -> None:
        super().__init__(code)
        self.status = status


Before = Callable[[Call], object]
"""Sees each call before its reply; may raise an AwsError."""


PageSize = Callable[[int, int], int]
"""Takes the number of a page, from 1, and the size that is asked for; returns its size."""


def whole_pages(_number: int, asked: int) -> int:
    """Return the size that is asked for."""
    return asked


class TaggingApi(HttpServer):
    """The services, for the accounts of several fleets.

    Args:
        fleets: By account, what it has.
        port: Where to listen; 0: on a free port.

    Attributes:
        url: What `AWS_ENDPOINT_URL` must be.
        fleets: By account, what it has.
        calls: The calls so far, in order.
        before: Sees each call, and may fail it.
        page_size: How many resources each page of GetResources has.
    """

    def __init__(self, fleets: Mapping[str, Fleet], port: int = 0) -> None:
        self._lock = threading.Lock()
        self.reset(fleets)
        super().__init__(port=port)
        self.url = f"http://127.0.0.1:{self.port}"

    def reset(self, fleets: Mapping[str, Fleet]) -> None:
        """Have other fleets, and reply truly from now on."""
        self.fleets = fleets
        self.calls: list[Call] = []
        self.before: Before = lambda _call: None
        self.page_size: PageSize = whole_pages
        self._tokens: dict[str, Sequence[tuple[str, Tags]]] = {}
        self._pages = itertools.count(1)

    def expire_tokens(self) -> None:
        """Let every token that was given expire, as 15 minutes do."""
        self._tokens.clear()

    def count(self, action: str) -> int:
        """Return how many calls of an action there were."""
        return sum(call.action == action for call in self.calls)

    def respond(self, request: Request) -> Reply:
        """Reply to a call."""
        call = _call_of(request)
        self.calls.append(call)
        try:
            self.before(call)
            with self._lock:
                return self._reply(call)
        except AwsError as error:
            return _error(call, error)

    def _reply(self, call: Call) -> Reply:
        if call.action == "sts:AssumeRole":
            return _xml(call, self._assumed(call.asked))
        fleet = self.fleets[call.account]
        if call.action == "tagging:GetResources":
            return _json(self._page(fleet, call.asked))
        if call.action == "autoscaling:DescribeAutoScalingGroups":
            return _xml(call, _groups(fleet, call))
        if call.action not in fleet.replies:
            raise AwsError("AccessDeniedException")
        return _json(fleet.replies[call.action])

    def _page(self, fleet: Fleet, asked: Mapping[str, Any]) -> dict[str, Any]:
        if token := asked.get("PaginationToken"):
            if token not in self._tokens:
                raise AwsError("PaginationTokenExpiredException")
            left = self._tokens[token]
        else:
            filters = asked.get("TagFilters", [])
            left = [(arn, tags) for arn, tags in fleet.resources if _selected(tags, filters)]
        number = next(self._pages)
        size = self.page_size(number, asked.get("ResourcesPerPage", 50))
        page, left = left[:size], left[size:]
        # AWS says with an empty text that there is no further page.
        following = f"page-{number + 1}" if left else ""
        self._tokens[following] = left
        return {
            "PaginationToken": following,
            "ResourceTagMappingList": [
                {"Tags": _as_list(tags)} | ({"ResourceARN": arn} if arn else {})
                for arn, tags in page
            ],
        }

    def _assumed(self, asked: Mapping[str, Any]) -> str:
        account = asked["RoleArn"].split(":")[4]
        fleet = self.fleets.get(account)
        if fleet is None or asked.get("ExternalId") != fleet.external_id:
            raise AwsError("AccessDenied")
        return (
            f"<Credentials><AccessKeyId>{_ROLE_KEY}{account}</AccessKeyId>"
            "<SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken>"
            "<Expiration>2100-01-01T00:00:00Z</Expiration></Credentials>"
        )


def _call_of(request: Request) -> Call:
    scope = re.search(r"Credential=([^,]+)/aws4_request", request.headers["authorization"])
    assert scope, "every call is signed"
    key, _, region, service = scope[1].split("/")
    account = key.removeprefix(_ROLE_KEY) if key.startswith(_ROLE_KEY) else OWN_ACCOUNT
    text = request.body.decode()
    if target := request.headers.get("x-amz-target"):
        operation, asked = target.partition(".")[2], json.loads(text)
    elif request.method == "POST":
        asked = {name: values[0] for name, values in parse_qs(text).items()}
        operation = asked.pop("Action")
    else:
        operation, asked = f"GET {request.path}", {}
    return Call(account, region, f"{service}:{operation}", asked)


def _selected(tags: Tags, filters: Sequence[Mapping[str, Any]]) -> bool:
    return all(
        it["Key"] in tags and (not it.get("Values") or tags[it["Key"]] in it["Values"])
        for it in filters
    )


def _as_list(tags: Tags) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _groups(fleet: Fleet, call: Call) -> str:
    first = int(call.asked.get("NextToken", 0))
    following = first + int(call.asked.get("MaxRecords", 50))
    place = f"arn:aws:autoscaling:{call.region}:{call.account}"
    members = "".join(
        f"<member><AutoScalingGroupName>{escape(name)}</AutoScalingGroupName>"
        f"<AutoScalingGroupARN>{place}:autoScalingGroup:0:autoScalingGroupName/{escape(name)}"
        f"</AutoScalingGroupARN><Tags>{''.join(map(_tag_member, _as_list(tags)))}</Tags></member>"
        for name, tags in list(fleet.groups.items())[first:following]
    )
    token = f"<NextToken>{following}</NextToken>" if following < len(fleet.groups) else ""
    return f"<AutoScalingGroups>{members}</AutoScalingGroups>{token}"


def _tag_member(tag: Mapping[str, str]) -> str:
    return f"<member><Key>{escape(tag['Key'])}</Key><Value>{escape(tag['Value'])}</Value></member>"


def _json(content: Any) -> Reply:
    headers = {"Content-Type": "application/x-amz-json-1.1"}
    return Reply(200, headers, json.dumps(content).encode())


def _xml(call: Call, content: str) -> Reply:
    operation = call.action.partition(":")[2]
    body = (
        f"<{operation}Response><{operation}Result>{content}</{operation}Result>"
        f"</{operation}Response>"
    )
    return Reply(200, {"Content-Type": "text/xml"}, body.encode())


def _error(call: Call, error: AwsError) -> Reply:
    message = f"the stand-in refuses {call.action}"
    if call.action.startswith(("sts:", "autoscaling:")):
        text = f"<ErrorResponse><Error><Code>{error}</Code><Message>{message}</Message></Error>"
        headers = {"Content-Type": "text/xml"}
        return Reply(error.status, headers, f"{text}</ErrorResponse>".encode())
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amzn-ErrorType": str(error)}
    content = {"__type": str(error), "message": message}
    return Reply(error.status, headers, json.dumps(content).encode())
