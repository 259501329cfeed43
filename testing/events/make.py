"""Write the sample events to `events/`, or check that they are what this code makes.

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


def main(arguments: Sequence[str] | None = None, folder: Path = _FOLDER) -> int:
    """Write or check the files.

    Args:
        arguments: The command line without the program's name; None: the process's own.
        folder: Where the files are.

    Returns:
        The exit status: 1 when `--check` finds a difference.
    """
    parser = argparse.ArgumentParser(
        prog="python -m testing.events.make", description="Sample events."
    )
    parser.add_argument("--check", action="store_true", help="write nothing, compare")
    options = parser.parse_args(arguments)
    files = {
        folder / f"{stem}.json": event
        for stem, event in (good_events(END_MS) | bad_events(END_MS)).items()
    }
    if options.check:
        stale = [path.name for path, event in files.items() if not _contains(path, event)]
        sys.stderr.writelines(f"{name}: not what events.make writes\n" for name in stale)
        return 1 if stale else 0
    for path, event in files.items():
        path.write_text(json.dumps(event, indent=2) + "\n", encoding="utf-8")
    return 0


def _contains(file: Path, event: Event) -> bool:
    try:
        return _comparable(json.loads(file.read_text(encoding="utf-8"))) == _comparable(event)
    except (OSError, ValueError):
        return False


def _comparable(event: Event) -> Event:
    """Replace a gzip body, which depends on zlib's version, by its content.

    Of a destroyed gzip body only the first two characters count; the lengths of both do not.
    """
    body = event.get("body", "")
    if event.get("isBase64Encoded"):
        content = gzip.decompress(b64decode(body)).decode()
    elif body.startswith("\x1f\ufffd"):
        content = body[:2]
    else:
        return event
    kept = {
        name: value for name, value in event["headers"].items() if name.lower() != "content-length"
    }
    return event | {"body": content, "headers": kept, "multiValueHeaders": None}


if __name__ == "__main__":
    sys.exit(main())
