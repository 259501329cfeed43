"""What arrived at a log destination as a table that a person can read in a terminal."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from tabulate import tabulate

from testing.log_destinations.loki import LokiEntry
from testing.table import shortened

_COLUMNS = ("time (UTC)", "type", "request id", "level", "message")
_MESSAGE_WIDTH = 78
# The first group of a UUID is enough to distinguish the invocations of one table.
_ID_WIDTH = 8
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Row(NamedTuple):
    """One record; what it does not say is empty.

    The time of day is in UTC; the message of a record without one is the whole record as JSON.
    """

    time: str
    type: str
    request_id: str
    level: str
    message: str


def log_table(records: Iterable[Any]) -> str:
    """Return records of any of the four destinations as a table, one in a line.

    Args:
        records: What arrived, in order, as the destination kept it.

    Returns:
        Lines of about 140 characters.
    """
    shown = [
        row._replace(
            request_id=row.request_id[:_ID_WIDTH], message=shortened(row.message, _MESSAGE_WIDTH)
        )
        for row in map(row_of, records)
    ]
    return tabulate(shown, headers=_COLUMNS, disable_numparse=True, tablefmt="simple")


def row_of(record: Any) -> Row:
    """Read a record of any of the four destinations.

    Args:
        record: A `LokiEntry`, or the object that another destination has kept.
    """
    if isinstance(record, LokiEntry):
        fields: dict[str, Any] = {**record.labels, **record.metadata}
        time, content = _since_epoch(record.timestamp_ns // 1000), record.line
    elif "_timestamp" in record:
        fields, time, content = record, _since_epoch(record["_timestamp"]), record.get("record")
    elif "@timestamp" in record:
        fields, time, content = record, _clock_time(record["@timestamp"]), _logzio_content(record)
        fields = {**record, "type": record.get("lambda.log.type")}
    else:
        fields, time, content = record, _clock_time(record.get("time", "")), record.get("record")
    kind, request_id, level = (
        str(fields.get(name) or "") for name in ("type", "requestId", "level")
    )
    return Row(time, kind, request_id, level, _message(content))


def _logzio_content(record: dict[str, Any]) -> Any:
    """Return the member of a Logz.io record that holds what was logged."""
    names = ("message_nested", "lambda.record", "message")
    return next((record[name] for name in names if name in record), record)


def _since_epoch(microseconds: int) -> str:
    """Return microseconds since the epoch as a time of day."""
    moment = _EPOCH + timedelta(microseconds=microseconds)
    return moment.isoformat(timespec="milliseconds")[11:23]


def _clock_time(moment: str) -> str:
    """Return the time of day of a time in ISO 8601."""
    return moment[11:23].rstrip("Z")


def _message(content: Any) -> str:
    """Return the message of what was logged, on one line."""
    if isinstance(content, str):
        try:
            parsed = json.loads(content)
        except (ValueError, RecursionError):
            return " ".join(content.split())
        content = parsed if isinstance(parsed, dict) else content
    if isinstance(content, dict) and isinstance(content.get("message"), str):
        return " ".join(content["message"].split())
    return content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
