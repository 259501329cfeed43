"""The settings of the tags function, of which a mistake stops no delivery."""

import json
from typing import Any

import pytest

from handler.errors import SettingsError
from handler.further_variables import TAG_VARIABLES
from handler.settings import VARIABLES, known_variables, read_settings
from tags.settings import DECLARED, read_tag_settings
from tests.support.tag_reading import LINKED, ROLE

FILTERS = 'TAG_FILTERS must be a JSON object of tag keys and lists of values, like {"Team":["a","b"'
LIST = "must be a comma list or a JSON array of texts"


def test_defaults() -> None:
    """Without settings, all tags of all resources of the own account are read."""
    for environ in ({}, dict.fromkeys(TAG_VARIABLES, " ")):
        settings = read_tag_settings(environ)
        assert settings.exported_tags is None
        assert settings.filters == {}
        assert settings.role_arns == ()
        assert settings.external_id is None


@pytest.mark.parametrize(
    ("variable", "text", "field", "expected"),
    [
        ("EXPORTED_TAGS", "*", "exported_tags", None),
        ("EXPORTED_TAGS", "Team, *", "exported_tags", None),
        ("EXPORTED_TAGS", " Team , cost center,, ", "exported_tags", {"Team", "cost center"}),
        ("EXPORTED_TAGS", ["a,b", " c"], "exported_tags", {"a,b", " c"}),
        ("TAG_FILTERS", {"Team": ["a"], "Env": []}, "filters", {"Team": ("a",), "Env": ()}),
        ("TAG_FILTERS", {"Year": [2026, 1.5]}, "filters", {"Year": ("2026", "1.5")}),
        ("TAG_FILTERS", {"k" * 128: ["v" * 256] * 20}, "filters", {"k" * 128: ("v" * 256,) * 20}),
        ("TAG_FILTERS", {"a\nb": [""]}, "filters", {"a\nb": ("",)}),
        ("TAG_ROLE_ARNS", f"{ROLE},{ROLE}", "role_arns", (ROLE,)),
        ("TAG_ROLE_ARNS", [ROLE, f"{ROLE}2"], "role_arns", (ROLE, f"{ROLE}2")),
    ],
)
def test_value(variable: str, text: Any, field: str, expected: object) -> None:
    """A variable counts, and a member of SETTINGS, in which JSON needs no quotes around it."""
    for environ in (
        {variable: text if isinstance(text, str) else json.dumps(text)},
        {"SETTINGS": json.dumps({variable: text})},
        {variable: " ", "SETTINGS": json.dumps({variable: text})},
    ):
        assert getattr(read_tag_settings(environ), field) == expected


@pytest.mark.parametrize(
    ("variable", "text", "said"),
    [
        ("EXPORTED_TAGS", ",", "EXPORTED_TAGS must be * or name tag keys"),
        ("EXPORTED_TAGS", "[]", "EXPORTED_TAGS must be * or name tag keys"),
        ("EXPORTED_TAGS", "[Team]", f"EXPORTED_TAGS {LIST}"),
        ("EXPORTED_TAGS", '["Team", 1]', f"EXPORTED_TAGS {LIST}"),
        ("EXPORTED_TAGS", '["Team", ""]', f"EXPORTED_TAGS {LIST}"),
        ("EXPORTED_TAGS", "[" * 100_000, f"EXPORTED_TAGS {LIST}"),
        ("EXPORTED_TAGS", "T\udcff", "EXPORTED_TAGS must be text in UTF-8"),
        ("TAG_FILTERS", "Team=a", FILTERS),
        ("TAG_FILTERS", '["Team"]', FILTERS),
        ("TAG_FILTERS", '{"Team": "a"}', FILTERS),
        ("TAG_FILTERS", '{"Team": ["a", null]}', FILTERS),
        ("TAG_FILTERS", '{"": []}', FILTERS),
        ("TAG_FILTERS", json.dumps({"k" * 129: []}), FILTERS),
        ("TAG_FILTERS", json.dumps({"k": ["v" * 257]}), FILTERS),
        ("TAG_FILTERS", '{"Team": [], "Team": ["a"]}', "TAG_FILTERS must not set Team twice"),
        (
            "TAG_FILTERS",
            json.dumps({f"k{number}": [] for number in range(51)}),
            "TAG_FILTERS must have at most 50 keys, and 20 values of each",
        ),
        (
            "TAG_FILTERS",
            json.dumps({"k": [str(number) for number in range(21)]}),
            "TAG_FILTERS must have at most 50 keys, and 20 values of each",
        ),
        ("TAG_ROLE_ARNS", LINKED, "TAG_ROLE_ARNS must be the ARN of a role"),
        ("TAG_ROLE_ARNS", f"{ROLE},{ROLE[:-10]}", "TAG_ROLE_ARNS must be the ARN of a role"),
        ("TAG_ROLE_ARNS", f"[{ROLE}]", f"TAG_ROLE_ARNS {LIST}"),
        ("TAG_EXTERNAL_ID", "a b", "TAG_EXTERNAL_ID must be 2 to 1,224 letters"),
        ("TAG_EXTERNAL_ID", "a-b", "TAG_EXTERNAL_ID needs TAG_ROLE_ARNS"),
    ],
)
def test_wrong(variable: str, text: str, said: str) -> None:
    """A wrong value is an error of the tags function, and none of the receiver and the replay."""
    for environ in ({variable: text}, {"SETTINGS": json.dumps({variable: text})}):
        with pytest.raises(SettingsError) as raised:
            read_tag_settings(environ)
        assert str(raised.value).startswith(f"settings: {said}")
        read_settings({"AWS_REGION": "us-east-1", **environ})


def test_all_problems_are_said() -> None:
    """One message has every problem."""
    environ = {"EXPORTED_TAGS": ",", "TAG_FILTERS": "x", "TAG_ROLE_ARNS": "y"}
    with pytest.raises(SettingsError) as raised:
        read_tag_settings(environ)
    assert str(raised.value).count("; ") == 3
    assert all(name in str(raised.value) for name in environ)


def test_settings_of_others() -> None:
    """SETTINGS may hold what the receiver and the logs extension read."""
    members = {"LABEL_VALUE_CASE": "keep", "LOGS_MIN_LEVEL": "WARN", "EXPORTED_TAGS": "Team"}
    environ = {"SETTINGS": json.dumps(members), "AWS_REGION": "us-east-1"}
    assert read_tag_settings(environ).exported_tags == frozenset({"Team"})
    assert read_settings(environ).label_value_case == "keep"


def test_set_both_ways() -> None:
    """A variable that SETTINGS sets too is an error, which reading the other settings finds."""
    environ = {"TAG_ROLE_ARNS": ROLE, "SETTINGS": json.dumps({"TAG_ROLE_ARNS": ROLE})}
    with pytest.raises(SettingsError, match="SETTINGS must not set TAG_ROLE_ARNS, which is also"):
        read_settings({"AWS_REGION": "us-east-1", **known_variables(environ)})


def test_names_are_known() -> None:
    """SETTINGS may have the names of these settings, and none is one of the receiver's."""
    assert {setting.variable for setting in DECLARED} == TAG_VARIABLES
    assert not TAG_VARIABLES & {*VARIABLES}
