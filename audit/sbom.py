"""
The software bill of materials of what ships, in CycloneDX.

The function's zip holds the project and the packages of `requirements.txt`; the layer with
the logs extension holds the project's own code alone.
"""

from __future__ import annotations

import json
import tomllib
import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from pathlib import Path

    from audit.locks import Lock, Package

# https://cyclonedx.org/docs/1.6/json
_SPECIFICATION = "1.6"
# So that the same packages make the same file.
_NAMESPACE = uuid.UUID("6f0a3f0c-4f8e-5d0e-9a53-2b8d2f1c7e11")


def sbom(project: Path, lock: Lock) -> str:
    """
    Return the bill as JSON; the same lock makes the same text.

    Args:
        project: The file `pyproject.toml`.
        lock: The packages that ship with the project.
    """
    about = tomllib.loads(project.read_text(encoding="utf-8"))["project"]
    root = f"{about['name']}@{about['version']}"
    packages = sorted(lock.packages)
    content = json.dumps([root, *map(str, packages)])
    document = {
        "$schema": f"http://cyclonedx.org/schema/bom-{_SPECIFICATION}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": _SPECIFICATION,
        "serialNumber": uuid.uuid5(_NAMESPACE, content).urn,
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": root,
                "name": about["name"],
                "version": about["version"],
                "description": about["description"],
                "licenses": [{"license": {"id": about["license"]}}],
            },
        },
        "components": [_component(package) for package in packages],
        "dependencies": [
            {"ref": root, "dependsOn": [_url(package) for package in packages]},
            *({"ref": _url(package)} for package in packages),
        ],
    }
    return json.dumps(document, indent=2) + "\n"


def _component(package: Package) -> dict[str, Any]:
    return {
        "type": "library",
        "bom-ref": _url(package),
        "name": package.name,
        "version": package.version,
        "purl": _url(package),
        # A package has a file for each platform; the lock lets none but these in.
        "externalReferences": [
            {
                "type": "distribution",
                "url": f"https://pypi.org/project/{package.name}/{package.version}/",
                "hashes": [{"alg": "SHA-256", "content": digest} for digest in package.hashes],
            }
        ],
    }


def _url(package: Package) -> str:
    """Return the package URL ("purl-spec", type pypi)."""
    return f"pkg:pypi/{package.name}@{quote(package.version)}"
