"""The Pythons of this machine that the extension has to run on."""

import functools
import subprocess
import sys
from pathlib import Path

VERSIONS = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
"""Those of Lambda's managed runtimes that a layer may meet."""


@functools.cache
def pythons() -> dict[str, Path]:
    """Give the interpreters that are here and start, by their version; the tests' own is one."""
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    found = {own: Path(sys.base_prefix, "bin", f"python{own}")}
    for version in VERSIONS:
        for program in sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python{version}")):
            started = subprocess.run([program, "-c", ""], capture_output=True, check=False)
            if started.returncode == 0:
                found.setdefault(version, program)
    return {version: found[version] for version in VERSIONS if version in found}
