"""What a log destination is: a subclass of `Destination` with its settings, requests and responses.

A new destination is one module with such a class, and one line in `extension.destinations`.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from email.utils import parsedate_to_datetime
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from extension.destinations.limits import cut, json_bytes, json_text, utf8, utf16_units
from extension.errors import SettingsError
from extension.secrets import TOKEN, Token, is_reference
from extension.variables import EXTENSION_NAME, Configured, checked_url

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from urllib.parse import SplitResult

    from extension.messages import Request, Response
    from extension.records import FunctionIdentity, LogRecord
    from extension.variables import Setting

TYPES = ("function", "platform", "extension")
"""What can be subscribed to (Telemetry API reference, "types")."""

USER_AGENT = "metric-stream-logs"

FASTEST_GZIP = 1
"""Log lines are so alike that the fastest level makes a tenth of them."""

LONGEST_WAIT_SECONDS = 300.0
"""The longest wait that a `Retry-After` can cause."""

_LOOPBACK = re.compile(r"localhost|127(?:\.[0-9]{1,3}){3}|::1")

LONGEST_NAME = 512
"""For what a setting or an event calls itself; the longest real one has 256 characters."""

_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
_REMEMBERED = 512


class Meaning(Enum):
    """What a response means for the batch that was sent."""

    SENT = "sent"
    """The batch has arrived, except for the records that `BatchResult.refused` counts."""
    HALVE = "halve"
    """The batch is too large: both halves are sent instead; one record alone is dropped."""
    STOP = "stop"
    """The token is refused: nothing more is sent to this destination."""
    RETRY = "retry"
    """The batch stays queued and is sent again later."""
    REFUSED = "refused"
    """The batch will never be accepted; it is dropped, and counted."""


class BatchResult(NamedTuple):
    """What a response means, and further facts in it.

    Attributes:
        meaning: What to do with the batch.
        refused: How many records of a batch that is `SENT` were not accepted.
        retry_after: Seconds that the destination asks to wait, if it does.
        detail: One short clause for the extension's own log, without a token or a user's line.
    """

    meaning: Meaning
    refused: int = 0
    retry_after: float | None = None
    detail: str = ""


class Row(NamedTuple):
    """One row of a table of responses; the first row that applies decides.

    Attributes:
        first: The smallest status of the row.
        last: The largest status of the row.
        meaning: What it means for the batch.
        detail: What to report to the operator.
        refused: Returns, for the body and the number of records sent, how many of them were not
            accepted; None if the body does not say so, and then the row does not apply.
    """

    first: int
    last: int
    meaning: Meaning
    detail: str = ""
    refused: Callable[[bytes, int], int | None] | None = None


COMMON_RESPONSES = (
    Row(200, 299, Meaning.SENT),
    Row(300, 399, Meaning.REFUSED, "redirects are not followed with a token; set the final URL"),
    Row(401, 401, Meaning.STOP, "the token is not accepted"),
    Row(403, 403, Meaning.STOP, "the token does not allow it"),
    Row(404, 404, Meaning.REFUSED, "nothing is there; check the URL"),
    Row(408, 408, Meaning.RETRY, "it stopped waiting for the request"),
    Row(413, 413, Meaning.HALVE, "the request is too large"),
    Row(429, 429, Meaning.RETRY, "too many requests"),
    Row(400, 499, Meaning.REFUSED, "the request is not accepted"),
    Row(500, 599, Meaning.RETRY, "it has a fault"),
    # Not HTTP; whatever stands in between may go away.
    Row(0, 999, Meaning.RETRY, "no response of a log destination"),
)
"""For all destinations: each status has a row."""


class RetrySettings(NamedTuple):
    """A destination's own settings for retries; no time exceeds the budget of a flush."""

    request_timeout_ms: int
    max_retries: int
    initial_delay_ms: int
    max_delay_ms: int


class Environment(NamedTuple):
    """What a destination is made from.

    Attributes:
        variables: The environment variables.
        function: The function whose logs are shipped.
        fetch_secret: Returns the token for an ARN or a name; raises SecretError.
        now: A clock in seconds since 1970.
        warnings: Collects what the operator should know although the destination works.
    """

    variables: Mapping[str, str]
    function: FunctionIdentity
    fetch_secret: Callable[[str], str]
    now: Callable[[], float]
    warnings: list[str]

    def described(self, names: Mapping[str, str]) -> dict[str, str]:
        """Return what is known of the function, under a destination's own names.

        Args:
            names: A name for some of `name`, `version`, `region`, `account` and `label`; the
                last is the value of EXTENSION_NAME.
        """
        label = EXTENSION_NAME.read(self.variables, self.warnings.append)
        known = {**self.function._asdict(), "label": label}
        return {names[key]: known[key] for key in names if known[key]}


class Destination(Configured, ABC):
    """One place that records are sent to; its settings are attributes of its class.

    Args:
        environment: What it is made from.

    Raises:
        SettingsError: A setting is missing or cannot be used.

    Attributes:
        name: As `LOGS_DESTINATION` names it.
        title: As the documentation names it.
        token: The variable with its token.
        stored_token: The variable that says where the token is stored.
        identified_by: Settings of which one chooses it if `LOGS_DESTINATION` is not set.
        without_effect: Variables of the extension that it replaces that do nothing here, and why.
        responses: What each response means.
        default_types: What is shipped if `TELEMETRY_TYPES` is not set: some of `TYPES`.
        max_body_bytes: How large the encoded records of a body may be together.
        retry_settings: What its own variables set, if they do.
        renewable: Whether the token is in a store, which may have another one later.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    token: Setting[str]
    stored_token: Setting[str]
    identified_by: ClassVar[tuple[Setting[str], ...]]
    without_effect: ClassVar[Mapping[str, str]] = {}
    responses: ClassVar[tuple[Row, ...]] = COMMON_RESPONSES
    default_types: frozenset[str] = frozenset(TYPES)
    max_body_bytes: int
    retry_settings: RetrySettings | None = None
    renewable: bool = False

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment.variables, environment.warnings.append)
        self._now = environment.now
        self._warn = environment.warnings.append
        # They are the same for most records of an invocation.
        self._members_of = lru_cache(_REMEMBERED)(self._members)

    @abstractmethod
    def encode(self, record: LogRecord) -> bytes:
        """Return a record as it stands in a body; within the limits of the destination.

        Any value that JSON can hold is accepted, and this never raises.
        """

    @abstractmethod
    def request(self, encoded: Sequence[bytes]) -> Request:
        """Return the request for some encoded records, of which there is at least one.

        Raises:
            SecretError: The token is in a secret store that does not return it.
        """

    def _members(self, kind: str, request_id: str | None, level: str | None) -> str:
        """Return what a record has beside its time and its value, as members of an object.

        Args:
            kind: The type of the event.
            request_id: The invocation, if it is known.
            level: The level, if it is known.
        """
        return json_members({"type": kind, "requestId": request_id, "level": level})

    @staticmethod
    def _cut_content(value: Any, content: str, limit: int) -> bytes:
        """Return the JSON of a value in UTF-8; a longer one as a string that is cut.

        Args:
            value: The value.
            content: Its JSON as the destination accepts it.
            limit: The greatest length in bytes.
        """
        encoded = utf8(content)
        if len(encoded) <= limit:
            return encoded
        text = value if isinstance(value, str) else json_text(value)
        return utf8(json_text(cut(text, limit, json_bytes)))

    def interpret(self, response: Response, count: int) -> BatchResult:
        """Return what a response to a request with `count` records means; never raises."""
        status = response.status
        for row in self.responses:
            if not row.first <= status <= row.last:
                continue
            refused = row.refused(response.body, count) if row.refused else 0
            if refused is None:
                continue
            refused = min(max(refused, 0), count)
            detail = f"HTTP {status}: {row.detail}"
            if row.meaning is Meaning.SENT:
                return BatchResult(row.meaning, refused, detail=detail if refused else "")
            wait = self._retry_after(response) if row.meaning is Meaning.RETRY else None
            return BatchResult(row.meaning, 0, wait, detail)
        return BatchResult(Meaning.RETRY, detail=f"HTTP {status}")

    def renew(self) -> bool:
        """After `STOP`: look for a newer token; return whether there is one."""
        return self._token.renew()

    def _read_token(self, environment: Environment, *, required: bool = True) -> None:
        """Read the token, or the reference to it, into the destination.

        Raises:
            SettingsError: It is required and missing, both are set, or one cannot be used.
        """
        variable, stored = type(self).token.name, type(self).stored_token.name
        value, reference = self.token, self.stored_token
        if value and reference:
            raise SettingsError(f"set {variable} or {stored}, not both")
        if required and not value and not reference:
            raise SettingsError(
                f"set {variable} to the token, or {stored} to the secret that holds it"
            )
        if value and not TOKEN.fullmatch(value):
            raise SettingsError(f"{variable} has characters that a request cannot carry")
        if reference and not is_reference(reference):
            raise SettingsError(
                f"{stored} must be the ARN of a secret in Secrets Manager, or the ARN or "
                "name of an SSM parameter"
            )
        self._token = Token(value, reference, environment.fetch_secret, environment.now)
        self.renewable = self._token.stored

    def _checked_url(self, setting: Setting[str], text: str) -> SplitResult:
        """Return the URL that a setting means; warn if it sends the token unencrypted."""
        url = checked_url(setting.name, text)
        if self._token and url.scheme == "http" and not _LOOPBACK.fullmatch(url.hostname or ""):
            self._warn(
                f"{setting.name} is an http:// URL: the token and the logs are not encrypted"
            )
        return url

    def _retry_after(self, response: Response) -> float | None:
        """Return the seconds of the header (RFC 9110, 10.2.3), which may be a date."""
        text = response.headers.get("retry-after", "").strip()
        try:
            if _SECONDS.fullmatch(text):
                seconds = float(text)
            else:
                seconds = parsedate_to_datetime(text).timestamp() - self._now()
        except (ValueError, OverflowError, IndexError, TypeError):
            # A date such as the 99th of a month.
            return None
        return min(max(seconds, 0.0), LONGEST_WAIT_SECONDS)


def json_members(fields: Mapping[str, str | None]) -> str:
    """Return the members of a JSON object without its braces: no None, and no long value."""
    known = {n: cut(v, LONGEST_NAME, utf16_units) for n, v in fields.items() if v is not None}
    return json_text(known)[1:-1]


def parsed(body: bytes | str) -> Any:
    """Return what a JSON text holds; None if it is no JSON."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def count_in(response: Any, name: str) -> int | None:
    """Return the count that an object in a response has under a name; None if it has none."""
    value = response.get(name) if isinstance(response, dict) else None
    return value if type(value) is int and value >= 0 else None
