"""Grafana Loki: JSON to its push API, one stream, each entry at the time of its event.

A line is what the function printed, without the newline at its end, which Loki's own clients do
not send either; an object is its JSON. What differs from invocation to invocation is structured
metadata: as a label it would make a stream of each.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from itertools import groupby
from urllib.parse import SplitResult

from extension.destinations.destination import Destination, Environment
from extension.destinations.loki_responses import LOKI_RESPONSES, words_of
from extension.destinations.responses import BatchResult
from extension.destinations.timestamps import DistinctTimes
from extension.errors import SettingsError
from extension.http_client import Response
from extension.json_text import UTF_8, cut, json_text, parsed, utf8
from extension.records import LogRecord
from extension.secrets import TOKEN, Token
from extension.variables import Setting, pairs, token

# A push beyond `ingestion_burst_size_mb` (6 by default) is never accepted; that of a tenant may be
# smaller, and Grafana's own agents send this much.
MAX_BODY_BYTES = 1_048_576
# `max_line_size` is "256KB", which is this much if a kilobyte is 1,000 bytes.
MAX_LINE_BYTES = 256_000
# `max_label_names_per_series`, and `max_label_value_length` in bytes.
MAX_LABELS = 15
MAX_LABEL_VALUE = 2_048
_BARE_ADDRESS = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*(?::[0-9]{1,5})?|\[[0-9a-fA-F:.]+\]")
_USER = re.compile("[^\x00-\x1f\x7f:\ud800-\udfff]*")
_TENANT = re.compile(r"[\x21-\x7e]{0,150}")
# "[a-zA-Z_:][a-zA-Z0-9_:]*" in Prometheus; Loki's own parser knows no colon.
_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{0,1023}")
_OTEL_LABEL = "OTEL_LABEL_"
# An entry may be an hour older than the newest one of its stream (half of `max_chunk_age`), and ten
# minutes ahead of Loki's clock (`creation_grace_period`).
_OLD_NS = 3_600 * 10**9
_AHEAD_NS = 300 * 10**9
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_OWN_HEADERS = frozenset(
    {"content-type", "content-encoding", "content-length", "transfer-encoding", "host"}
)


def _headers(value: str) -> dict[str, str]:
    """Parse a JSON object of headers; no part of it is repeated, since it may be a credential."""
    members = parsed(value) if value else {}
    if not isinstance(members, dict) or not all(
        _HEADER_NAME.fullmatch(name)
        and name.lower() not in _OWN_HEADERS
        and isinstance(content, str)
        and TOKEN.fullmatch(content)
        for name, content in members.items()
    ):
        raise ValueError('must be a JSON object such as {"X-Name":"value"}, without our own names')
    return {name.lower(): content for name, content in members.items()}


class Loki(Destination):
    """Loki's push API ("HTTP API", POST /loki/api/v1/push)."""

    name = "loki"
    url = Setting("LOKI_URL", str)
    ip = Setting("LOKI_IP", str)
    user = Setting("LOKI_USERNAME", str)
    bearer, stored_bearer = token("LOKI_BEARER_TOKEN")
    token, stored_token = token("LOKI_PASSWORD")
    token_required = False
    headers = Setting("LOKI_HEADERS", _headers)
    tenant = Setting("LOKI_TENANT_ID", str)
    metadata = Setting("LOKI_STRUCTURED_METADATA", str, "true")
    labels = Setting("LOKI_LABELS", pairs(_LABEL_NAME))
    otel_labels = Setting(f"{_OTEL_LABEL}*", str)
    identified_by = (url, ip)
    without_effect = {  # noqa: RUF012
        "DISPATCH_MIN_BATCH_SIZE": "records are sent at the end of each invocation, few or many"
    }
    responses = LOKI_RESPONSES
    types = frozenset({"function"})

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        # The values of structured metadata are texts.
        self._sampling = {name: f"{rate:g}" for name, rate in self._sampling.items()}
        values = (self.bearer, self.stored_bearer)
        bearer = Token("LOKI_BEARER_TOKEN", *values, environment.fetch_secret, environment.now)
        if bearer and (self.user or self._token):
            raise SettingsError("set LOKI_BEARER_TOKEN, or LOKI_USERNAME with LOKI_PASSWORD")
        if not bearer and bool(self._token) != bool(self.user):
            raise SettingsError("set LOKI_USERNAME and LOKI_PASSWORD (or LOKI_PASSWORD_ARN) both")
        if bearer:
            self._token, self.renewable = bearer, bearer.stored
        self._has_bearer = bool(bearer)
        self._has_secret = bool(self._token or self.headers)
        self._url = f"{self._address().geturl()}/loki/api/v1/push"
        if not _USER.fullmatch(self.user):
            raise SettingsError("LOKI_USERNAME has characters that a user name cannot have")
        if not _TENANT.fullmatch(self.tenant):
            raise SettingsError("LOKI_TENANT_ID has characters that a header cannot carry")
        self._times = DistinctTimes(environment.random)
        stream = json_text(self._stream(environment))
        self._head = utf8(f'{{"streams":[{{"stream":{stream},"values":[')
        self._tail = b"]}]}"
        self.max_body_bytes = MAX_BODY_BYTES - len(self._head) - len(self._tail)

    def _address(self) -> SplitResult:
        """Return where Loki is, without its own path: LOKI_IP of the original extension has it."""
        address = self.url or self.ip
        if not address:
            raise SettingsError("set LOKI_URL, such as https://logs-prod-eu-west-0.grafana.net")
        if _BARE_ADDRESS.fullmatch(address):
            has_port = ":" in address.rpartition("]")[2]
            address = f"http://{address}" if has_port else f"http://{address}:3100"
        url = self._checked_url("LOKI_URL" if self.url else "LOKI_IP", address)
        path = url.path.removesuffix("/api/v1/push").removesuffix("/loki")
        return url._replace(path=path.rstrip("/"))

    def _stream(self, environment: Environment) -> dict[str, str]:
        """Return the labels; what is left out is a warning."""
        name = environment.function.name
        ours = {"source": "lambda", **({"function": name} if name else {})}
        # Without it Grafana shows the function as `unknown_service`.
        service = {"service_name": name} if name else {}
        otel_labels = self._otel_labels(environment.variables)
        for name in sorted({*self.labels, *otel_labels} & set(ours)):
            self._warn(f"LOKI_LABELS and OTEL_LABEL_* cannot set the label {name}: it is ours")
        # The first names stay if there are too many, and the last values win.
        labels = {**ours, **service, **self.labels, **otel_labels, **self.labels, **ours}
        if len(labels) > MAX_LABELS:
            self._warn(
                f"LOKI_LABELS and OTEL_LABEL_* make {len(labels)} labels; Loki accepts "
                f"{MAX_LABELS}, the others are left out: {', '.join([*labels][MAX_LABELS:])}"
            )
        first = [*labels.items()][:MAX_LABELS]
        return {name: cut(value, MAX_LABEL_VALUE, UTF_8) for name, value in first}

    def _otel_labels(self, variables: Mapping[str, str]) -> dict[str, str]:
        labels = {}
        for variable, value in sorted(variables.items()):
            name = variable[len(_OTEL_LABEL) :].lower()
            if not variable.startswith(_OTEL_LABEL) or not value:
                continue
            if _LABEL_NAME.fullmatch(name):
                labels[name] = value
            else:
                self._warn(f"{variable} does nothing: {name!r} cannot be the name of a label")
        return labels

    def encode(self, record: LogRecord) -> bytes:
        """Return an entry and a comma; its line has at most 256,000 bytes."""
        _, kind, value, request_id, level = record
        line = value.removesuffix("\n") if isinstance(value, str) else json_text(value)
        text = json_text(cut(line, MAX_LINE_BYTES, UTF_8))
        at = self._times.of(self._at(record))
        return utf8(f'["{at}",{text}{self._members_of(kind, request_id, level)}],')

    def _members(self, kind: str, request_id: str | None, level: str | None) -> str:
        """Return the structured metadata, with the comma before it."""
        # Before Loki 3 it is refused unless it has been allowed.
        if self.metadata.lower() == "false":
            return ""
        return f",{{{super()._members(kind, request_id, level)}}}"

    def _addressed(self, token: str) -> tuple[str, dict[str, str]]:
        headers = dict(self.headers)
        if self.tenant:
            headers["x-scope-orgid"] = self.tenant
        if self._has_bearer:
            headers["authorization"] = f"Bearer {token}"
        elif self.user:
            basic = b64encode(f"{self.user}:{token}".encode()).decode()
            headers["authorization"] = f"Basic {basic}"
        return self._url, headers

    def parts(self, encoded: Sequence[bytes]) -> list[int]:
        """Return the numbers of entries in a row that are old or ahead, and that are not.

        Loki may refuse the former, and does not always say how many of a push it has refused.
        """
        now = int(self._now() * 1e9)

        def is_suspect(entry: bytes) -> bool:
            at = int(entry[2 : entry.index(b'"', 2)])
            return not now - _OLD_NS < at < now + _AHEAD_NS

        return [len(list(run)) for _, run in groupby(encoded, is_suspect)]

    def interpret(self, response: Response, count: int) -> BatchResult:
        """Return what a response means, with Loki's own words about a refusal."""
        result = super().interpret(response, count)
        words = words_of(response.body) if result.detail else ""
        return result._replace(detail=f"HTTP {response.status}: {words}") if words else result
