"""A function's process: polls the Runtime API, and calls a handler.

`python -m testing.lambda_services.runtime` reads `AWS_LAMBDA_RUNTIME_API` and `_HANDLER` from its
environment, as Lambda's own runtimes do, and ends when the API goes away.
"""

import http.client
import importlib
import json
import os
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from testing.lambda_context import LambdaContext

_RUNTIME = "/2018-06-01/runtime"

Handler = Callable[[Any, LambdaContext], Any]


def run(environ: Mapping[str, str]) -> int:
    """Handle invocations until the Runtime API goes away.

    Returns:
        The exit status: 1 where the handler could not be imported, which was reported.
    """
    connection = http.client.HTTPConnection(environ["AWS_LAMBDA_RUNTIME_API"])
    try:
        handler = _handler(environ["_HANDLER"])
    except Exception as error:  # noqa: BLE001 -- reported to the Runtime API, whatever it is
        _post(connection, f"{_RUNTIME}/init/error", _error(error))
        return 1
    while True:
        try:
            _handle_one(connection, handler, environ)
        except (OSError, http.client.HTTPException):
            return 0


def _handler(name: str) -> Handler:
    """Import a handler by its dotted name."""
    module, _, function = name.rpartition(".")
    found: Handler = getattr(importlib.import_module(module), function)
    return found


def _handle_one(
    connection: http.client.HTTPConnection, handler: Handler, environ: Mapping[str, str]
) -> None:
    """Fetch an invocation, and send its response or its error."""
    connection.request("GET", f"{_RUNTIME}/invocation/next")
    answer = connection.getresponse()
    event = json.loads(answer.read())
    request_id = answer.headers["Lambda-Runtime-Aws-Request-Id"]
    left = int(answer.headers["Lambda-Runtime-Deadline-Ms"]) / 1000 - time.time()
    context = LambdaContext(
        time.monotonic() + left,
        aws_request_id=request_id,
        function_name=environ["AWS_LAMBDA_FUNCTION_NAME"],
        function_version=environ["AWS_LAMBDA_FUNCTION_VERSION"],
        memory_limit_in_mb=int(environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]),
        invoked_function_arn=answer.headers["Lambda-Runtime-Invoked-Function-Arn"],
    )
    path = f"{_RUNTIME}/invocation/{request_id}"
    try:
        body = json.dumps(handler(event, context)).encode()
    except Exception as error:  # noqa: BLE001 -- reported to the Runtime API, whatever it is
        traceback.print_exc()
        _post(connection, f"{path}/error", _error(error))
    else:
        _post(connection, f"{path}/response", body)


def _post(connection: http.client.HTTPConnection, path: str, body: bytes) -> None:
    """Send a result, and read the reply."""
    connection.request("POST", path, body)
    connection.getresponse().read()


def _error(error: Exception) -> bytes:
    """Write an error as the Runtime API expects it."""
    return json.dumps({"errorMessage": str(error), "errorType": type(error).__name__}).encode()


if __name__ == "__main__":
    raise SystemExit(run(os.environ))
