"""A folder as a zip whose bytes depend on nothing but its content."""

import argparse
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)
_UNIX = 3


def write_zip(folder: Path, target: Path, compression: int = zipfile.ZIP_DEFLATED) -> None:
    """Write everything in a folder into a zip; the same content makes the same bytes.

    `zipfile` and `zipapp.create_archive` would keep the times and modes of the files, and their
    order on the disk.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _ZIP_EPOCH)
            entry.create_system = _UNIX  # so that the modes count
            entry.external_attr = (0o100755 if path.stat().st_mode & 0o100 else 0o100644) << 16
            archive.writestr(entry, path.read_bytes(), compression, compresslevel=9)


def main(argv: Sequence[str]) -> int:
    """Write a folder into a zip, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.archive", description=__doc__)
    parser.add_argument("folder", type=Path, help="the folder to write")
    parser.add_argument("zip", type=Path, help="the file to write it into")
    arguments = parser.parse_args(argv)
    write_zip(arguments.folder, arguments.zip)
    print(f"{arguments.zip}: {arguments.zip.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
