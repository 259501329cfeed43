"""
Grafana Loki: JSON to its push API, one stream, each entry at the time of its event.

A line is what the function printed, without the newline at its end, which Loki's own
clients do not send either; an object is its JSON. What differs from invocation to
invocation is structured metadata: as a label it would make a stream of each.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from extension.destinations import answers
from extension.destinations.addresses import Address
from extension.destinations.body import enclosed, gzipped
from extension.destinations.credential import read_credential
from extension.destinations.destination import Request
from extension.destinations.json_text import json_text, quoted, utf8
from extension.destinations.limits import cut_to_bytes
from extension.destinations.stamps import Stamps
from extension.destinations.surroundings import USER_AGENT, Made
from extension.errors import SettingsError
from extension.variables import loki_labels

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from extension.destinations.credential import Credential
    from extension.destinations.destination import BatchResult, Response, RetrySettings
    from extension.destinations.surroundings import Surroundings
    from extension.records import LogRecord

# `ingestion_rate_mb` is 4 and `ingestion_burst_size_mb` 6 where nobody has changed them
# (Loki configuration, limits_config); a push beyond the burst is never taken.
MAX_BODY_BYTES = 4_194_304
# `max_line_size` is "256KB", which is this much if a kilobyte is 1,000 bytes.
MAX_LINE_BYTES = 256_000
# `max_label_names_per_series`, and `max_label_value_length` in bytes.
MAX_LABELS = 15
MAX_LABEL_VALUE = 2_048
_LONGEST_METADATA = 1_024
_REMEMBERED = 512
_BARE_ADDRESS = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*(?::[0-9]{1,5})?|\[[0-9a-fA-F:.]+\]")
_USER = re.compile("[^\x00-\x1f\x7f:\ud800-\udfff]*")
_TENANT = re.compile(r"[\x21-\x7e]{1,150}")


class Loki:
    """
    Loki's push API; `Destination` says what its members are.

    Args:
        url: Of the push API.
        headers: The tenant, where there is one.
        labels: Those of the stream; the first 15 are used.
        user: The user of Basic authentication; empty for none.
        password: Its password.
        around: Gives the clock and the settings.
    """

    name = "loki"
    default_types = frozenset({"function"})
    retry_settings: RetrySettings | None = None

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        labels: Mapping[str, str],
        user: str,
        password: Credential,
        around: Surroundings,
    ) -> None:
        self._url = url
        self._headers = headers
        self._user = user
        self._password = password
        self._now = around.now
        # Before Loki 3 structured metadata is refused unless it has been allowed.
        self._has_metadata = around.text("LOKI_STRUCTURED_METADATA", "true").lower() != "false"
        self._stamps = Stamps()
        self._last = 0
        self._same = 0
        self._metadata: dict[tuple[str, str | None, str | None], str] = {}
        first = [*labels.items()][:MAX_LABELS]
        stream = json_text({name: cut_to_bytes(value, MAX_LABEL_VALUE) for name, value in first})
        self._head = utf8(f'{{"streams":[{{"stream":{stream},"values":[')
        self._tail = b"]}]}"
        self.max_body_bytes = MAX_BODY_BYTES - len(self._head) - len(self._tail)

    def encode(self, record: LogRecord) -> bytes:
        """Return an entry with a comma behind it; its line has at most 256,000 bytes."""
        moment, kind, value, request_id, level = record
        metadata = self._metadata.get((kind, request_id, level))
        if metadata is None:
            metadata = self._remembered(kind, request_id, level)
        if isinstance(value, str):
            line = value[:-1] if value[-1:] == "\n" else value
            at = self._stamps.nanoseconds(moment)
        else:
            line = json_text(value)
            at = self._stamps.of_object(value, moment) or self._stamps.nanoseconds(moment)
        if at is None:
            at = int(self._now() * 1e9)
        at = self._distinct(at)
        return utf8(f'["{at}",{quoted(cut_to_bytes(line, MAX_LINE_BYTES))}{metadata}],')

    def _distinct(self, at: int) -> int:
        """
        Return a time in nanoseconds that no other entry of this millisecond has.

        Two entries of one stream with the same time and the same line are one to Loki, and
        the platform's times have milliseconds only. In this way the order is kept, too.
        """
        self._same = (self._same + 1) % 1_000_000 if at == self._last else 0
        self._last = at
        return at + self._same

    def request(self, encoded: Sequence[bytes]) -> Request:
        """Return the POST."""
        headers = {
            "content-type": "application/json",
            "content-encoding": "gzip",
            "user-agent": USER_AGENT,
            **self._headers,
        }
        if self._user:
            headers["authorization"] = f"Basic {self._basic()}"
        return Request(self._url, headers, gzipped(enclosed(self._head, encoded, self._tail)))

    def interpret(self, answer: Response, count: int) -> BatchResult:
        """Return what an answer means."""
        verdict = answers.interpret(answer, count, answers.LOKI, self._now)
        if answer.status == 400 and b"structured metadata" in answer.body:
            return verdict._replace(
                detail="HTTP 400: structured metadata is not allowed; allow it in Loki, or set "
                "LOKI_STRUCTURED_METADATA=false"
            )
        return verdict

    @property
    def renewable(self) -> bool:
        """Whether the token is in a store, which may have another one later."""
        return self._password.stored

    def renew(self) -> bool:
        """Look for a newer password."""
        return self._password.renew()

    def _basic(self) -> str:
        import binascii  # noqa: PLC0415 -- not before the first request

        user = f"{self._user}:{self._password.value()}".encode()
        return binascii.b2a_base64(user, newline=False).decode()

    def _remembered(self, kind: str, request_id: str | None, level: str | None) -> str:
        """Return the metadata of such records, with the comma before it."""
        fields = {"type": kind, "requestId": request_id, "level": level}
        known = {n: cut_to_bytes(v, _LONGEST_METADATA) for n, v in fields.items() if v is not None}
        if len(self._metadata) >= _REMEMBERED:
            self._metadata.clear()
        metadata = f",{json_text(known)}" if self._has_metadata else ""
        self._metadata[kind, request_id, level] = metadata
        return metadata


def make(around: Surroundings) -> Made:
    """
    Return the destination of some settings.

    Raises:
        SettingsError: The URL is missing, or a setting cannot be used.
    """
    address = _address(around)
    user = around.text("LOKI_USERNAME")
    password = read_credential(around, "LOKI_PASSWORD", required=bool(user))
    if password and not user:
        raise SettingsError("set LOKI_USERNAME too: LOKI_PASSWORD alone is not used")
    if not _USER.fullmatch(user):
        raise SettingsError("LOKI_USERNAME has characters that a user name cannot have")
    tenant = around.text("LOKI_TENANT_ID")
    if tenant and not _TENANT.fullmatch(tenant):
        raise SettingsError("LOKI_TENANT_ID has characters that a header cannot carry")
    labels, notes = {"source": "lambda"}, []
    if around.identity.name:
        labels["function"] = around.identity.name
    if around.text("EXTENSION_NAME"):
        labels["extension_name"] = around.text("EXTENSION_NAME")
    for name, value in loki_labels(around.environ)[0].items():
        if name in labels:
            notes.append(f"LOKI_LABELS and OTEL_LABEL_* cannot set the label {name}: it is ours")
        labels.setdefault(name, value)
    if len(labels) > MAX_LABELS:
        notes.append(
            f"LOKI_LABELS and OTEL_LABEL_* make {len(labels)} labels; Loki takes {MAX_LABELS}, "
            f"the others are left out: {', '.join([*labels][MAX_LABELS:])}"
        )
    headers = {"x-scope-orgid": tenant} if tenant else {}
    url = f"{address.text}/loki/api/v1/push"
    destination = Loki(url, headers, labels, user, password, around)
    return Made(destination, (*address.notes(has_token=bool(user)), *notes))


def _address(around: Surroundings) -> Address:
    """Return where Loki is, without its own path: LOKI_IP of the existing extension has it."""
    variable = "LOKI_URL" if around.text("LOKI_URL") else "LOKI_IP"
    text = around.text(variable)
    if not text:
        raise SettingsError("set LOKI_URL, such as https://logs-prod-eu-west-0.grafana.net")
    if _BARE_ADDRESS.fullmatch(text):
        has_port = ":" in text.rpartition("]")[2]
        text = f"http://{text}" if has_port else f"http://{text}:3100"
    address = Address(variable, text)
    path = address.path.removesuffix("/api/v1/push").removesuffix("/loki")
    # A host may be called "loki" too, so only the path is shortened.
    return Address(variable, address.text.removesuffix(address.path) + path)
