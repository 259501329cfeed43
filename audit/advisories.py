"""
pip-audit, and what its words are worth.

By itself pip-audit is satisfied with too little: a package that it skips, one that is for
another platform, and an advisory that it cannot read leave its exit code 0. Here each of
them is a package that was not audited.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audit.locks import Lock, Package, files_without_markers, normalised

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

OSV_URL = "https://api.osv.dev/v1/query"
"""The advisories of all of PyPI's packages, PYSEC and GitHub's among them."""

# A source of advisories that does not know this one's is none (PYSEC-2020-148 and others).
_KNOWN_BAD = Package("urllib3", "1.24.1", ("0" * 64,))

# For one package; all of them together take as long as they are many.
_SECONDS_A_REQUEST = 15
_SECONDS = 900
_CLEAN, _FOUND = 0, 1


class NotAuditedError(Exception):
    """Nothing can be said about any package; the text says why."""


@dataclass(frozen=True)
class Findings:
    """
    What is known about the packages of some requirements files.

    Attributes:
        vulnerabilities: By package as `name==version`: the id of each advisory, and in which
            versions it is mended.
        unaudited: By package or line: why nothing is known about it.
        audited: The packages that were looked up.
    """

    vulnerabilities: dict[str, list[str]] = field(default_factory=dict)
    unaudited: dict[str, str] = field(default_factory=dict)
    audited: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Said:
    """How a run of pip-audit ended: its exit code, and what it wrote."""

    code: int
    output: str
    errors: str


def audit(locks: Sequence[Lock], osv_url: str = OSV_URL) -> Findings:
    """
    Look up every package of some locks.

    Args:
        locks: The locks.
        osv_url: Where OSV's query API answers.

    Raises:
        NotAuditedError: The advisories cannot be reached, or are none.
    """
    known_bad = files_without_markers([Lock("", (_KNOWN_BAD,), ())])
    if not _findings(known_bad, osv_url).vulnerabilities:
        raise NotAuditedError(
            f"{osv_url} knows no vulnerability of {_KNOWN_BAD}, which has several: it is not a "
            "source of advisories"
        )
    found = _findings(files_without_markers(locks), osv_url)
    pinned = {str(package) for lock in locks for package in lock.packages}
    left_out = dict.fromkeys(pinned - found.audited, "pip-audit left it out")
    return Findings(found.vulnerabilities, {**left_out, **found.unaudited}, found.audited)


def read_report(said: Said) -> Findings:
    """
    Return what a run of pip-audit says, by its JSON and its warnings.

    Raises:
        NotAuditedError: It ended without a report.
    """
    report = _parsed(said.output)
    if report is None or said.code not in (_CLEAN, _FOUND):
        raise NotAuditedError(_last_line(said.errors) or f"pip-audit ended with {said.code}")
    vulnerabilities, unaudited, audited = {}, {}, set()
    for dependency in report:
        name = normalised(str(dependency.get("name")))
        if "skip_reason" in dependency:
            unaudited[name] = str(dependency["skip_reason"])
            continue
        package = f"{name}=={dependency.get('version')}"
        audited.add(package)
        if dependency.get("vulns"):
            vulnerabilities[package] = [_told(advisory) for advisory in dependency["vulns"]]
    # Such as an advisory in a schema that it does not know, which it then passes over.
    for line in said.errors.splitlines():
        if line.startswith(("WARNING:", "ERROR:")):
            unaudited[line] = "pip-audit's own words"
    if (said.code == _FOUND) != bool(vulnerabilities):
        raise NotAuditedError(
            f"pip-audit ended with {said.code}, which its report does not explain"
        )
    return Findings(vulnerabilities, unaudited, frozenset(audited))


def _findings(files: Iterable[str], osv_url: str) -> Findings:
    """Return what is known about all files together."""
    all_found = Findings()
    for content in files:
        found = read_report(_run(content, osv_url))
        all_found = Findings(
            all_found.vulnerabilities | found.vulnerabilities,
            all_found.unaudited | found.unaudited,
            all_found.audited | found.audited,
        )
    return all_found


def _run(content: str, osv_url: str) -> Said:
    """Run pip-audit, of this interpreter's environment, over the content of one file."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "requirements.txt"
        file.write_text(content, encoding="utf-8")
        command = [
            *(sys.executable, "-m", "pip_audit", "--disable-pip", "--requirement", str(file)),
            *("--vulnerability-service", "osv", "--osv-url", osv_url, "--format", "json"),
            *("--timeout", str(_SECONDS_A_REQUEST), "--cache-dir", folder),
            *("--progress-spinner", "off"),
        ]
        try:
            done = subprocess.run(  # noqa: S603 - our own interpreter and files
                command, capture_output=True, text=True, timeout=_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            raise NotAuditedError(f"pip-audit did not end within {_SECONDS} s") from None
    return Said(done.returncode, done.stdout, done.stderr)


def _parsed(output: str) -> list[dict[str, Any]] | None:
    try:
        value = json.loads(output)
    except ValueError:
        return None
    found = value.get("dependencies") if isinstance(value, dict) else None
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        return None
    return found


def _told(advisory: dict[str, Any]) -> str:
    fixed = ", ".join(advisory.get("fix_versions") or ())
    return f"{advisory.get('id')} ({f'mended in {fixed}' if fixed else 'not mended yet'})"


def _last_line(errors: str) -> str:
    """Return the end of a traceback or of a message: what went wrong in the end."""
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    return lines[-1] if lines else ""
