"""What a sweep of tags costs: the whole function in a process of its own, AWS and listener here.

The process is `python -m tools.bench.tags`: it sweeps once for each line of standard input, and
writes a line of JSON each time. It does not wait between the calls of the tagging API, which AWS
would limit: a sweep of 50,000 resources takes 50 seconds more for that.
"""

import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from handler.clock import Clock
from tags.app import TagsFunction
from testing.aws_environment import REGION, environment_for
from testing.lambda_context import LambdaContext
from testing.object_store import ObjectStore
from testing.receiver import Receiver
from testing.tagging_api import OWN_ACCOUNT, Fleet, TaggingApi
from tools.bench.measurement import Cell, Effort, Measurement, Table, Target
from tools.children import ROOT, environment
from tools.instance import peak_mb

_TAGS = 10
_LIMIT_MB = 400.0
_FUNCTION = f"arn:aws:lambda:{REGION}:{OWN_ACCOUNT}:function:bench"

# The tag of each resource that changes, sweep by sweep.
_SWEEPS = {"first sweep": 0, "nothing has changed": 0, "a tag of each resource has changed": 1}


def tags(effort: Effort) -> Measurement:
    """Sweep three times; in the last sweep every series ends, and another one begins."""
    figures: dict[str, dict[str, float]] = {}
    with TaggingApi({}) as aws, ObjectStore() as store, Receiver() as receiver:
        variables = environment_for(aws.url) | {
            "AWS_ENDPOINT_URL_S3": store.url,
            "BACKUP_BUCKET": "bench",
            "LOGZIO_METRICS_LISTENER": receiver.url,
            "LOGZIO_METRICS_TOKEN": "sample-token",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "tools.bench.tags"],
            cwd=ROOT,
            env=environment(variables),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        with process:
            for words, version in _SWEEPS.items():
                aws.fleets = {OWN_ACCOUNT: Fleet(_resources(effort.resources, version))}
                process.stdin.write("\n")
                process.stdin.flush()
                figures[words] = json.loads(process.stdout.readline())
                figures[words]["state_mb"] = sum(map(len, store.objects.values())) / 1e6
            process.stdin.close()
        if receiver.violations:
            raise AssertionError(f"remote write: {receiver.violations[0]}")
    rows: list[list[Cell]] = [[words, *found.values()] for words, found in figures.items()]
    title = f"A sweep of {effort.resources:,} resources with {_TAGS} tags each"
    headers = ["", "samples", "seconds", "seconds of CPU", "peak, MB", "state in S3, MB"]
    peak = max(found["peak_mb"] for found in figures.values())
    return Measurement(
        Table(title, headers, rows),
        figures,
        [Target("peak memory of sweeps", peak, _LIMIT_MB, "MB")],
    )


def _resources(count: int, version: int) -> list[tuple[str, dict[str, str]]]:
    """Return instances with tags, of which the last one says a version."""
    place = f"arn:aws:ec2:{REGION}:{OWN_ACCOUNT}:instance"
    return [
        (
            f"{place}/i-{number:017x}",
            {
                "Name": f"shop-worker-{number:05}",
                "Team": f"team-{number % 40}",
                "CostCenter": f"{number % 200:04}",
                **{f"company:key-{key}": f"value {number % 1000}" for key in range(_TAGS - 4)},
                "Version": str(version),
            },
        )
        for number in range(count)
    ]


def main() -> None:
    """Sweep once for each line of standard input."""
    reports = sys.stdout
    with Path(os.devnull).open("w", encoding="utf-8") as log, contextlib.redirect_stdout(log):
        # The pace of the calls is AWS's limit, not what the function costs.
        clock = Clock(wait=lambda _event, _seconds: None)
        function = TagsFunction(os.environ, clock)
        for _ in sys.stdin:
            begun, processor = time.monotonic(), time.process_time()
            context = LambdaContext(begun + 240.0, invoked_function_arn=_FUNCTION)
            found = function(context)
            if found["errors"] or found["samples_sent"] != found["samples"]:
                raise AssertionError(f"the sweep has failed: {found}")
            report = {
                "samples": found["samples"],
                "seconds": time.monotonic() - begun,
                "processor_seconds": time.process_time() - processor,
                "peak_mb": peak_mb(),
            }
            reports.write(json.dumps(report) + "\n")
            reports.flush()


if __name__ == "__main__":
    main()
