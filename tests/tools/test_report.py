"""Tables in documents."""

from pathlib import Path

import pytest

from tools.bench.__main__ import PAGE
from tools.children import ROOT
from tools.report import write_between_markers


def test_a_table_replaces_the_one_between_the_markers(tmp_path: Path) -> None:
    """Writing twice leaves one copy, and the rest of the page as it was."""
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- a:begin -->\nold\n<!-- a:end -->\nafter\n", "utf-8")
    for _ in range(2):
        write_between_markers(page, "a", "| new |")
    assert page.read_text("utf-8") == (
        "before\n<!-- a:begin -->\n\n| new |\n\n<!-- a:end -->\nafter\n"
    )


@pytest.mark.parametrize(
    ("page", "name"),
    [
        (PAGE, "bench"),
        (ROOT / "docs" / "reliability.md", "hostile"),
        (ROOT / "docs" / "reliability.md", "load"),
    ],
)
def test_the_pages_in_the_tree_have_their_markers(page: Path, name: str) -> None:
    """Each document that a tool writes to has that tool's markers once."""
    assert page.read_text("utf-8").count(f"<!-- {name}:") == 2
