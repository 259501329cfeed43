"""The modules of CPython's standard library that the extension imports, as bytecode."""

import py_compile
from collections.abc import Iterable
from modulefinder import ModuleFinder
from pathlib import Path

# Imported by name: the codecs of sockets and files, and what a traceback needs.
_BY_NAME = (
    *("encodings.ascii", "encodings.idna", "encodings.latin_1", "encodings.punycode"),
    *("encodings.utf_16_le", "encodings.utf_8"),
    *("linecache", "runpy", "site", "zipimport"),
)
# Imported in functions that the extension does not call.
_UNUSED = (
    *("_pydatetime", "_pydecimal", "_pyio", "_pyrepl", "_strptime", "argparse", "ast", "asyncio"),
    *("bz2", "cProfile", "code", "codeop", "concurrent", "ctypes", "curses", "decimal"),
    *("difflib", "dis", "doctest", "fractions", "getopt", "gettext", "importlib.metadata"),
    *("importlib.resources", "inspect", "lzma", "multiprocessing", "optparse", "pdb", "pkgutil"),
    *("plistlib", "posixpath.glob", "pprint", "profile", "pydoc", "pydoc_data", "readline"),
    *("sqlite3", "statistics", "subprocess", "sysconfig", "tarfile", "test", "tkinter"),
    *("tomllib", "tty", "unittest", "webbrowser", "xml", "xmlrpc", "zipfile"),
)


def needed(entry: Path, library: Path, extension: Path) -> set[str]:
    """Return the names of the library's modules that a program imports, directly or not.

    Args:
        entry: The program.
        library: CPython's folder `Lib`.
        extension: The folder with the package `extension`.
    """
    finder = ModuleFinder([str(extension), str(library)], excludes=_UNUSED)
    finder.run_script(str(entry))
    for name in _BY_NAME:
        finder.import_hook(name)
    files = {name: getattr(module, "__file__", None) for name, module in finder.modules.items()}
    return {name for name, file in files.items() if file and Path(file).is_relative_to(library)}


def write(names: Iterable[str], library: Path, target: Path) -> None:
    """Compile modules into a folder from which CPython imports them without their source."""
    for name in sorted(names):
        path = library.joinpath(*name.split("."))
        source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        relative = source.relative_to(library)
        py_compile.compile(
            str(source),
            cfile=str(target / relative.with_suffix(".pyc")),
            dfile=relative.as_posix(),
            doraise=True,
            # Without docstrings and assertions, and without the time of the source.
            optimize=2,
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )
