"""The layer with the logs extension: the executable, and the package as a zipapp."""

import argparse
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from tools.archive import write_zip

PROJECT = Path(__file__).parent.parent
SOURCE = PROJECT / "extension"
EXECUTABLE = "metric-stream-logs"
"""The name that the extension registers under, and that of its folder in the layer."""

APP = f"{EXECUTABLE}.pyz"
"""The zipapp in that folder."""

_MAIN = "from extension import run\n\nrun()\n"


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


def main(argv: Sequence[str]) -> int:
    """Fill a folder, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.layer", description=__doc__)
    parser.add_argument("folder", type=Path, help="the folder to fill")
    fill(parser.parse_args(argv).folder)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
