"""The records in the backup folder."""

import gzip
import re
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

# The messages of a line may be no JSON; the record stands in it all the same.
_RAW_DATA = re.compile(rb'"rawData": ?"([A-Za-z0-9+/=]*)"')


class UnreadableObjectError(Exception):
    """A line of a backup object has no record, or more than one."""


def failed_records(folder: Path) -> Iterator[bytes]:
    """Yield each record in the objects below `failed/`.

    Raises:
        UnreadableObjectError: There is something else.
    """
    for path in sorted((folder / "failed").rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            if path.suffix == ".gz":
                content = gzip.decompress(content)
            for line in content.splitlines():
                found = _RAW_DATA.findall(line)
                if len(found) != 1:
                    raise UnreadableObjectError(f"{path.name}: {line[:200]!r}")
                yield b64decode(found[0])
