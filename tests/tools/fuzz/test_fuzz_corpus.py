"""The fuzzer's inputs in the tree, tried without the fuzzer; and how it changes records."""

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converters.records import split_messages
from tests.support.deliveries import records
from tests.support.properties import examples
from tools.fuzz.__main__ import main
from tools.fuzz.mutation import mutated
from tools.fuzz.targets import CORPUS, NAMES, check_of


@pytest.mark.parametrize(
    ("name", "path"),
    [
        pytest.param(name, path, id=f"{name}-{path.name}")
        for name in NAMES
        for path in sorted((CORPUS / name).iterdir())
    ],
)
def test_every_input_in_the_tree(name: str, path: Path) -> None:
    """No input in the tree, first ones and findings, breaks a promise."""
    check_of(name)(path.read_bytes())


def test_an_input_can_be_tried_again(tmp_path: Path) -> None:
    """The command tries a single file on a target, and shows its error as it is."""
    path = tmp_path / "input"
    path.write_bytes(b"fuz")
    assert main(["--input", str(path)]) == 0
    path.write_bytes(b"fuzz")
    with pytest.raises(AssertionError, match="planted"):
        main(["--input", str(path)])


@examples(60)
@given(record=records, seed=st.integers(0, 2**32))
def test_a_changed_record_still_has_its_lengths(record: bytes, seed: int) -> None:
    """Whatever field of a record is changed, its messages still add up."""
    changed = mutated(record, 1 << 20, random.Random(seed), lambda content, _most: content)
    list(split_messages(changed))


@pytest.mark.parametrize(
    ("content", "most"),
    [
        (b"\xff\xff", 100),
        (b"\x05\x00", 100),
        (b"\xff\xff\xff\xff\xff\x7f\x00", 100),
        (b"\x02\x0a\x00", 1),
    ],
)
def test_other_content_is_changed_as_bytes(content: bytes, most: int) -> None:
    """Bytes without structure, and records that grew too large, are left to libFuzzer's changes."""
    assert mutated(content, most, random.Random(1), lambda _content, _most: b"own") == b"own"
