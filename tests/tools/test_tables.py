"""The tables of the documents say what the code says."""

import shutil
from pathlib import Path

import pytest

from tools.children import ROOT
from tools.tables import TABLES, write


@pytest.mark.parametrize("document", sorted({document for document, _ in TABLES.values()}))
def test_documents_are_up_to_date(document: str, tmp_path: Path) -> None:
    """`make docs` changes no document: each was written again after the last change of the code."""
    for name, _ in TABLES.values():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    write(tmp_path)
    assert (tmp_path / document).read_text("utf-8") == (ROOT / document).read_text("utf-8")
