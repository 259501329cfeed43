"""Tables in Markdown, the machine that they were measured on, and their place in a document."""

import datetime as dt
import importlib.metadata
import os
import platform
import re
from collections.abc import Sequence
from pathlib import Path

from tabulate import tabulate

_PACKAGES = (
    "protobuf",
    "opentelemetry-proto",
    "pybase64",
    "python-snappy",
    "requests",
    "aws-lambda-powertools",
)


def markdown_table(
    headers: Sequence[str], rows: Sequence[Sequence[str | float]], decimals: Sequence[int]
) -> str:
    """Return a table; text to the left, numbers to the right.

    Args:
        headers: The columns.
        rows: Their cells; a number that is given as text stays as it is.
        decimals: Digits after the point of the numbers in each column; the last one is used
            for all columns that follow.
    """
    digits = [*decimals, *[decimals[-1]] * (len(headers) - len(decimals))]
    return tabulate(
        rows,
        headers=headers,
        tablefmt="github",
        floatfmt=tuple(f".{number}f" for number in digits),
        colalign=("left", *["right"] * (len(headers) - 1)),
        disable_numparse=[
            n for n in range(len(headers)) if any(isinstance(r[n], str) for r in rows)
        ],
    )


def write_between_markers(page: Path, name: str, text: str) -> None:
    """Replace what stands between `<!-- name:begin -->` and `<!-- name:end -->` of a document.

    Raises:
        ValueError: It has no such markers; nothing is written.
    """
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    before, found, rest = page.read_text(encoding="utf-8").partition(begin)
    _, found_end, after = rest.partition(end)
    if not found or not found_end:
        raise ValueError(f"{page.name} has no {begin} ... {end}")
    page.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}", encoding="utf-8")


def machine() -> dict[str, str | int | dict[str, str]]:
    """Return the kind of machine, the versions of what runs on it, and the date."""
    return {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "cores": os.cpu_count() or 0,
        "cpu": _cpu(),
        "system": platform.system(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "packages": {name: importlib.metadata.version(name) for name in _PACKAGES},
    }


def machine_in_words() -> str:
    """Return the machine in one line."""
    found = machine()
    return ", ".join(
        [
            f"{found['cores']} cores",
            *(str(found[key]) for key in ("cpu", "system", "python", "date")),
        ]
    )


def _cpu() -> str:
    information = Path("/proc/cpuinfo")
    text = information.read_text("utf-8") if information.exists() else ""
    name = re.search(r"^model name\s*: (.*)$", text, re.MULTILINE)
    return name[1].strip() if name else platform.processor() or platform.machine()
