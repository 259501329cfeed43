"""The package imports no os, no network, no clock and no log."""

import ast
from pathlib import Path

import pytest

import converters

_PACKAGE = Path(converters.__file__).parent
_MODULES = sorted(_PACKAGE.rglob("*.py"))
# What the package may import; everything else needs a reason, and a line here.
_ALLOWED = {
    *("__future__", "base64", "collections", "dataclasses", "decimal", "functools"),
    *("itertools", "json", "math", "operator", "re", "struct", "typing"),
    *("converters", "google", "opentelemetry", "snappy"),
}


def _imported(module: Path) -> set[str]:
    """Return the top-level names of all imports of a module, wherever in it they stand."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level
            found.add((node.module or "").partition(".")[0])
    return found


@pytest.mark.parametrize("module", _MODULES, ids=lambda module: str(module.relative_to(_PACKAGE)))
def test_imports(module: Path) -> None:
    """Each module imports from a short list, on which os, network and logging are not."""
    assert _imported(module) <= _ALLOWED
