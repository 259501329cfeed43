"""What holds for relabelling whatever the labels are."""

import contextlib
import json

from hypothesis import given
from hypothesis import strategies as st

from converters.errors import RelabelError
from converters.relabel import RelabelConfigs, parse_relabel_configs
from tests.support.properties import examples
from tests.support.relabel_cases import CASES, by_label, write

NAMES = st.sampled_from([*"abcdxy", "__name__", "__tmp_a", "b1", "b2", "b_c", "quantile"])
VALUES = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
LABELS = st.dictionaries(NAMES, VALUES, max_size=8).map(lambda labels: {**labels, "__name__": "m"})
# What YAML, JSON and regular expressions are made of.
TEXTS = st.lists(
    st.sampled_from(
        [
            *"-[]{}()<>:,\"'*&!|%?#@`$\\\n\t ~=.+^ab10é😀\0\x01",
            "regex",
            "action",
            "null",
            "\\u",
            "\n- ",
        ]
    ),
    max_size=40,
).map("".join)
PREFIXES = st.sampled_from(
    ["", "- regex: ", "- target_label: ", '[{"regex": "', "- {action: drop, regex: "]
)
ALL = [parse_relabel_configs(case.rules) for case in CASES]


def applied(text: str, labels: dict[str, str]) -> dict[str, str]:
    """Return what rules make of labels that they do not drop."""
    made = parse_relabel_configs(text).apply(labels)
    assert made is not None
    return made


@examples(200)
@given(st.lists(st.sampled_from(ALL), max_size=5), LABELS)
def test_results(several: list[RelabelConfigs], labels: dict[str, str]) -> None:
    """Whatever the rules: the input stays, no value is empty, and again makes the same."""
    for configs in several:
        before = dict(labels)
        made = configs.apply(labels)
        assert labels == before
        assert configs.apply(dict(reversed(labels.items()))) == made
        if made is None:
            return
        assert all(made.values())
        labels = made


@examples(100)
@given(st.lists(NAMES.filter(lambda name: name != "__name__")), LABELS)
def test_partition(names: list[str], labels: dict[str, str]) -> None:
    """Each label is left by `labeldrop` or by `labelkeep`, and by one only; the name by both."""
    regex = "|".join(names) or "x{0}"
    dropped = applied(by_label("labeldrop", regex), labels)
    kept = applied(by_label("labelkeep", f"__name__|{regex}"), labels)
    assert dropped.keys() & kept.keys() == {"__name__"}
    assert {**dropped, **kept} == {name: value for name, value in labels.items() if value}


@examples(100)
@given(st.integers(1, 2**64 - 1), LABELS)
def test_hashmod(modulus: int, labels: dict[str, str]) -> None:
    """A shard is a number below the modulus, and the same for equal source labels."""
    rules = write("hashmod", "a, b", "shard", modulus=str(modulus))
    shard = applied(rules, labels)["shard"]
    assert 0 <= int(shard) < modulus
    assert applied(rules, {**labels, "y": "other"})["shard"] == shard


@examples(200)
@given(st.sampled_from(["lowercase", "uppercase"]), LABELS)
def test_case(action: str, labels: dict[str, str]) -> None:
    """To change the case twice is to change it once, and no value becomes longer or shorter."""
    rules = write(action, "a", "b")
    once = applied(rules, labels)
    assert len(once.get("b", "")) == len(labels.get("a", ""))
    assert applied(write(action, "b", "b"), once) == once


@examples(100)
@given(VALUES, LABELS)
def test_constants(value: str, labels: dict[str, str]) -> None:
    """A replacement in JSON, with its dollars doubled, arrives as it is written."""
    rules = json.dumps([{"target_label": "x", "replacement": value.replace("$", "$$")}])
    assert applied(rules, labels).get("x", "") == value


@examples(300)
@given(PREFIXES, TEXTS, LABELS)
def test_any_text(prefix: str, text: str, labels: dict[str, str]) -> None:
    """Every text has rules that run, or is refused with an error of its own."""
    with contextlib.suppress(RelabelError):
        parse_relabel_configs(prefix + text).apply(labels)
