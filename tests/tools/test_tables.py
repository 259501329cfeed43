"""The tables of the documents say what the code says."""

import re
import shutil
from pathlib import Path

import pytest

from tools.children import ROOT
from tools.tables import SETTING_NAMES, TABLES, write

DOCUMENTS = sorted({SETTING_NAMES, *(document for document, _ in TABLES.values())})


@pytest.mark.parametrize("document", DOCUMENTS)
def test_documents_are_up_to_date(document: str, tmp_path: Path) -> None:
    """`make docs` changes no document: each was written again after the last change of the code."""
    for name in DOCUMENTS:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    write(tmp_path)
    assert (tmp_path / document).read_text("utf-8") == (ROOT / document).read_text("utf-8")


def test_tests_that_documents_name_exist() -> None:
    """Each test that a document names, as proof of what it says, is in the tree."""
    named = {
        match
        for document in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
        for match in re.findall(r"`(tests/\S+?\.py)::(\w+)`", document.read_text("utf-8"))
    }
    assert named
    missing = [
        f"{path}::{name}"
        for path, name in sorted(named)
        if not (ROOT / path).is_file()
        or not re.search(rf"^def {name}\(", (ROOT / path).read_text("utf-8"), re.MULTILINE)
    ]
    assert missing == []
