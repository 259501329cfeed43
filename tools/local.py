"""Invokes the built function in Lambda's container with `sam local invoke`, and shows what arrives.

python -m tools.local [--event PATH] [--all] [further options of sam local invoke]
python -m tools.local --receive [--all]

An embedded receiver listens where the container reaches it. The output ends as that of `tools.run`.
With `--receive` there is only the receiver, on the port that `events/env.json` names.
"""

import argparse
import json
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from testing.containers import reachable_address, required_sam
from testing.invocation import result_of
from testing.receiver import Receiver
from testing.servers import MissingProgramError
from testing.table import count
from tools.children import ROOT
from tools.run import (
    DEFAULT_EVENT,
    UsageError,
    end_at_interrupt,
    read_event,
    show_arrived,
    show_result,
    show_total,
)

FUNCTION = "MetricStreamFunction"
VARIABLES = ROOT / "events" / "env.json"
# The name of this machine in a container; samconfig.toml adds it where it is not known.
_HOST = "host.docker.internal"
# The port in events/env.json.
_PORT = 9090


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: The command line without the program's name; None: the process's own.

    Returns:
        Exit status: 0 when everything was accepted, 1 when not, 2 for an error before that.
    """
    parser = argparse.ArgumentParser(
        prog="python -m tools.local",
        description="Invoke the built function in a container; other options are for SAM.",
        allow_abbrev=False,
    )
    parser.add_argument("--event", type=Path, default=DEFAULT_EVENT, help="a file with one event")
    parser.add_argument("--all", action="store_true", help="show every series that arrives")
    parser.add_argument("--receive", action="store_true", help="only receive, until Ctrl-C")
    options, further = parser.parse_known_args(arguments)
    try:
        if options.receive:
            return _receive(options.all)
        return _invoke(options.event, options.all, further)
    except (MissingProgramError, UsageError) as error:
        print(error, file=sys.stderr)
        return 2


def _invoke(path: Path, show_all: bool, further: Sequence[str]) -> int:
    """Invoke the function with one event and an embedded receiver, and show what arrives there."""
    # SAM would start the container first, and then end with a traceback.
    read_event(path)
    with Receiver(address=reachable_address()) as receiver:
        variables = ROOT / "build" / "local.json"
        variables.parent.mkdir(exist_ok=True)
        variables.write_text(json.dumps(_variables(receiver.port)), encoding="utf-8")
        command = [str(required_sam()), "local", "invoke", FUNCTION]
        command += ["--event", str(path.resolve()), "--env-vars", str(variables), *further]
        print(*command, flush=True)
        # Its standard error has the progress and the function's log.
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=False)
        result = result_of(_response(done.stdout), log="")
        arrived = receiver.accepted_samples()
        counted = f"{count(arrived)} samples in {len(arrived)} series received"
        show_result(path.stem, result, counted)
        return show_total(show_arrived(receiver, result.status, show_all))


def _variables(port: int) -> dict[str, dict[str, str]]:
    """Return the content of events/env.json with another port."""
    variables: dict[str, dict[str, str]] = json.loads(VARIABLES.read_text(encoding="utf-8"))
    variables[FUNCTION]["LOGZIO_METRICS_LISTENER"] = f"http://{_HOST}:{port}/api/v1/write"
    return variables


def _response(output: bytes) -> dict[str, Any]:
    """Return what the function returned.

    Raises:
        UsageError: SAM has not invoked it, and has written why to its standard error.
    """
    try:
        response: dict[str, Any] = json.loads(output)
    except ValueError as error:
        raise UsageError("sam local invoke has failed") from error
    return response


def _receive(show_all: bool) -> int:
    """Receive until Ctrl-C, and print what has arrived whenever a second passes without more."""
    try:
        receiver = Receiver(port=_PORT, address=reachable_address())
    except OSError as error:
        raise UsageError(f"cannot listen on port {_PORT}: {error.strerror}") from error
    with receiver:
        print(f"listening on {receiver.address}:{receiver.port} until Ctrl-C", flush=True)
        shown, seen = 0, 0
        while not threading.Event().wait(1):
            requests = len(receiver.requests)
            if requests == seen > shown:
                show_arrived(receiver, 200, show_all)
                shown = seen
            seen = requests
    return 0


if __name__ == "__main__":
    end_at_interrupt()
    sys.exit(main())
