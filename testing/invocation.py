"""Invokes the function as Lambda does, in this process, and reads its log."""

import contextlib
import importlib
import io
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from handler.errors import UndeliveredError
from testing.lambda_context import LambdaContext

_ACCESS_KEY_HEADER = "x-amz-firehose-access-key"
_LEVELS_SHOWN = ("WARNING", "ERROR", "CRITICAL")
_RECORDS_SHOWN = 2
_KEYS_NOT_SHOWN = frozenset(
    {
        "cold_start",
        "function_arn",
        "function_memory_size",
        "function_name",
        "function_request_id",
        "level",
        "location",
        "message",
        "service",
        "timestamp",
        "xray_trace_id",
    }
)


@dataclass(frozen=True, slots=True)
class InvocationResult:
    """The result of one invocation.

    Attributes:
        status: HTTP status of the response; for a transformation 200 or, where a record was not
            delivered, 500. 503 where the invocation failed.
        summary: The response in a few words.
        response: What Firehose reads; of a transformation the first records, without their data.
        warnings: The function's log lines from WARNING upwards.
        log: All JSON objects that the function wrote, including its metrics.
    """

    status: int
    summary: str
    response: str
    warnings: tuple[str, ...]
    log: tuple[Mapping[str, Any], ...]

    def metric(self, name: str, reason: str | None = None) -> int:
        """Sum a metric in CloudWatch's embedded format, of one dimension Reason or without it."""
        documents = (it for it in self.log if "_aws" in it and it.get("Reason") == reason)
        values = [document.get(name, 0) for document in documents]
        return int(sum(sum(value) if isinstance(value, list) else value for value in values))

    def logged(self, name: str) -> int:
        """Sum a number that the function wrote as a field of its log lines."""
        values = [line.get(name) for line in self.log if "_aws" not in line]
        return sum(value for value in values if isinstance(value, int))


class Function:
    """A function in this process.

    The settings are read when the function is first loaded: one with other settings needs another
    process.

    Args:
        settings: Environment variables to set; None: to remove.
        module: The module with its `lambda_handler`.
    """

    def __init__(self, settings: Mapping[str, str | None], module: str = "handler.app") -> None:
        for name, value in settings.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        # The function logs to the object that is stdout while it is loaded.
        self._output = io.StringIO()
        self._read = 0
        with contextlib.redirect_stdout(self._output):
            self._handler = importlib.import_module(module).lambda_handler

    def invoke(self, event: Any, name: str) -> InvocationResult:
        """Invoke the receiver once; see `call`."""
        return result_of(*self.call(event, name))

    def call(self, event: Any, name: str) -> tuple[Mapping[str, Any], str]:
        """Invoke the function once.

        Args:
            event: A Lambda event.
            name: Becomes part of the request id in the log.

        Returns:
            What it returned, or Lambda's `errorMessage`, and what it wrote.
        """
        context = LambdaContext.starting_now(aws_request_id=f"local-{name}")
        with contextlib.redirect_stdout(self._output):
            try:
                response = self._handler(event, context)
            except UndeliveredError as error:
                response = {"errorMessage": str(error)}
        log = self._output.getvalue()[self._read :]
        self._read = self._output.tell()
        return response, log


def result_of(response: Mapping[str, Any], log: str) -> InvocationResult:
    """Read the response and the log of one invocation.

    Args:
        response: What the function returned; of a failed invocation Lambda's `errorMessage`.
        log: What it wrote.
    """
    lines = tuple(_objects(log))
    warnings = tuple(_text(line) for line in lines if line.get("level") in _LEVELS_SHOWN)
    if "records" in response:
        return InvocationResult(*_transformed(response["records"]), warnings, lines)
    if "statusCode" in response:
        status = int(response["statusCode"])
        return InvocationResult(status, f"HTTP {status}", response["body"], warnings, lines)
    failure = str(response.get("errorMessage", response))
    return InvocationResult(503, "the invocation failed", failure, warnings, lines)


def access_key_of(event: Any) -> str | None:
    """Return the access key in the headers of an event; None where it has none."""
    if not isinstance(event, Mapping):
        return None
    for field in ("headers", "multiValueHeaders"):
        for name, value in (event.get(field) or {}).items():
            if name.lower() == _ACCESS_KEY_HEADER and value:
                return str(value[0] if isinstance(value, list) else value)
    return None


def _transformed(records: list[dict[str, Any]]) -> tuple[int, str, str]:
    """Return status, summary and text of the response to a transformation event."""
    results = Counter(record["result"] for record in records)
    summary = ", ".join(f"{count} {result}" for result, count in sorted(results.items()))
    first = [{k: v for k, v in it.items() if k != "data"} for it in records[:_RECORDS_SHOWN]]
    more = f", and {len(records) - len(first)} more" if len(records) > len(first) else ""
    status = 200 if results.keys() <= {"Ok", "Dropped"} else 500
    return status, summary or "no records", json.dumps(first) + more


def _objects(output: str) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects of an output that has one in each line."""
    for line in output.splitlines():
        with contextlib.suppress(ValueError):
            parsed = json.loads(line)
            if isinstance(parsed, dict):
                yield parsed


def _text(line: Mapping[str, Any]) -> str:
    """Write a log line for a terminal, without what all lines have in common."""
    rest = " ".join(f"{k}={v}" for k, v in line.items() if k not in _KEYS_NOT_SHOWN)
    return f"{line['level']} {line.get('message', '')} {rest}".rstrip()
