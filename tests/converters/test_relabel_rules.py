"""What relabelling rules make of the labels of a series."""

import re
import subprocess
import sys
import textwrap

import pytest

from converters.relabel import RelabelConfigs, parse_relabel_configs
from handler.json_settings import members_in
from handler.settings import VARIABLES
from testing.emulator import PROJECT
from tests.support.relabel_cases import (
    CASES,
    Case,
    by_label,
    labels_in,
    replace,
    rule,
    select,
    write,
)

SERIES = {"__name__": "aws_ec2_cpuutilization_sum", "namespace": "aws/ec2", "instanceid": "i-1"}


EXAMPLES = re.findall(
    r"\n\n((?:    .+\n)+)", (PROJECT / "docs" / "relabelling.md").read_text(encoding="utf-8")
)
"""The indented texts of the page."""


def mapped(replacement: str) -> str:
    """Return a rule that copies every label."""
    return rule(action="labelmap", regex="(.*)", replacement=replacement)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_rules(case: Case) -> None:
    """The rules do what Prometheus does; the same cases run on a real one in `end_to_end`."""
    made = parse_relabel_configs(case.rules).apply(labels_in(case.labels))
    assert made == (None if case.result is None else labels_in(case.result))


@pytest.mark.parametrize(
    "rules",
    [
        by_label("labelkeep", "instanceid"),
        by_label("labeldrop", ".*"),
        replace("__name__", ".*", "__name__", "''"),
        replace("__name__", ".*", "__name__", "aws-ec2"),
        replace("__name__", ".*", "__name__", "9lives"),
        replace("__name__", ".*", "__name__", "é"),
        write("hashmod", "instanceid", "__name__", modulus="9"),
    ],
)
def test_without_a_valid_name(rules: str) -> None:
    """A series whose metric name is gone or invalid is dropped: no listener would take it."""
    assert parse_relabel_configs(rules).apply(SERIES) is None


def test_name_with_a_colon() -> None:
    """A metric name may hold colons, as those of recording rules do."""
    made = parse_relabel_configs(replace("__name__", "(.*)", "__name__", "job:$1")).apply(SERIES)
    assert made == {**SERIES, "__name__": "job:aws_ec2_cpuutilization_sum"}


def test_no_rules() -> None:
    """A text of blanks has no rules, which leave a series as it is."""
    for configs in (RelabelConfigs(), parse_relabel_configs(""), parse_relabel_configs(" \n")):
        assert not configs
        assert configs.apply(SERIES) == SERIES
    assert parse_relabel_configs(rule(target_label="a"))


def test_object_with_a_list() -> None:
    """The list may be the value of `write_relabel_configs`, as in Prometheus' configuration."""
    rules = rule(target_label="a", replacement="x").replace("\n", "\n  ")
    for text in (
        f"write_relabel_configs:\n  {rules}",
        '{"write_relabel_configs": [{"target_label": "a", "replacement": "x"}]}',
    ):
        assert parse_relabel_configs(text).apply(SERIES) == {**SERIES, "a": "x"}


@pytest.mark.parametrize(
    "rules",
    [
        rule(source_labels="[a]", target_label="a", replacement="${1}${1}") * 100,
        rule(source_labels="[a, a]", target_label="a") * 100,
        (mapped("a${1}") + mapped("b${1}")) * 50,
    ],
)
def test_growth(rules: str) -> None:
    """A series whose labels grow with every rule is dropped, before it fills the memory."""
    assert parse_relabel_configs(rules).apply({**SERIES, "a": "x"}) is None


def test_long_values() -> None:
    """A long value is matched and copied like any other, in linear time, and not remembered."""
    labels = {**SERIES, "a": "x" * 60_000}
    rules = replace("a", "(x)x*", "b", "$1") + replace("a", "x*(x)", "c", "$1")
    # Python's `re` would need more time than there is.
    rules += select("drop", "a", "(x*)*y")
    assert parse_relabel_configs(rules).apply(labels) == {**labels, "b": "x", "c": "x"}


def test_imports_only_for_rules() -> None:
    """A function without rules imports neither RE2 nor YAML; one with JSON rules no YAML."""
    code = (
        "import sys; from converters.relabel import parse_relabel_configs as parse; parse('')\n"
        "print(sorted({'re2', 'yaml'} & set(sys.modules)))\n"
        """parse('[{"target_label": "a"}]'); print(sorted({'re2', 'yaml'} & set(sys.modules)))\n"""
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert ran.stdout.splitlines() == ["[]", "['re2']"]


@pytest.mark.parametrize(
    ("example", "labels", "result"),
    [
        (0, "namespace=aws/s3 region=us-east-1", None),
        (0, "namespace=aws/ec2 region=us-east-1", "namespace=aws/ec2 region=us-east-1"),
        (1, "__name__=aws_ec2_cpuutilization_max", "__name__=aws_ec2_cpuutilization_max"),
        (
            1,
            "__name__=aws_rds_cpuutilization quantile=0.99",
            "__name__=aws_rds_cpuutilization quantile=0.99",
        ),
        (1, "__name__=aws_rds_cpuutilization quantile=0.5", None),
        (1, "__name__=aws_ec2_networkin_sum", None),
        (2, "instanceid=i-1 region=x", "instance=i-1 region=x"),
        (2, "region=x", "region=x"),
    ],
)
def test_examples(example: int, labels: str, result: str | None) -> None:
    """The examples of docs/relabelling.md do what it says."""
    configs = parse_relabel_configs(textwrap.dedent(EXAMPLES[example]))
    assert configs.apply(labels_in(labels)) == (None if result is None else labels_in(result))


def test_example_in_settings() -> None:
    """The example of the parameter Settings is an object whose rules are a list."""
    rules = members_in(EXAMPLES[3].strip(), VARIABLES)["WRITE_RELABEL_CONFIGS"]
    configs = parse_relabel_configs(rules)
    assert configs.apply(labels_in("namespace=aws/s3")) is None
    assert len(EXAMPLES) == 4
