"""The destinations run on every Python that the layer may meet."""

import subprocess
from pathlib import Path

import pytest

from testing.pythons import pythons
from tests.support.log_destinations import ENOUGH

ROOT = Path(__file__).resolve().parents[2]
# Run by the Python under test: prints the name of each destination that has written a body.
PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
from extension.destinations import choose
from extension.records import FunctionIdentity, LogRecord
from extension.settings import read_settings
environ = dict(pair.split("=", 1) for pair in sys.argv[2:])
settings = read_settings(environ)
identity = FunctionIdentity("fn", "1", "us-east-1", "123456789012")
chosen = choose(settings.destination_names, environ, identity, str, lambda: 1725012000.0)
deep = []
for _ in range(100_000):
    deep = [deep]
values = ["hi\\n", '{"a": [1]}', {"a": {"b": None}, "timestamp": "2024-08-30T10:00:00Z"},
          [1.5, True], None, float("nan"), "\\ud800\\0", "x" * 600_000, 10**5000,
          {"d": deep}, '{"a":' * 100_000, {str(n): n for n in range(2000)}]
for made in chosen.destinations:
    for kind in ("function", "platform.report"):
        records = [LogRecord("2024-08-30T10:00:00.123Z", kind, v, "r", "INFO") for v in values]
        request = made.request([made.encode(record) for record in records])
        assert request.body
    print(made.name)
    sys.stdout.flush()
import os
os._exit(0)
"""


@pytest.mark.slow
@pytest.mark.parametrize("version", pythons())
@pytest.mark.parametrize("name", ENOUGH)
def test_python(version: str, name: str) -> None:
    """Each destination writes every kind of record."""
    program = [str(pythons()[version]), "-I", "-W", "error", "-c", PROGRAM, str(ROOT)]
    pairs = [f"{key}={value}" for key, value in ENOUGH[name].items()]
    run = subprocess.run([*program, *pairs], capture_output=True, text=True, check=False)
    assert (run.stderr, run.stdout.split("\n")) == ("", [name, ""])
