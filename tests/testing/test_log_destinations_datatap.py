"""The fake Data Tap holds senders to what the original documents."""

import gzip

import pytest

from testing.log_destinations.datatap import DataTapDestination
from tests.support.log_requests import TAP, lines, post


def test_takes_lines() -> None:
    """Lines are kept in order, with or without a line break at the end."""
    with DataTapDestination() as destination:
        assert post(destination, "/", lines({"a": 1}, {"a": 2}), TAP)[0] == 200
        assert post(destination, "/", lines({"a": 3})[:-1], TAP)[0] == 200
        assert [record["a"] for record in destination.records] == [1, 2, 3]
        assert destination.violations == []


@pytest.mark.parametrize("line", [b"no json", b"", b"[]", b'{"a":"\\udc00"}'])
def test_loses_wrong_lines(line: bytes) -> None:
    """A line that cannot be read is lost behind a 200, and a violation."""
    with DataTapDestination() as destination:
        assert post(destination, "/", lines({"a": 1}) + line + b"\n", TAP)[0] == 200
        assert (destination.count, len(destination.violations)) == (1, 1)


def test_undoes_no_compression() -> None:
    """Compressed lines are not read."""
    with DataTapDestination() as destination:
        body = gzip.compress(lines({"a": 1}), mtime=0)
        assert post(destination, "/", body, TAP | {"Content-Encoding": "gzip"})[0] == 200
        assert destination.count == 0
        assert "Content-Encoding is 'gzip'" in destination.violations[0]


def test_too_large() -> None:
    """A request over 6 MB is answered 413."""
    with DataTapDestination() as destination:
        assert post(destination, "/", b" " * 6_291_457, TAP)[0] == 413
