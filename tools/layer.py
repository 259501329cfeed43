"""The layer with the logs extension: the executable, and the package as one file beside it."""

from __future__ import annotations

import argparse
import io
import shutil
import subprocess
import sys
import tempfile
import tokenize
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

PROJECT = Path(__file__).parent.parent
SOURCE = PROJECT / "extension"
EXECUTABLE = "metric-stream-logs"
"""The name that the extension registers under, and that of its folder in the layer."""

PACKAGE = "extension.zip"
"""The package in that folder, which Python imports from the file as it is."""

_IN_LAMBDA = f"/opt/{EXECUTABLE}/{PACKAGE}"
_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)
_UNIX = 3

# What is loaded before an invocation can begin, with the default destination. What comes later is
# left as source: a layer is to stay small, and its loading delays nothing that waits.
_STARTED = ("extension.main",)
_PRINT_LOADED = """
import importlib, sys
sys.path.insert(0, sys.argv[1])
for name in sys.argv[2:]:
    importlib.import_module(name)
print(*(m.__file__ for n, m in sorted(sys.modules.items()) if n.startswith("extension")), sep="\\n")
"""

# What the logical line before a string ends with where that string stands alone.
_LINE_STARTS = (tokenize.NEWLINE, tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.COMMENT)


def fill(folder: Path, interpreter: str) -> None:
    """
    Put the content of the layer into a folder.

    Args:
        folder: An empty folder, or one that does not exist.
        interpreter: The program to compile with; where it is not here this is told, and the
            package is left as source. Other versions of Python run the source in any case.

    Raises:
        CalledProcessError: A module cannot be compiled.
    """
    executable = folder / "extensions" / EXECUTABLE
    home = folder / EXECUTABLE
    for parent in (executable.parent, home):
        parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(SOURCE / EXECUTABLE, executable)
    executable.chmod(0o755)
    shutil.copyfile(PROJECT / "LICENSE", home / "LICENSE")
    with tempfile.TemporaryDirectory() as temporary:
        package = Path(temporary)
        for source in SOURCE.rglob("*.py"):
            target = package / source.relative_to(PROJECT)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(without_comments(source.read_text(encoding="utf-8")), "utf-8")
        if _starts(interpreter):
            _compile(package, interpreter)
        else:
            print(f"no {interpreter} here: without compiled modules a cold start takes longer")
        # Not compressed twice: the layer's own compression sees all modules at once, which
        # makes it half as large, and there is nothing to inflate at a start.
        write_zip(package, home / PACKAGE, zipfile.ZIP_STORED)


def without_comments(source: str) -> str:
    """Return a module without comments and docstrings, everything else in the line where it was."""
    lines = source.splitlines(keepends=True)
    tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    kinds = [tokenize.NEWLINE, *(token.type for token in tokens), tokenize.ENDMARKER]
    # From the end, so that the places of what comes before stay what they are.
    for before, token, after in reversed(list(zip(kinds[:-2], tokens, kinds[2:], strict=True))):
        if token.type == tokenize.COMMENT:
            _cut(lines, token, "")
        elif token.type == tokenize.STRING and before in _LINE_STARTS and after == tokenize.NEWLINE:
            # A string still, since a function may have nothing else in it.
            _cut(lines, token, '""')
    return "".join(lines)


def _cut(lines: list[str], token: tokenize.TokenInfo, instead: str) -> None:
    (first, start), (last, end) = token.start, token.end
    kept = lines[first - 1][:start] + instead + lines[last - 1][end:].rstrip()
    lines[first - 1 : last] = [kept.rstrip() + "\n", *["\n"] * (last - first)]


def _starts(interpreter: str) -> bool:
    """Tell whether a program is there; a shim of pyenv's may have nothing behind it."""
    if shutil.which(interpreter) is None:
        return False
    done = subprocess.run([interpreter, "-I", "-c", ""], capture_output=True, check=False)
    return done.returncode == 0


def _compile(package: Path, interpreter: str) -> None:
    """Write a .pyc file, which nothing compares with the source, beside each module of a start."""
    loaded = subprocess.run(
        [interpreter, "-I", "-B", "-c", _PRINT_LOADED, str(package), *_STARTED],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    subprocess.run(
        [
            *(interpreter, "-I", "-X", "no_debug_ranges", "-m", "compileall", "-q", "-b"),
            *("-o", "2", "--invalidation-mode", "unchecked-hash"),
            *("-s", str(package), "-p", _IN_LAMBDA, *loaded.stdout.splitlines()),
        ],
        check=True,
    )


def write_zip(folder: Path, target: Path, compression: int = zipfile.ZIP_DEFLATED) -> None:
    """Write everything in a folder into a zip; the same content makes the same bytes."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _ZIP_EPOCH)
            entry.create_system = _UNIX  # whose modes these are
            entry.external_attr = (0o100755 if path.stat().st_mode & 0o100 else 0o100644) << 16
            archive.writestr(entry, path.read_bytes(), compression, compresslevel=9)


def main(argv: Sequence[str]) -> int:
    """Fill a folder, write it into a zip where one is named, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m local.layer", description=__doc__)
    parser.add_argument("folder", type=Path, help="the folder to fill")
    parser.add_argument("--python", required=True, help="the program to compile with")
    parser.add_argument("--zip", type=Path, help="the file to write the folder into")
    arguments = parser.parse_args(argv)
    fill(arguments.folder, arguments.python)
    if arguments.zip:
        write_zip(arguments.folder, arguments.zip)
        print(f"{arguments.zip}: {arguments.zip.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
