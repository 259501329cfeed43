"""CUSTOM_FIELDS that would make every record of Logz.io's invalid."""

from __future__ import annotations

import pytest

from tests.support.log_destinations import ENOUGH, chosen, parsed, record


@pytest.mark.parametrize(
    "name",
    ["lambda", "lambda.log", "lambda.log.type.x", "message.text", "@timestamp.ms", "level"],
)
def test_clash(name: str) -> None:
    """A field that is an object where ours is a text, or the reverse, is left out and told."""
    made = chosen("logzio", **ENOUGH["logzio"], CUSTOM_FIELDS=f"{name}=x,team=one")
    assert [note for note in made.problems if f"cannot set {name}:" in note] == list(made.problems)
    line = parsed(made.destinations[0].encode(record("hello")))
    assert line["team"] == "one"
    assert line.get(name) != "x"


@pytest.mark.parametrize("name", ["lambda.alias", "lambda_x", "messages", "app.level"])
def test_no_clash(name: str) -> None:
    """Other fields are set, also beside ours in the same object."""
    made = chosen("logzio", **ENOUGH["logzio"], CUSTOM_FIELDS=f"{name}=x")
    assert made.problems == ()
    assert parsed(made.destinations[0].encode(record("hello")))[name] == "x"
