"""`make audit` is green only where every package was looked up and nothing was found."""

from __future__ import annotations

import json
import os
import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft7Validator
from referencing import Registry, Resource

from audit.advisories import Findings, NotAuditedError, Said, read_report
from audit.locks import files_without_markers, read_lock
from audit.sbom import sbom
from local.emulator import PROJECT
from tests.security.advisories import KNOWN_BAD, AdvisorySource
from tests.support.misbehaving import nobody

if TYPE_CHECKING:
    from pathlib import Path

PYTHON = PROJECT / ".venv" / "audit" / "bin" / "python"
HASH = f"--hash=sha256:{'a' * 64}"
LOCK = f"""# a comment
alpha==1.0 \\
    {HASH} \\
    --hash=sha256:{"b" * 64}
    # via -r requirements.in
beta-x==2.0 ; sys_platform == 'win32' \\
    {HASH}
"""
OTHER_LOCK = f"""gamma==1 ; python_full_version < '3.0' \\
    {HASH}
gamma==2 ; python_full_version >= '3.0' \\
    {HASH}
"""
LOCKED = {"alpha==1.0", "beta-x==2.0", "gamma==1", "gamma==2"}
LOCKS = sorted(PROJECT.glob("requirements*.txt"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a project with two locks."""
    if not PYTHON.exists():
        words = "pip-audit is missing; make .venv/audit.stamp installs it"
        if os.environ.get("CI"):
            pytest.fail(words)
        pytest.skip(words)
    (tmp_path / "requirements.txt").write_text(LOCK)
    (tmp_path / "requirements-dev.txt").write_text(OTHER_LOCK)
    (tmp_path / "pyproject.toml").write_bytes((PROJECT / "pyproject.toml").read_bytes())
    return tmp_path


def run(folder: Path, url: str) -> tuple[int, str]:
    """Run the command over a folder with a source of advisories; return its code and its words."""
    command: list[str | Path] = [
        PYTHON,
        "-m",
        "audit",
        "--folder",
        folder,
        "--sbom",
        folder / "dist" / "sbom.json",
    ]
    done = subprocess.run(
        [*command, "--osv-url", url],
        cwd=PROJECT,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "NO_PROXY": "127.0.0.1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=300,
        check=False,
    )
    return done.returncode, done.stdout.decode()


def test_clean(folder: Path) -> None:
    """Where nothing is known of any package, on whichever platform it runs, the audit is green."""
    with AdvisorySource() as source:
        code, said = run(folder, source.url)
    assert code == 0
    assert said.splitlines()[-1] == "audited: 4 packages, none with a known vulnerability"
    assert set(source.asked) == LOCKED | set(KNOWN_BAD)


def test_vulnerable(folder: Path) -> None:
    """A vulnerable package fails it, also one that is not for the platform of the audit."""
    bad = {"beta-x==2.0": ["CVE-2026-1"], "gamma==1": ["PYSEC-2026-2", "CVE-2026-3"]}
    with AdvisorySource(KNOWN_BAD | bad) as source:
        code, said = run(folder, source.url)
    assert code == 1
    assert "requirements.txt: 2 packages, 1 with known vulnerabilities" in said
    assert "  beta-x==2.0: CVE-2026-1 (mended in 99.0)\n" in said
    assert "PYSEC-2026-2" in said
    assert "CVE-2026-3" in said
    assert said.splitlines()[-1] == "failed: 2 packages with known vulnerabilities, 0 not audited"


def test_skipped(folder: Path) -> None:
    """A package that pip-audit skips, from a URL for instance, fails it."""
    line = f"delta @ https://example.invalid/delta-1.0-py3-none-any.whl {HASH}\n"
    (folder / "requirements.txt").write_text(LOCK + line)
    with AdvisorySource() as source:
        code, said = run(folder, source.url)
    assert (code, "  delta: not audited: URL requirements cannot be pinned" in said) == (1, True)
    assert said.splitlines()[-1] == "failed: 0 packages with known vulnerabilities, 1 not audited"


def test_unpinned(folder: Path) -> None:
    """A lock with a line without a hash is no lock, and nothing is green."""
    (folder / "requirements-dev.txt").write_text("gamma>=1\n")
    with AdvisorySource() as source:
        code, said = run(folder, source.url)
    assert code == 2
    assert said.splitlines()[-1].startswith("not audited: ERROR:")
    assert "hashed requirements" in said


def test_advisory_that_cannot_be_read(folder: Path) -> None:
    """An advisory in a form that pip-audit passes over is not taken for none."""
    with AdvisorySource(KNOWN_BAD, schema="2.0.0") as source:
        code, words = run(folder, source.url)
    assert (code, words.splitlines()[-1][:12]) == (2, "not audited:")


def test_unreachable(folder: Path) -> None:
    """Where no source answers, the last line says `not audited` and why, and the SBOM is there."""
    with nobody() as url:
        code, said = run(folder, url)
    assert code == 2
    assert said.splitlines()[-1].startswith("not audited: ")
    assert "refused" in said.splitlines()[-1]
    assert json.loads((folder / "dist" / "sbom.json").read_text())["bomFormat"] == "CycloneDX"


@pytest.mark.parametrize(("known", "status"), [({}, 200), (KNOWN_BAD, 404), (KNOWN_BAD, 500)])
def test_no_source_of_advisories(folder: Path, known: dict[str, list[str]], status: int) -> None:
    """What answers but knows no advisory, or fails, is not taken for good news."""
    with AdvisorySource(known, status) as source:
        code, said = run(folder, source.url)
    assert (code, said.splitlines()[-1][:12]) == (2, "not audited:")


ALPHA = frozenset({"alpha==1.0"})
SKIPPED = {"name": "Alpha_X", "skip_reason": "Dependency not found on PyPI: Alpha_X (1.0)"}
CLEAN = {"name": "alpha", "version": "1.0", "vulns": []}
BAD = CLEAN | {"vulns": [{"id": "CVE-2026-1", "fix_versions": [], "aliases": []}]}
WARNING = "WARNING:pip_audit._service.osv:Unsupported OSV schema version: 2.0.0"


@pytest.mark.parametrize(
    ("code", "dependencies", "errors", "expected"),
    [
        (0, [CLEAN], "No known", Findings({}, {}, ALPHA)),
        (
            1,
            [BAD],
            "Found 1",
            Findings({"alpha==1.0": ["CVE-2026-1 (not mended yet)"]}, {}, ALPHA),
        ),
        (0, [SKIPPED], "", Findings({}, {"alpha-x": SKIPPED["skip_reason"]}, frozenset())),
        (
            0,
            [CLEAN],
            WARNING,
            Findings({}, {WARNING: "pip-audit's own words"}, ALPHA),
        ),
    ],
    ids=["clean", "vulnerable", "skipped", "passed over"],
)
def test_reports(code: int, dependencies: list[Any], errors: str, expected: Findings) -> None:
    """A report of pip-audit says what it says, and what it keeps quiet about is not audited."""
    output = json.dumps({"dependencies": dependencies, "fixes": []})
    assert read_report(Said(code, output, errors)) == expected


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (Said(1, "", "Traceback\n  line\nConnectionError: no\n"), "ConnectionError: no"),
        (Said(0, "", ""), "pip-audit ended with 0"),
        (Said(0, "[]", ""), "pip-audit ended with 0"),
        (Said(0, '{"dependencies": [1]}', ""), "pip-audit ended with 0"),
        (Said(2, json.dumps({"dependencies": [CLEAN]}), "usage"), "usage"),
        (Said(1, json.dumps({"dependencies": [CLEAN]}), ""), "does not explain"),
        (Said(0, json.dumps({"dependencies": [BAD]}), ""), "does not explain"),
    ],
)
def test_no_reports(said: Said, words: str) -> None:
    """What is no whole report of pip-audit, or contradicts its exit code, is none."""
    with pytest.raises(NotAuditedError, match=re.escape(words)):
        read_report(said)


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_locks_of_the_project(path: Path) -> None:
    """Each lock of the project pins all that it names, with hashes, and each pin is audited."""
    lock = read_lock(path)
    pins = re.findall(r"^[A-Za-z0-9][^\s#]*==", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert (lock.others, len(lock.packages)) == ((), len(pins))
    assert all(package.hashes for package in lock.packages)
    files = files_without_markers([lock])
    assert {str(package) for package in lock.packages} == set(
        re.findall(r"^(\S+) --hash", "".join(files), re.MULTILINE)
    )


def test_sbom_is_valid_and_of_what_ships() -> None:
    """The SBOM keeps CycloneDX's schema, and names just the packages of the function's lock."""
    lock = read_lock(PROJECT / "requirements.txt")
    text = sbom(PROJECT / "pyproject.toml", lock)
    assert text == sbom(PROJECT / "pyproject.toml", lock)
    document = json.loads(text)
    assert [c["purl"] for c in document["components"]] == [
        f"pkg:pypi/{package.name}@{package.version}" for package in sorted(lock.packages)
    ]
    hashes = {
        entry["content"]
        for component in document["components"]
        for entry in component["externalReferences"][0]["hashes"]
    }
    assert hashes == {digest for package in lock.packages for digest in package.hashes}
    (schemas,) = (PYTHON.parents[1] / "lib").glob("python*/site-packages/cyclonedx/schema/_res")
    by_name = {
        name: json.loads((schemas / f"{name}.SNAPSHOT.schema.json").read_text(encoding="utf-8"))
        for name in ("bom-1.6", "spdx", "jsf-0.82")
    }
    registry: Registry[Any] = Registry().with_resources(
        (f"http://cyclonedx.org/schema/{name}.SNAPSHOT.schema.json", Resource.from_contents(schema))
        for name, schema in by_name.items()
    )
    Draft7Validator(by_name["bom-1.6"], registry=registry).validate(document)
