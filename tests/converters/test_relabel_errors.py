"""What WRITE_RELABEL_CONFIGS must not hold, and what the error says."""

import pytest

from converters.errors import RelabelError
from converters.relabel import parse_relabel_configs
from tests.support.relabel_cases import by_label, replace, rule, select, write

GOOD = rule(target_label="a", replacement="x")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("foo", "must be YAML or JSON: a list of objects"),
        ("null", "must be YAML or JSON: a list of objects"),
        ("[", "line 1, column 2: expected the node content"),
        ("- a: b: c", "line 1, column 7: mapping values are not allowed here"),
        ("- a\n\t- b", "line 2, column 1: found character '\\t'"),
        ("- \x01", "unacceptable character #x0001"),
        ("- ? [a]\n  : b", "a key must be text"),
        ("- regex: *", "line 1, column 11: expected alphabetic or numeric character"),
        ("- &a {regex: x}\n- *a", "line 2, column 5: an alias (*name) is not supported"),
        ('[{"target_label": "a", "replacement": "\\ud83d"}]', "half of a surrogate pair"),
        ("[" * 5_000, "nested too deeply"),
        ("{" + '"a":{' * 2_500, "nested too deeply"),
        ("{}", "must have write_relabel_configs as its only key, or be that list"),
        ("write_relabel_configs: []\nurl: x", "must have write_relabel_configs as its only key"),
        ("write_relabel_configs:\n  target_label: a", "must be YAML or JSON: a list of objects"),
        ("#" * 16_385, "must have at most 16384 characters, but has 16385"),
        (GOOD * 101, "must have at most 100 rules, but has 101"),
    ],
)
def test_texts(text: str, words: str) -> None:
    """A text without rules is refused, with the place where it cannot be read."""
    with pytest.raises(RelabelError) as refused:
        parse_relabel_configs(text)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- foo", "must be an object with members such as action and regex"),
        ("- [a]", "must be an object with members such as action and regex"),
        ("-", "must be an object with members such as action and regex"),
        (rule(target_labl="a"), "has the unknown key target_labl: use source_labels, separator"),
        ("- <<: {regex: a}", "has the unknown key <<"),
        ("- regex: a\n  regex: b", "has the key regex twice: remove one"),
        (rule(action="replaced"), "action must be one of replace, keep, drop, labelmap, labeldrop"),
        (rule(action=""), "action must be one of replace"),
        (rule(regex="[a]"), "regex must be text, and neither a list nor an object"),
        (rule(target_label="{a: b}"), "target_label must be text"),
        (rule(source_labels="a"), "source_labels must be a list of label names, such as [__name__"),
        (rule(source_labels="[[a]]"), "source_labels must be a list of label names"),
        (rule(source_labels="[a, ~]"), "source_labels must be a list of label names"),
        (rule(source_labels="[a-b]"), "source_labels holds 'a-b', which no series has"),
        (rule(source_labels="['']"), "source_labels holds '', which no series has"),
        (rule(regex="a"), "replace needs a target_label, the label to write or compare"),
        (rule(target_label=""), "replace needs a target_label"),
        (write("hashmod", "a", "", modulus="2"), "hashmod needs a target_label"),
        (write("lowercase", "a", ""), "lowercase needs a target_label"),
        (write("keepequal", "a", "''"), "keepequal needs a target_label"),
        (rule(target_label="a-b"), "target_label must be letters, digits and _ only"),
        (rule(target_label="1a"), "target_label must be letters, digits and _ only, with no digit"),
        (rule(target_label="é"), "target_label must be letters, digits and _ only"),
        (rule(target_label="0${1}"), "or references such as ${1}"),
        (rule(target_label="-${1}"), "or references such as ${1}"),
        (rule(target_label="a$"), "or references such as ${1}"),
        (rule(target_label="'${}'"), "or references such as ${1}"),
        (rule(target_label="$" + "a" * 5_000 + "-"), "or references such as ${1}"),
        (write("uppercase", "a", "${1}"), "target_label must be letters, digits and _ only"),
        (write("hashmod", "a", "${1}", modulus="2"), "target_label must be letters"),
        (write("dropequal", "a", "${1}"), "target_label must be letters, digits and _ only"),
        (rule(action="labelmap", replacement="a-$1"), "replacement is the name of the new label"),
        (rule(action="labelmap", replacement=""), "replacement is the name of the new label"),
        (write("hashmod", "a", "b"), "hashmod needs a modulus of 1 or more"),
        (write("hashmod", "a", "b", modulus="0"), "hashmod needs a modulus of 1 or more"),
        (write("hashmod", "a", "b", modulus=""), "hashmod needs a modulus of 1 or more"),
        (write("hashmod", "a", "b", modulus="-1"), "modulus must be a whole number up to 18446744"),
        (write("hashmod", "a", "b", modulus="1.0"), "modulus must be a whole number"),
        (write("hashmod", "a", "b", modulus="010"), "modulus must be a whole number"),
        (write("hashmod", "a", "b", modulus=str(2**64)), "modulus must be a whole number"),
        (write("lowercase", "a", "b", replacement="x"), "lowercase must not have replacement"),
        (write("keepequal", "a", "b", regex="x"), "keepequal must not have regex: remove it"),
        (write("dropequal", "a", "b", separator="x"), "dropequal must not have separator"),
        (write("dropequal", "a", "b", modulus="1"), "dropequal must not have modulus"),
        (select("labeldrop", "a", "b"), "labeldrop must not have source_labels: remove it"),
        (rule(action="labelkeep", regex="b", target_label="c"), "must not have target_label"),
    ],
)
def test_rules(text: str, words: str) -> None:
    """A rule that Prometheus refuses is refused, with its number and what to write instead."""
    with pytest.raises(RelabelError) as refused:
        parse_relabel_configs(GOOD + text)
    assert str(refused.value).startswith("rule 2")
    assert words in str(refused.value)


@pytest.mark.parametrize(
    "regex",
    [
        *("(?=a)", "(?!a)", "(?<=a)", "(?<!a)", r"(a)\\1", "(?P<n>a)(?P=n)", "(?>a)", "a++", "a*+"),
        *("(?(1)a|b)", r"\\Z", "(?#a)", "(?a)a", "(?x)a", r"\\C", "a{1001}", "(a{100}){100}"),
        *(
            "(a",
            "a)",
            "[a",
            "[]",
            "*",
            "?a",
            "a**",
            "[b-a]",
            r"\\",
            r"\\pX",
            "(?P<n",
            "(?P<1>a",
            "a){1}|(b",
        ),
    ],
)
def test_regular_expressions(regex: str) -> None:
    """What RE2 lacks, or Go does, is refused; so no expression can run for ever."""
    with pytest.raises(RelabelError, match=r"^rule 2: regex must "):
        parse_relabel_configs(GOOD + by_label("labeldrop", f'"{regex}"'))


def test_every_prometheus_default_may_be_written_down() -> None:
    """Members with their default values are no error, where others are."""
    text = 'separator: ;\n  regex: (.*)\n  replacement: $1\n  modulus: 0\n  target_label: ""\n'
    assert parse_relabel_configs(f"- action: labeldrop\n  {text}")


def test_replacement_is_no_pattern() -> None:
    """A replacement may hold what a regular expression may not."""
    assert parse_relabel_configs(replace("a", "a", "b", "(?="))
