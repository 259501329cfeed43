"""The events that the platform writes (Lambda telemetry API event schema reference)."""

import json
import time
from collections.abc import Mapping
from typing import Any

from testing.lambda_services.faults import FunctionInfo

EventRecord = Mapping[str, Any]
"""The `record` of an event."""


def event_json(kind: str, record: Any, at: float | None = None) -> bytes:
    """Write an event as a delivery contains it.

    Args:
        kind: Its `type`.
        record: Its `record`: any value of JSON. Lone surrogates are escaped.
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


def init_start(function: FunctionInfo, kind: str) -> EventRecord:
    """Return the record of `platform.initStart`; `kind` is `on-demand`, for instance."""
    return {
        "initializationType": kind,
        "phase": "init",
        "functionName": function.name,
        "functionVersion": function.version,
    }


def init_ends(seconds: float, kind: str) -> dict[str, EventRecord]:
    """Return the records that end an init phase, by their types."""
    done = {"initializationType": kind, "phase": "init", "status": "success"}
    report = {**done, "metrics": {"durationMs": _milliseconds(seconds)}}
    return {"platform.initRuntimeDone": done, "platform.initReport": report}


def start(request_id: str, function: FunctionInfo, *, managed_instances: bool) -> EventRecord:
    """Return the record of `platform.start`."""
    record = {"requestId": request_id, "version": function.version}
    return {**record, "functionArn": function.arn} if managed_instances else record


def runtime_done(request_id: str, status: str, seconds: float) -> EventRecord:
    """Return the record of `platform.runtimeDone`.

    Args:
        request_id: The invocation.
        status: `success`, `failure`, `error` or `timeout`.
        seconds: How long the function took.
    """
    record: dict[str, Any] = {"requestId": request_id, "status": status}
    if status != "success":
        record["errorType"] = "Runtime.ExitError" if status == "failure" else "Function.Error"
    return {**record, "metrics": {"durationMs": _milliseconds(seconds), "producedBytes": 0}}


def report(request_id: str, status: str, seconds: float, memory_mb: int | None) -> EventRecord:
    """Return the record of `platform.report`.

    Args:
        request_id: The invocation.
        status: As in `runtime_done`.
        seconds: How long the invocation took, including the extensions.
        memory_mb: The function's memory in MiB; None on Managed Instances, which report none.
    """
    metrics = {"durationMs": _milliseconds(seconds)}
    if memory_mb is not None:
        metrics["billedDurationMs"] = int(seconds * 1000) + 1
        metrics |= {"memorySizeMB": memory_mb, "maxMemoryUsedMB": memory_mb // 4}
    return {"requestId": request_id, "status": status, "metrics": metrics}


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)
