"""The Python interpreters of this machine."""

import functools
import shutil
import subprocess
import sys
from pathlib import Path

VERSIONS = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
"""The versions of Lambda's managed runtimes, on which the extension has to run."""

OWN_VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"


@functools.cache
def pythons() -> dict[str, Path]:
    """Return the interpreters that are installed and start, by version; this process's is one."""
    found = {OWN_VERSION: Path(sys.base_prefix, "bin", f"python{OWN_VERSION}")}
    for version in VERSIONS:
        name = f"python{version}"
        on_path = shutil.which(name)
        installed = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/{name}"))
        for program in [*installed, *([Path(on_path)] if on_path else [])]:
            # A shim of pyenv's may be on the PATH without an interpreter behind it.
            started = subprocess.run([program, "-c", ""], capture_output=True, check=False)
            if started.returncode == 0:
                found.setdefault(version, program)
    return {version: found[version] for version in VERSIONS if version in found}
