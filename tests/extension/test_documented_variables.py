"""The tables of docs/logs-extension.md, written by hand, say what the code declares."""

import re

import pytest

from extension.settings import DECLARED
from tools.children import ROOT

SECTIONS = {
    "all": "All destinations",
    "logzio": "Logz.io",
    "loki": "Grafana Loki",
    "openobserve": "OpenObserve",
    "datatap": "Data Tap",
}
DOCUMENT = (ROOT / "docs" / "logs-extension.md").read_text("utf-8")
ROW = re.compile(
    r"^\| `(?P<name>[A-Z0-9_*]+)` \| (?P<default>.*?) ?\| (?P<meaning>.+) \|$", re.MULTILINE
)
LIMITS = re.compile(r"([0-9,]+) to ([0-9,]+)\.")


def rows(title: str) -> list[tuple[str, str, str]]:
    """Return the rows of the table below a heading: variable, default, meaning."""
    _, _, section = DOCUMENT.partition(f"\n### {title}\n")
    return [
        (row["name"], row["default"], row["meaning"])
        for row in ROW.finditer(re.split(r"\n##", section)[0])
    ]


def test_each_destination_has_a_section() -> None:
    """The document has a table for each destination, and one for what all have."""
    assert set(DECLARED) == set(SECTIONS)


@pytest.mark.parametrize("group", SECTIONS)
def test_each_variable_has_one_row(group: str) -> None:
    """A section has a row for each variable, in the order of the code, with its default.

    Where the code has no text as the default, the document may describe what is used.
    """
    documented = rows(SECTIONS[group])
    assert [name for name, _, _ in documented] == [setting.name for setting in DECLARED[group]]
    for setting, (name, default, _) in zip(DECLARED[group], documented, strict=True):
        literal = default if default.startswith("`") else ""
        assert literal == (f"`{setting.default}`" if setting.default else ""), name


def test_documented_limits_are_those_of_the_code() -> None:
    """A number at a documented limit is used as it is, and one beyond it is reported."""
    found = [
        (setting, [int(limit.replace(",", "")) for limit in limits.groups()])
        for group, title in SECTIONS.items()
        for setting, (_, _, meaning) in zip(DECLARED[group], rows(title), strict=True)
        if (limits := LIMITS.search(meaning))
    ]
    assert len(found) == 7
    for setting, (least, most) in found:
        for number in (least - 1, least, most, most + 1):
            warnings: list[str] = []
            setting.read({setting.name: str(number)}, warnings.append)
            assert bool(warnings) is not (least <= number <= most), (setting.name, number)
