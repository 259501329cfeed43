"""The fuzzer's inputs in the tree, tried without the fuzzer; and the parts of it that are ours."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converters.records import split_messages
from tests.support.deliveries import records
from tests.support.properties import examples
from tools.fuzz import corpus
from tools.fuzz.__main__ import main
from tools.fuzz.mutation import mutated
from tools.fuzz.targets import NAMES, PLANTED, target

if TYPE_CHECKING:
    from pathlib import Path


def _inputs() -> list[tuple[str, Path]]:
    return [(name, path) for name, paths in corpus.inputs().items() for path in paths]


@pytest.mark.parametrize(
    ("name", "path"), _inputs(), ids=[f"{name}-{path.name}" for name, path in _inputs()]
)
def test_every_input_in_the_tree(name: str, path: Path) -> None:
    """No input in the tree, first ones and findings, breaks a promise."""
    target(name).check(path.read_bytes())


@pytest.mark.parametrize("name", NAMES)
def test_the_tree_has_what_the_command_writes(name: str, tmp_path: Path) -> None:
    """The folder of a target holds all of its first inputs, and beside them findings alone."""
    corpus.write(tmp_path)
    written = {path.name for path in corpus.inputs(tmp_path)[name]}
    there = {path.name for path in corpus.inputs()[name]}
    assert written == {stem for stem in there if not stem.startswith("found-")}


def test_writing_the_corpus_keeps_findings(tmp_path: Path) -> None:
    """A finding stays in the corpus when its first inputs are written anew, a stale one goes."""
    corpus.write(tmp_path)
    (tmp_path / "body" / "found-it").write_bytes(b"x")
    (tmp_path / "body" / "stale").write_bytes(b"y")
    corpus.write(tmp_path)
    left = {path.name for path in corpus.inputs(tmp_path)["body"]}
    assert "found-it" in left
    assert "stale" not in left


def test_an_input_can_be_tried_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command tries a single file on a target, and shows its error as it is."""
    path = tmp_path / "input"
    path.write_bytes(b"fuz")
    assert main(["--input", str(path)]) == 0
    assert "no promise is broken" in capsys.readouterr().out
    path.write_bytes(b"fuzz")
    with pytest.raises(AssertionError, match="planted"):
        main(["--input", str(path)])
    assert not target(PLANTED).seeds()


def _same(content: bytes, _max_size: int) -> bytes:
    return content


@examples(60)
@given(record=records, seed=st.integers(0, 2**32))
def test_a_changed_record_is_still_framed(record: bytes, seed: int) -> None:
    """Whatever place of a record is changed, its messages still add up."""
    split_messages(mutated(record, 1 << 20, random.Random(seed), _same))


def test_what_is_no_record_is_changed_as_bytes() -> None:
    """Bytes without structure, and records that grew too large, go to the fuzzer's own changes."""
    own = b"changed"
    for content, most in ((b"\xff\xff", 100), (b"\x05\x00", 100), (b"\x02\x0a\x00", 1)):
        changed = mutated(content, most, random.Random(1), lambda _content, _most: own)
        assert changed == own
