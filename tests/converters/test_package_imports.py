"""The package imports no os, no network, no clock and no log."""

import re
from pathlib import Path

import pytest

import converters

_PACKAGE = Path(converters.__file__).parent
_MODULES = sorted(_PACKAGE.rglob("*.py"))
# What the package may import; everything else needs a reason, and a line here.
_ALLOWED = {
    *("__future__", "abc", "base64", "bisect", "collections", "dataclasses", "decimal", "enum"),
    *("functools", "gzip", "itertools", "json", "math", "operator", "re", "struct", "typing"),
    *("converters", "google", "opentelemetry", "snappy"),
    # Rules for labels: MD5, which hashmod is made of, RE2 and YAML.
    *("hashlib", "re2", "yaml"),
}


@pytest.mark.parametrize("module", _MODULES, ids=lambda module: str(module.relative_to(_PACKAGE)))
def test_imports(module: Path) -> None:
    """Each module imports from a short list, on which os, network and logging are not."""
    found = re.findall(r"^\s*(?:import|from)\s+(\w+)", module.read_text("utf-8"), re.MULTILINE)
    assert set(found) <= _ALLOWED
