"""What the figures were measured on, without anything that names the machine."""

import datetime as dt
import importlib.metadata
import os
import platform
from pathlib import Path

_PACKAGES = (
    "protobuf",
    "opentelemetry-proto",
    "python-snappy",
    "requests",
    "aws-lambda-powertools",
)


def describe() -> dict[str, str | int | dict[str, str]]:
    """Give the kind of machine, the versions of what runs on it, and the date."""
    return {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "cores": os.cpu_count() or 0,
        "cpu": _cpu(),
        "system": platform.system(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "packages": {name: importlib.metadata.version(name) for name in _PACKAGES},
    }


def words() -> str:
    """Give the same in one line."""
    found = describe()
    return (
        f"{found['cores']} cores, {found['cpu']}, {found['system']}, {found['python']}, "
        f"{found['date']}"
    )


def _cpu() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text("utf-8").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()
