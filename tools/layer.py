"""The layer with the logs extension: the executable, and the package as a zipapp."""

import argparse
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

PROJECT = Path(__file__).parent.parent
SOURCE = PROJECT / "extension"
EXECUTABLE = "metric-stream-logs"
"""The name that the extension registers under, and that of its folder in the layer."""

APP = f"{EXECUTABLE}.pyz"
"""The zipapp in that folder."""

_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)
_UNIX = 3


_MAIN = "from extension.main import start\n\nstart()\n"


def fill(folder: Path) -> None:
    """Put the content of the layer into a folder.

    Args:
        folder: An empty folder, or one that does not exist.
    """
    executable = folder / "extensions" / EXECUTABLE
    home = folder / EXECUTABLE
    for parent in (executable.parent, home):
        parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(SOURCE / EXECUTABLE, executable)
    executable.chmod(0o755)
    shutil.copyfile(PROJECT / "LICENSE", home / "LICENSE")
    with tempfile.TemporaryDirectory() as temporary:
        # The executable lies beside the app, which has an entry point of its own.
        ignored = shutil.ignore_patterns("__pycache__", "__main__.py", EXECUTABLE)
        shutil.copytree(SOURCE, Path(temporary, SOURCE.name), ignore=ignored)
        Path(temporary, "__main__.py").write_text(_MAIN, encoding="utf-8")
        # Not compressed twice: the layer's own compression sees all modules at once.
        write_zip(Path(temporary), home / APP, zipfile.ZIP_STORED)


def write_zip(folder: Path, target: Path, compression: int = zipfile.ZIP_DEFLATED) -> None:
    """Write everything in a folder into a zip; the same content makes the same bytes.

    `zipapp.create_archive` would keep the times of the files, and their order on the disk.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _ZIP_EPOCH)
            entry.create_system = _UNIX  # so that the modes count
            entry.external_attr = (0o100755 if path.stat().st_mode & 0o100 else 0o100644) << 16
            archive.writestr(entry, path.read_bytes(), compression, compresslevel=9)


def main(argv: Sequence[str]) -> int:
    """Fill a folder, write it into a zip if one is named, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.layer", description=__doc__)
    parser.add_argument("folder", type=Path, help="the folder to fill")
    parser.add_argument("--zip", type=Path, help="the file to write the folder into")
    arguments = parser.parse_args(argv)
    fill(arguments.folder)
    if arguments.zip:
        write_zip(arguments.folder, arguments.zip)
        print(f"{arguments.zip}: {arguments.zip.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
