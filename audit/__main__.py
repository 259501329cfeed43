"""
`python -m audit`: the audit of all locks, and the SBOM of what ships.

It ends with 0 when every package was looked up and none has a known vulnerability, with 1
when one has or when one was not looked up, and with 2 when nothing could be looked up.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from audit.advisories import OSV_URL, Findings, NotAuditedError, audit
from audit.locks import Lock, read_lock
from audit.sbom import sbom

if TYPE_CHECKING:
    from collections.abc import Sequence

_CLEAN, _FAILED, _NOT_AUDITED = 0, 1, 2


def main(arguments: Sequence[str]) -> int:
    """Write the SBOM, audit the locks, print what was found; return the exit code."""
    options = _options(arguments)
    shipping = read_lock(options.folder / "requirements.txt")
    options.sbom.parent.mkdir(parents=True, exist_ok=True)
    options.sbom.write_text(sbom(options.folder / "pyproject.toml", shipping), encoding="utf-8")
    print(f"{options.sbom}: {len(shipping.packages)} packages that ship")
    locks = [read_lock(path) for path in sorted(options.folder.glob("requirements*.txt"))]
    try:
        findings = audit(locks, options.osv_url)
    except NotAuditedError as error:
        print(f"not audited: {error}")
        return _NOT_AUDITED
    return _report(locks, findings)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m audit", description=__doc__)
    parser.add_argument(
        "--folder", type=Path, default=Path(), help="where requirements*.txt and pyproject.toml are"
    )
    parser.add_argument(
        "--sbom", type=Path, default=Path("dist/sbom.cdx.json"), help="where to write the SBOM"
    )
    parser.add_argument("--osv-url", default=OSV_URL, help="another source of OSV's API")
    return parser.parse_args(arguments)


def _report(locks: Sequence[Lock], findings: Findings) -> int:
    """Print a line for each lock, one for each finding, and what it comes to; return the code."""
    for lock in locks:
        packages = {str(package) for package in lock.packages}
        bad = sorted(packages & findings.vulnerabilities.keys())
        print(f"{lock.name}: {len(packages)} packages, {len(bad)} with known vulnerabilities")
        for package in bad:
            print(f"  {package}: {'; '.join(findings.vulnerabilities[package])}")
    for package, reason in sorted(findings.unaudited.items()):
        print(f"  {package}: not audited: {reason}")
    if findings.vulnerabilities or findings.unaudited:
        print(
            f"failed: {len(findings.vulnerabilities)} packages with known vulnerabilities, "
            f"{len(findings.unaudited)} not audited"
        )
        return _FAILED
    print(f"audited: {len(findings.audited)} packages, none with a known vulnerability")
    return _CLEAN


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
