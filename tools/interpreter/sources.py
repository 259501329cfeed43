"""The source tarballs, which are used only if they have the SHA-256 that is written here."""

import hashlib
import tarfile
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple


class SourceError(Exception):
    """A tarball is not what it should be, or not to be had."""


class Source(NamedTuple):
    """A tarball of a project.

    Attributes:
        folder: The one that it contains.
        url: Where the project offers it.
        sha256: Of that tarball; Debian's may differ, by files that the build does not use.
        license_file: In that folder.
    """

    folder: str
    url: str
    sha256: tuple[str, ...]
    license_file: str


SOURCES = {
    "python": Source(
        "Python-3.13.5",
        "https://www.python.org/ftp/python/3.13.5/Python-3.13.5.tar.xz",
        ("93e583f243454e6e9e4588ca2c2662206ad961659863277afcdb96801647d640",),
        "LICENSE",
    ),
    "openssl": Source(
        "openssl-3.5.7",
        "https://github.com/openssl/openssl/releases/download/openssl-3.5.7/openssl-3.5.7.tar.gz",
        ("a8c0d28a529ca480f9f36cf5792e2cd21984552a3c8e4aa11a24aa31aeac98e8",),
        "LICENSE.txt",
    ),
    "zlib": Source(
        "zlib-1.3.1",
        "https://zlib.net/fossils/zlib-1.3.1.tar.gz",
        (
            "9a93b2b7dfdac77ceba5a558a580e74667dd6fede4585b91eefb60f03b72df23",
            "60dd315c07f616887caa029408308a018ace66e3d142726a97db164b3b8f69fb",  # Debian's
        ),
        "LICENSE",
    ),
}


def tarball(source: Source, folders: Sequence[Path]) -> Path:
    """Return a tarball from the folders, under whatever name, or download it into the first one.

    Raises:
        SourceError: It cannot be downloaded, or the download has another SHA-256.
    """
    for folder in folders:
        for path in sorted(folder.glob("*.tar.*")):
            if _sha256(path) in source.sha256:
                return path
    folders[0].mkdir(parents=True, exist_ok=True)
    target = folders[0] / source.url.rpartition("/")[2]
    try:
        urllib.request.urlretrieve(source.url, target)
    except OSError as error:
        raise SourceError(
            f"{source.url} cannot be downloaded ({error}); SOURCES may name a folder that has it"
        ) from error
    if (found := _sha256(target)) not in source.sha256:
        target.unlink()
        raise SourceError(f"{source.url} has the SHA-256 {found}, not {source.sha256[0]}")
    return target


def unpack(source: Source, folders: Sequence[Path], target: Path) -> Path:
    """Unpack a tarball into a folder and return the one that it contains; see `tarball`."""
    with tarfile.open(tarball(source, folders)) as archive:
        archive.extractall(target, filter="data")
    return target / source.folder


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
