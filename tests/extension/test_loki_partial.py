"""Loki stores the good entries of a push and answers 400 for the others."""

from __future__ import annotations

import pytest

from extension.destinations.destination import Meaning, Response
from tests.support.log_destinations import destination

OLD = (
    b'entry for stream \'{function="f", source="lambda"}\' has timestamp too old: '
    b"2024-08-01T00:00:00Z, oldest acceptable timestamp is: 2024-08-23T10:00:00Z"
)
NEW = OLD.replace(b"too old", b"too new")
LONG = (
    b"max entry size '262144' bytes exceeded for stream '{}' while adding an entry with length '9'"
)


@pytest.mark.parametrize(
    ("body", "refused"),
    [
        (OLD, 1),
        (NEW, 1),
        (LONG, 1),
        (b"3 errors like: " + OLD, 3),
        (b"3 errors like: " + OLD + b"; 2 errors like: " + LONG, 5),
        (b"99 errors like: " + OLD, 10),
    ],
)
def test_counted(body: bytes, refused: int) -> None:
    """The entries that its distributor names are refused; the others are there."""
    verdict = destination("loki").interpret(Response(400, {}, body), 10)
    assert (verdict.meaning, verdict.refused) == (Meaning.SENT, refused)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"entry for stream '{}' has 16 label names; limit 15",
        b"loghttp.PushRequest.Streams: unmarshalerDecoder: 3 errors like this",
        b"many errors like: " + OLD,
    ],
)
def test_not_counted(body: bytes) -> None:
    """Where it does not tell how many, none of the push counts as stored."""
    verdict = destination("loki").interpret(Response(400, {}, body), 10)
    assert verdict.meaning is Meaning.REFUSED
