"""Build the interpreter of the layer for every runtime, and check it."""

import argparse
import shutil
import sys
from pathlib import Path

from tools.interpreter import build, elf, library
from tools.interpreter.sources import SOURCES, SourceError
from tools.layer import EXECUTABLE, PROJECT

VERSION = (3, 13)


def fill(folder: Path, made: build.Build, work: Path) -> None:
    """Put an interpreter into the folder of a layer.

    Args:
        folder: The folder of the layer, which has its executable and the app.
        made: How it is built.
        work: Where.
    """
    executable, source = made.run()
    home = folder / EXECUTABLE / f"python-{made.architecture}"
    (home / "bin").mkdir(parents=True)
    shutil.copyfile(executable, home / "bin/python3")
    (home / "bin/python3").chmod(0o755)
    target = home / f"lib/python{VERSION[0]}.{VERSION[1]}"
    entry = work / "entry.py"
    entry.write_text("import extension.main\n", encoding="utf-8")
    library.write(library.needed(entry, source / "Lib", PROJECT), source / "Lib", target)
    # CPython finds its folders by this one, and a zip has no empty folders.
    (target / "lib-dynload").mkdir()
    for name, found in SOURCES.items():
        license_file = work / found.folder / found.license_file
        shutil.copyfile(license_file, target / "lib-dynload" / f"LICENSE.{name}")


def main(argv: list[str]) -> int:
    """Build, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.interpreter", description=__doc__)
    parser.add_argument("folder", type=Path, help="the folder of the layer")
    parser.add_argument("--architecture", choices=sorted(build.PROCESSORS), required=True)
    parser.add_argument("--zig", type=Path, required=True, help="the compiler")
    parser.add_argument("--work", type=Path, required=True, help="a folder for the build")
    parser.add_argument("--sources", type=Path, nargs="*", default=[], help="folders with tarballs")
    arguments = parser.parse_args(argv)
    if sys.version_info[:2] != VERSION:
        print(
            "this has to run on CPython 3.13, whose bytecode goes into the layer", file=sys.stderr
        )
        return 1
    work = (arguments.work / arguments.architecture).resolve()
    shutil.rmtree(work, ignore_errors=True)
    tarballs = [arguments.work / "sources", *arguments.sources]
    made = build.Build(arguments.architecture, arguments.zig.resolve(), work, tarballs)
    try:
        fill(arguments.folder, made, work)
    except SourceError as error:
        print(error, file=sys.stderr)
        return 1
    program = arguments.folder / EXECUTABLE / f"python-{made.architecture}/bin/python3"
    newest = tuple(map(int, build.GLIBC.split(".")))
    if elf.machine(program) != made.architecture or elf.glibc_needed(program) > newest:
        print(f"{program} needs glibc {elf.glibc_needed(program)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
