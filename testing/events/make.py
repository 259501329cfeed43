"""Write the sample events into this folder, or check that they are what this code makes.

python -m testing.events.make [--check]
"""

import argparse
import gzip
import json
import sys
from base64 import b64decode
from collections.abc import Sequence
from pathlib import Path

from testing.events.fleet import END_MS
from testing.events.ingresses import Event
from testing.events.samples import bad_events, good_events

_FOLDER = Path(__file__).parents[2] / "events"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the files.

    Args:
        arguments: The command line without the program's name; None for the process's own.

    Returns:
        The exit status: 1 when `--check` finds a difference.
    """
    parser = argparse.ArgumentParser(
        prog="python -m testing.events.make", description="Sample events."
    )
    parser.add_argument("--check", action="store_true", help="write nothing, compare")
    options = parser.parse_args(arguments)
    events = good_events(END_MS) | bad_events(END_MS)
    if options.check:
        stale = differing(_FOLDER, events)
        sys.stderr.writelines(f"{name}: not what events.make writes\n" for name in stale)
        return 1 if stale else 0
    for stem, event in events.items():
        (_FOLDER / f"{stem}.json").write_text(_text(event), encoding="utf-8")
    return 0


def differing(folder: Path, events: dict[str, Event]) -> list[str]:
    """Compare the files of a folder with events.

    Args:
        folder: Where the files are.
        events: The events by the stem of their file's name.

    Returns:
        The names of the files that are missing or hold something else.
    """
    return [
        f"{stem}.json"
        for stem, event in events.items()
        if not _holds(folder / f"{stem}.json", event)
    ]


def _text(event: Event) -> str:
    return json.dumps(event, indent=2) + "\n"


def _holds(file: Path, event: Event) -> bool:
    try:
        text = file.read_text(encoding="utf-8")
        return text == _text(event) or _comparable(json.loads(text)) == _comparable(event)
    except (OSError, ValueError):
        return False


def _comparable(event: Event) -> Event:
    """Replace a gzip body by what it means, for zlib's versions compress differently.

    A gzip body counts by what it inflates to, a destroyed one by its first two characters; their
    lengths do not count.
    """
    body = event.get("body", "")
    if event.get("isBase64Encoded"):
        meaning = gzip.decompress(b64decode(body)).decode()
    elif body.startswith("\x1f\ufffd"):
        meaning = body[:2]
    else:
        return event
    kept = {
        name: value for name, value in event["headers"].items() if name.lower() != "content-length"
    }
    return event | {"body": meaning, "headers": kept, "multiValueHeaders": None}


if __name__ == "__main__":
    sys.exit(main())
