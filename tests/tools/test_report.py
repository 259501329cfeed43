"""Tables in documents."""

from pathlib import Path

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
