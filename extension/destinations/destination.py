"""What a log destination is: a subclass of `Destination` with its settings, requests and responses.

A new destination is one module with such a class, and one line in `extension.destinations`.
"""

from __future__ import annotations

import gzip
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, ClassVar, NamedTuple
from urllib.parse import SplitResult, urlsplit

from extension.destinations.responses import COMMON_RESPONSES, BatchResult, Row, meaning_of
from extension.destinations.timestamps import nanoseconds, own_time
from extension.errors import SettingsError
from extension.http_client import Request, Response
from extension.json_text import UTF_8, UTF_16, cut, json_text, utf8
from extension.proxies import is_loopback
from extension.records import FunctionIdentity, LogRecord
from extension.secrets import Token
from extension.variables import SAMPLE_RATE, Configured, Setting

TYPES = ("function", "platform", "extension")
"""What can be subscribed to (Telemetry API reference, "types")."""

# Log lines are so alike that the fastest level makes a tenth of them.
_FASTEST_GZIP = 1

# No user part, no backslash, no white space, no query, as for the function's own listener.
_URL = re.compile(
    r"https?://(?:[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?\.?|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?"
    r"(?:/[!$-;=@-\[\]_a-z~]*)?",
    re.IGNORECASE | re.ASCII,
)

LONGEST_NAME = 512
"""For what a setting or an event calls itself; the longest real one has 256 characters."""

_REMEMBERED = 512


class Environment(NamedTuple):
    """What a destination is made from.

    Attributes:
        fetch_secret: Returns the token for an ARN or a name; raises SecretError.
        now: A clock in seconds since 1970.
        warnings: Collects what the operator should know although the destination works.
        random: Returns a number from 0 to 1; another one in each environment, also of those that
            began as copies of one (SnapStart).
    """

    variables: Mapping[str, str]
    function: FunctionIdentity
    fetch_secret: Callable[[str], str]
    now: Callable[[], float]
    warnings: list[str]
    random: Callable[[], float]


class Destination(Configured, ABC):
    """One place that records are sent to; its settings are attributes of its class.

    Raises:
        SettingsError: A setting is missing or cannot be used.

    Attributes:
        name: As `LOGS_DESTINATION` names it.
        token: The variable with its token.
        stored_token: The variable that says where the token is stored.
        token_required: Whether it cannot be used without a token.
        identified_by: Settings of which one chooses it if `LOGS_DESTINATION` is not set.
        without_effect: Variables of the extension that it replaces that do nothing here, and why.
        names: The fields of each record that say where it is from: a name for some of `name`,
            `version`, `region` and `account`; what is not known is left out.
        content_type: Of a body; a body is compressed unless `is_compressed` is False.
        types: What is shipped: some of `TYPES`; these, if `TELEMETRY_TYPES` is not set.
        max_body_bytes: How large the encoded records of a body may be together.
        renewable: Whether the token is in a store, which may have another one later.

    A body is `_head`, encoded records, and `_tail`.
    """

    name: ClassVar[str]
    token: Setting[str]
    stored_token: Setting[str]
    token_required: ClassVar[bool] = True
    identified_by: ClassVar[tuple[Setting[str], ...]]
    without_effect: ClassVar[Mapping[str, str]] = {}
    names: ClassVar[Mapping[str, str]] = {}
    content_type: ClassVar[str] = "application/json"
    is_compressed: ClassVar[bool] = True
    responses: ClassVar[tuple[Row, ...]] = COMMON_RESPONSES
    types: frozenset[str] = frozenset(TYPES)
    max_body_bytes: int
    renewable: bool = False
    _head: bytes = b""
    _tail: bytes = b""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment.variables, environment.warnings.append)
        self._now = environment.now
        self._warn = environment.warnings.append
        for variable, reason in self.without_effect.items():
            if environment.variables.get(variable, "").strip():
                self._warn(f"{variable} does nothing: {reason}")
        token: str = vars(type(self))["token"].name
        values = (self.token, self.stored_token)
        self._token = Token(token, *values, environment.fetch_secret, environment.now)
        if not self._token and self.token_required:
            raise SettingsError(
                f"set {token} to the token, or {token}_ARN to the secret that holds it"
            )
        self._has_secret = bool(self._token)
        self.renewable = self._token.stored
        known = environment.function._asdict()
        self._constant: Mapping[str, str] = {
            name: known[key] for key, name in self.names.items() if known[key]
        }
        rate = SAMPLE_RATE.read(environment.variables, lambda _: None)  # reported already
        self._sampling: Mapping[str, str | float] = {"sampleRate": rate} if rate < 1 else {}
        # They are the same for most records of an invocation.
        self._members_of = lru_cache(_REMEMBERED)(self._members)

    @abstractmethod
    def encode(self, record: LogRecord) -> bytes:
        """Return a record as it stands in a body; within the limits of the destination.

        Any value that JSON can hold is accepted, and this never raises.
        """

    def request(self, encoded: Sequence[bytes]) -> Request:
        """Return the request for some encoded records, of which there is at least one.

        Raises:
            SecretError: The token is in a secret store that does not return it.
        """
        url, own_headers = self._addressed(self._token.value())
        headers = {"content-type": self.content_type, "user-agent": "metric-stream-logs"}
        # Each record ends with a comma or a newline, which the last one must not have.
        body = self._head + b"".join(encoded)[:-1] + self._tail
        if self.is_compressed:
            headers["content-encoding"] = "gzip"
            body = gzip.compress(body, _FASTEST_GZIP)
        return Request(url, {**headers, **own_headers}, body)

    @abstractmethod
    def _addressed(self, token: str) -> tuple[str, dict[str, str]]:
        """Return the URL of a request and its own headers; one of both has the token."""

    def _members(self, kind: str, request_id: str | None, level: str | None) -> str:
        """Return what a record has beside its time and its value, as members of an object."""
        fields = {"type": kind, "requestId": request_id, "level": level}
        sampling = self._sampling if kind == "function" else {}
        return json_members({**fields, **self._constant, **sampling})

    def _at(self, record: LogRecord) -> int:
        """Return the time of a record in nanoseconds: its own, its event's, or that of now."""
        own = own_time(record.record, record.time)
        return own or nanoseconds(record.time) or int(self._now() * 1e9)

    @staticmethod
    def _cut_content(value: Any, content: str, limit: int) -> bytes:
        """Return `content`, the JSON of a value, in UTF-8; a longer one as a string that is cut."""
        encoded = utf8(content)
        if len(encoded) <= limit:
            return encoded
        text = value if isinstance(value, str) else json_text(value)
        # JSON writes a byte of UTF-8 in at most six; lines of Lambda are far shorter than that.
        return utf8(json_text(cut(text, limit // 6 - 1, UTF_8)))

    def parts(self, encoded: Sequence[bytes]) -> list[int]:
        """Return how many of some encoded records go into each request, in their order."""
        return [len(encoded)]

    def interpret(self, response: Response, count: int) -> BatchResult:
        """Return what a response to a request with `count` records means; never raises."""
        return meaning_of(response, count, self.responses, self._now())

    def renew(self) -> bool:
        """After `STOP`: look for a newer token; return whether there is one."""
        return self._token.renew()

    def _checked_url(self, variable: str, text: str) -> SplitResult:
        """Return the URL that a variable has, without a slash at its end.

        A warning says that it sends the token unencrypted.

        Raises:
            SettingsError: It is no http or https URL, or has a user part or a query.
        """
        try:
            url = urlsplit(text)
            usable = _URL.fullmatch(text) is not None and url.port != 0
        except ValueError:
            usable = False
        if not usable:
            raise SettingsError(
                f"{variable} must be a URL that begins with https:// (or http://) and has no "
                "user, query or fragment"
            )
        if url.scheme == "http" and self._has_secret and not is_loopback(url.hostname):
            self._warn(f"{variable} is an http:// URL: the token and the logs are not encrypted")
        return url._replace(path=url.path.rstrip("/"))


def json_members(fields: Mapping[str, str | float | None]) -> str:
    """Return the members of a JSON object without its braces: no None, and no long text."""
    known = {
        name: cut(value, LONGEST_NAME, UTF_16) if isinstance(value, str) else value
        for name, value in fields.items()
        if value is not None
    }
    return json_text(known)[1:-1]
