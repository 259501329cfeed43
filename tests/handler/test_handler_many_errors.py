"""Thousands of errors in a delivery: what the answer says of them, without any part of a secret."""

from __future__ import annotations

import pytest

from handler.redaction import CUT_OFF, Redactor
from handler.result import MAX_MESSAGE, DeliveryResult
from testing.events.ingresses import function_url
from tests.support.invoking import ACCESS_KEY, body_of, function_for, invoke, json_lines

SECRET = "tok-0123456789abcdef"


class Counting:
    """Takes a secret out of texts, and counts them."""

    def __init__(self) -> None:
        self.texts = 0
        self._redact = Redactor([SECRET])

    def __call__(self, text: str) -> str:
        """Return the text without the secret."""
        self.texts += 1
        return self._redact(text)


def test_only_what_is_read_is_searched() -> None:
    """Of 80,000 errors only those are searched for secrets that the message repeats."""
    redact = Counting()
    result = DeliveryResult(
        400, tuple(f"records[{n}]: its data is not base64" for n in range(80_000))
    )
    shown = result.redacted(redact)
    assert redact.texts == len(shown.errors)
    assert len("; ".join(shown.errors[:-1])) <= MAX_MESSAGE
    assert shown.message == result.message
    assert len(shown.message) == MAX_MESSAGE
    assert shown.status == 400


@pytest.mark.parametrize("before", range(MAX_MESSAGE - len(SECRET) - 2, MAX_MESSAGE + 3))
def test_a_secret_where_the_message_is_cut(before: int) -> None:
    """A secret at the place of the cut is left out as a whole, wherever it begins."""
    shown = (
        DeliveryResult(503, ("x" * before + SECRET, SECRET, "y" * 50))
        .redacted(Redactor([SECRET]))
        .message
    )
    assert len(shown) <= MAX_MESSAGE
    assert not any(SECRET[n : n + 3] in shown for n in range(len(SECRET) - 2))


def test_a_replacement_that_is_shorter_than_its_secret() -> None:
    """Errors that fit only because a secret was removed from those before them are kept."""
    secret = ACCESS_KEY * 100
    result = DeliveryResult(503, (*[secret] * 10, "the last one"))
    assert result.redacted(Redactor([secret])).message.endswith("; the last one")


@pytest.mark.parametrize("length", range(MAX_MESSAGE - 3, MAX_MESSAGE + 2))
def test_what_is_left_out_is_marked(length: int) -> None:
    """An error that has no space is cut off visibly, also where the one before just fits."""
    result = DeliveryResult(503, ("x" * length, "y"))
    shown = result.redacted(Redactor([SECRET])).message
    assert shown == result.message
    assert (shown == "x" * length + "; y") is (length == MAX_MESSAGE - 3)
    assert shown.endswith(CUT_OFF) is (length > MAX_MESSAGE - 3)


@pytest.mark.parametrize("before", [0, 990, 995, 999, 1000])
def test_a_request_id_without_end(before: int, capfd: pytest.CaptureFixture[str]) -> None:
    """Of a request's own words the log has the beginning, and no part of a key at the cut."""
    request_id = "x" * before + ACCESS_KEY + "y" * 200_000
    event = function_url({"X-Amz-Firehose-Request-Id": request_id}, body_of([]))
    function = function_for("https://listener.example", FIREHOSE_ACCESS_KEY=ACCESS_KEY)
    assert invoke(function, event).request_id == request_id
    lines = json_lines(capfd.readouterr().out)
    assert lines
    for line in lines:
        shown = line["firehose_request_id"]
        assert shown.startswith("x" * before)
        assert len(shown) < 1_100
        assert ACCESS_KEY[:3] not in shown
