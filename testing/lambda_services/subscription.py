"""The subscription to the Telemetry API, checked against the schema as the emulator does it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

ON_DEMAND_SCHEMAS = ("2022-07-01", "2022-12-13", "2025-01-29")
"""Telemetry API reference, "Subscribe": `schemaVersion`. No emulator has the on-demand API."""
MANAGED_INSTANCES_SCHEMAS = ("2025-01-29",)

_SCHEMA = "file:///var/task/telemetry-subscription-schema.json#"
_TYPES = ("platform", "function", "extension")
_HOSTS = ("sandbox.localdomain", "sandbox")
# Minimum, maximum, default. Two pages of AWS's documentation disagree about the defaults; these
# are the emulator's.
_BUFFERING = {
    "maxItems": (1000, 10_000, 10_000),
    "maxBytes": (262_144, 1_048_576, 262_144),
    "timeoutMs": (25, 30_000, 1000),
}


class RejectedError(Exception):
    """A subscription is not valid; the message is the body of the reply 400."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """A valid subscription.

    Attributes:
        schema: Version of the schema.
        types: `platform`, `function`, `extension`; may contain duplicates.
        max_items: Records in a delivery, at most.
        max_bytes: Bytes that are buffered before a delivery.
        timeout_ms: Milliseconds that a record waits for others, at most.
        port: Where the extension listens on 127.0.0.1.
    """

    schema: str
    types: list[str]
    max_items: int
    max_bytes: int
    timeout_ms: int
    port: int

    def wants(self, kind: str) -> bool:
        """Return whether events of a type, such as `platform.start`, are subscribed to."""
        return kind.partition(".")[0] in self.types


def parse(body: bytes, schemas: Sequence[str]) -> Subscription:
    """Read the body of a subscription.

    Args:
        body: As it came.
        schemas: Versions that are accepted.

    Raises:
        RejectedError: It is not valid. The text is the emulator's, which does not escape
            quotation marks and is therefore not always JSON.
    """
    content = _object(body)
    _require(content, ("schemaVersion", "types", "destination"), "", "")
    _one_of(content["schemaVersion"], schemas, "/schemaVersion", "/properties/schemaVersion")
    types = content["types"]
    if not types:
        _fail("/types", "/properties/types/minItems", "minimum 1 items required, but found 0 items")
    for position, name in enumerate(types):
        _one_of(name, _TYPES, f"/types/{position}", "/properties/types/items")
    items, size, milliseconds = _buffering(content.get("buffering", {}))
    port = _port(content["destination"])
    return Subscription(content["schemaVersion"], types, items, size, milliseconds, port)


def _object(body: bytes) -> dict[str, Any]:
    """Read a JSON object."""
    try:
        content = json.loads(body)
    except ValueError as error:
        raise RejectedError(_error(f"failed to parse JSON: {json_error(body)}")) from error
    if not isinstance(content, dict):
        kind = "array" if isinstance(content, list) else type(content).__name__
        words = f"json: cannot unmarshal {kind} into Go value of type map[string]interface {{}}"
        raise RejectedError(_error(f"failed to parse JSON: {words}"))
    return content


def json_error(body: bytes) -> str:
    """Return Go's message for a body that is no JSON: empty, or `{` and something else."""
    if not body.strip():
        return "unexpected end of JSON input"
    return f"invalid character '{chr(body[1])}' looking for beginning of object key string"


def _buffering(asked: Mapping[str, Any]) -> tuple[int, ...]:
    """Return items, bytes and milliseconds, by default those of `_BUFFERING`."""
    values = []
    for name, (least, most, default) in _BUFFERING.items():
        value = asked.get(name, default)
        at, where = f"/buffering/{name}", f"/properties/buffering/properties/{name}"
        if not isinstance(value, int) or isinstance(value, bool):
            kind = "number" if isinstance(value, float) else "string"
            _fail(at, f"{where}/type", f"expected integer, but got {kind}")
        if value < least:
            _fail(at, f"{where}/minimum", f"must be >= {_go(least)} but found {_go(value)}")
        if value > most:
            _fail(at, f"{where}/maximum", f"must be <= {_go(most)} but found {_go(value)}")
        values.append(value)
    return tuple(values)


def _port(destination: Mapping[str, Any]) -> int:
    """Return the port of a destination; 80 where the URI has none."""
    where = "/properties/destination/oneOf/0"
    _require(destination, ("protocol", "URI"), "/destination", where)
    protocol = f"{where}/properties/protocol"
    _one_of(destination["protocol"], ("HTTP",), "/destination/protocol", protocol)
    parts = urlsplit(destination["URI"])
    if parts.hostname not in _HOSTS:
        words = "destination.URI host must be sandbox.localdomain"
        raise RejectedError(_error(f"Invalid destination: {words}"))
    return parts.port or 80


def _require(content: Mapping[str, Any], names: Sequence[str], at: str, where: str) -> None:
    """Reject an object without the required members."""
    missing = ", ".join(f"'{name}'" for name in names if name not in content)
    if missing:
        _fail(at, f"{where}/required", f"missing properties: {missing}")


def _one_of(value: Any, allowed: Sequence[str], at: str, where: str) -> None:
    """Reject a value that is not allowed."""
    if value not in allowed:
        listed = ", ".join(f'"{name}"' for name in allowed)
        words = f"value must be {listed}" if len(allowed) == 1 else f"value must be one of {listed}"
        _fail(at, f"{where}/enum", words)


def _fail(at: str, where: str, words: str) -> None:
    """Raise the error of the emulator's schema validation."""
    message = f"jsonschema: '{at}' does not validate with {_SCHEMA}{where}: {words}"
    raise RejectedError(_error(f"schema validation error: {message}"))


def _error(message: str) -> str:
    """Return the body of a rejection."""
    return f'{{"errorType": "ValidationError", "errorMessage": "{message}"}}'


def _go(number: int) -> str:
    """Write a number as Go's `%v` writes a float: from 1e6 on with an exponent."""
    if number < 1_000_000:
        return str(number)
    return f"{number / 10 ** (len(str(number)) - 1)}e+{len(str(number)) - 1:02d}"
