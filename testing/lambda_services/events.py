"""The events that the platform writes (Lambda telemetry API event schema reference)."""

import json
import time
from collections.abc import Mapping
from typing import Any

from testing.lambda_services.faults import FunctionAbout

Event = Mapping[str, Any]


def event_json(kind: str, record: Any, at: float | None = None) -> bytes:
    """Write an event as it stands in a delivery.

    Args:
        kind: Its `type`.
        record: Its `record`: any value of JSON. Lone surrogates are escaped, as JSON has them.
        at: When the platform made it, seconds since 1970; None: now.

    Returns:
        One JSON object.
    """
    event = {"time": timestamp(at), "type": kind, "record": record}
    return json.dumps(event, separators=(",", ":")).encode("ascii")


def timestamp(at: float | None = None) -> str:
    """Write a time as the platform does: ISO 8601 in UTC with milliseconds."""
    milliseconds = int((time.time() if at is None else at) * 1000)
    seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(milliseconds // 1000))
    return f"{seconds}.{milliseconds % 1000:03d}Z"


def subscribed(name: str, types: list[str]) -> Event:
    """Give the record of `platform.telemetrySubscription`."""
    return {"name": name, "state": "Subscribed", "types": types}


def init_start(function: FunctionAbout, kind: str) -> Event:
    """Give the record of `platform.initStart`; `kind` is `on-demand` or what else it may be."""
    return {
        "initializationType": kind,
        "phase": "init",
        "functionName": function.name,
        "functionVersion": function.version,
    }


def init_ends(duration: float, kind: str) -> dict[str, Event]:
    """Give the records that end an init phase of so many seconds, by their types."""
    about = {"initializationType": kind, "phase": "init", "status": "success"}
    metrics = {"durationMs": round(duration * 1000, 3)}
    return {
        "platform.initRuntimeDone": about,
        "platform.initReport": {**about, "metrics": metrics},
    }


def extension_ready(name: str, events: list[str]) -> Event:
    """Give the record of `platform.extension`."""
    return {"name": name, "state": "Ready", "events": events}


def start(request_id: str, function: FunctionAbout, *, managed_instances: bool) -> Event:
    """Give the record of `platform.start`."""
    record = {"requestId": request_id, "version": function.version}
    return {**record, "functionArn": function.arn} if managed_instances else record


def runtime_done(request_id: str, status: str, duration: float) -> Event:
    """Give the record of `platform.runtimeDone`.

    Args:
        request_id: The invocation.
        status: `success`, `failure`, `error` or `timeout`.
        duration: Seconds that the function took.
    """
    record: dict[str, Any] = {"requestId": request_id, "status": status}
    if status != "success":
        record["errorType"] = "Runtime.ExitError" if status == "failure" else "Function.Error"
    return {**record, "metrics": {"durationMs": round(duration * 1000, 3), "producedBytes": 0}}


def report(request_id: str, status: str, duration: float, memory_mb: int | None) -> Event:
    """Give the record of `platform.report`.

    Args:
        request_id: The invocation.
        status: As `runtime_done` has it.
        duration: Seconds that it took, with the extensions' part.
        memory_mb: The function's memory in MiB; None leaves out what Managed Instances do.
    """
    metrics: dict[str, float] = {"durationMs": round(duration * 1000, 3)}
    if memory_mb is not None:
        metrics |= {
            "billedDurationMs": int(duration * 1000) + 1,
            "memorySizeMB": memory_mb,
            "maxMemoryUsedMB": memory_mb // 4,
        }
    return {"requestId": request_id, "status": status, "metrics": metrics}


def logs_dropped(records: int, size: int) -> Event:
    """Give the record of `platform.logsDropped`."""
    return {
        "droppedRecords": records,
        "droppedBytes": size,
        # The words of the event schema reference, "platform.logsDropped".
        "reason": "Consumer seems to have fallen behind as it has not acknowledged receipt of "
        "logs.",
    }
