"""Promise 1 with errors in the extension itself: one warning, and the function goes on."""

import shlex
import shutil
from pathlib import Path

import pytest

from testing.log_destinations.logzio import LogzioDestination
from tests.extension_process.running import (
    ANSWERING,
    EXECUTABLE,
    OWN_PYTHON,
    assert_left_alone,
    messages,
    shipping,
    started_by,
)


@pytest.fixture
def wrapper(tmp_path: Path) -> Path:
    """Return an empty executable of the same name."""
    file = tmp_path / EXECUTABLE.name
    file.touch(0o755)
    return file


@pytest.mark.parametrize("output", [">&- 2>&-", ">/dev/full 2>&1", "| true"])
def test_no_output(logzio: LogzioDestination, wrapper: Path, output: str) -> None:
    """Standard output is closed, full, or not read, at a verbose log level."""
    command = f"{shlex.join(map(str, started_by(OWN_PYTHON)))} $0 {output}"
    wrapper.write_text(f"#!/bin/sh\n{'' if '|' in output else 'exec '}{command}\n")
    environ = {"EXTENSION_LOG_LEVEL": "debug", "LOGS_MAX_ITEMS": "few"}
    with shipping(logzio, python=None, executable=wrapper, environ=environ) as run:
        assert_left_alone(run)
    assert messages(logzio) == ["line 0", "line 1", "line 2"]


@pytest.mark.parametrize("kind", ["missing", "folder", "garbage"])
def test_certificates(logzio: LogzioDestination, tmp_path: Path, kind: str) -> None:
    """A file of authorities that cannot be read does no harm if no TLS is used."""
    path = tmp_path / kind
    if kind == "folder":
        path.mkdir()
    elif kind != "missing":
        path.write_bytes(b"\x00garbage")
    with shipping(logzio, environ={"SSL_CERT_FILE": str(path)}) as run:
        assert_left_alone(run)
    assert messages(logzio) == ["line 0", "line 1", "line 2"]


@pytest.mark.parametrize(
    ("module", "broken"),
    [
        ("destinations/logzio", "Logzio.request"),
        ("destinations/logzio", "Logzio.interpret"),
        ("http_client", "HttpClient.__init__"),
        ("router", "Router.route"),
        ("invocations", "Invocations.done"),
        ("lambda_api", "LambdaApi.subscribe"),
        ("main", "listen"),
        ("buffer", "Buffer.take"),
        ("results", "ResultHandler.report_losses"),
        ("shipper", "Shipper.begin_flush"),
    ],
)
def test_broken_layer(logzio: LogzioDestination, tmp_path: Path, module: str, broken: str) -> None:
    """An error anywhere in the package, here on purpose, causes one warning and no end."""
    executable = broken_layer(tmp_path, module, broken)
    with shipping(logzio, executable=executable, environ=ANSWERING, faulty=True) as run:
        # If the end of an invocation is missed, the wait lasts until just before the deadline.
        assert_left_alone(run, "ZeroDivisionError", deadline=2.0)


def broken_layer(folder: Path, module: str, broken: str) -> Path:
    """Copy the extension with one function that always fails; return the executable."""
    layer = folder / "extension"
    shutil.copytree(EXECUTABLE.parent, layer, ignore=shutil.ignore_patterns("__pycache__"))
    file = layer / f"{module}.py"
    text = f"\n\ndef _broken(*_: object, **__: object):\n    1 / 0\n\n\n{broken} = _broken\n"
    file.write_text(file.read_text(encoding="utf-8") + text, encoding="utf-8")
    return layer / EXECUTABLE.name
