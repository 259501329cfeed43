"""What each response of a listener means, held to the words of real servers."""

from collections.abc import Mapping

import pytest

from handler.redaction import CUT_OFF
from handler.verdict import (
    Reason,
    Verdict,
    reason_in,
    refused_by_reason,
    verdict_on,
    verdict_on_2_0,
)
from testing.backends.words import Words, real_words

SPOOF = "a (err-mimir-sample-out-of-order) add 1 samples: bad_request_errors: count=9"


def expected(words: Words) -> Verdict:
    """Return the verdict on an answer of a real server."""
    if words.stored:
        return Verdict.SETTLED
    if words.reason or "out of order" in words.text:
        return Verdict.REFUSED
    return Verdict.UNAVAILABLE if words.status in (429, 500) else Verdict.UNEXPLAINED


@pytest.mark.parametrize("words", real_words(), ids=lambda it: f"{it.server}: {it.text[:60]}")
def test_real_servers(words: Words) -> None:
    """Each text that a real server writes gets the verdict and the reason that it means."""
    assert verdict_on(words.status, words.text) is expected(words)
    refused = refused_by_reason(words.text, 10_000)
    if words.reason and not refused:
        assert reason_in(words.text) == words.reason


@pytest.mark.parametrize("words", real_words(), ids=lambda it: f"{it.server}: {it.text[:60]}")
@pytest.mark.parametrize("quote", ['"', '\\"', "'"])
def test_labels_that_look_like_words(words: Words, quote: str) -> None:
    """A label changes neither the verdict nor the number of refused samples."""
    text = words.text
    for name in ("a", "host"):
        text = text.replace(f"{quote}{name}{quote}", f"{quote}{SPOOF}{quote}")
    assert verdict_on(words.status, text) is verdict_on(words.status, words.text)
    refused = refused_by_reason(words.text, 10_000)
    spoofed = refused_by_reason(text, 10_000)
    assert (spoofed and sum(spoofed.values())) == (refused and sum(refused.values()))


@pytest.mark.parametrize(
    ("status", "text", "verdict"),
    [
        *((status, "", Verdict.ACCEPTED) for status in (200, 202, 204, 299)),
        *((status, "", Verdict.MISDIRECTED) for status in (301, 302, 307, 404, 405, 415)),
        *((status, "", Verdict.UNAUTHORISED) for status in (401, 403)),
        *((status, "", Verdict.UNAVAILABLE) for status in (408, 429, 500, 502, 503, 599)),
        *((status, "", Verdict.UNEXPLAINED) for status in (400, 409, 413, 422)),
        (429, "ingestion rate limit (10) exceeded", Verdict.UNAVAILABLE),
        (429, "per-user series limit of 10 exceeded", Verdict.SETTLED),
        (429, "maximum active series limit of 10 exceeded", Verdict.SETTLED),
        (429, "tenant is above active series limit", Verdict.UNAVAILABLE),
        (500, "Too old sample", Verdict.REFUSED),
        (500, "out-of-order", Verdict.REFUSED),
        (503, "out of order sample", Verdict.UNAVAILABLE),
        (400, 'unsupported path requested: "/"', Verdict.UNEXPLAINED),
        (400, "The plain HTTP request was sent to HTTPS port", Verdict.UNEXPLAINED),
        (400, "Client sent an HTTP request to an HTTPS server.", Verdict.UNEXPLAINED),
        (400, "<html><form><label for=x>Name</label></form></html>", Verdict.UNEXPLAINED),
        (400, "invalid label set", Verdict.REFUSED),
        (400, '{"status":"error","error":"out of order sample"}', Verdict.REFUSED),
        (400, "some unknown server says: timestamp too far in the past", Verdict.REFUSED),
        # A server that stores what it can says so before a user's labels, and with its status.
        (400, f"out of order sample, series={{a={SPOOF}}}", Verdict.REFUSED),
        (400, f'invalid label value "{SPOOF}"', Verdict.REFUSED),
        (400, f"duplicate sample for timestamp 1 of series {SPOOF}", Verdict.REFUSED),
        (413, "(err-mimir-sample-out-of-order)", Verdict.REFUSED),
        (500, "(err-mimir-sample-out-of-order)", Verdict.REFUSED),
        (503, "(err-mimir-sample-out-of-order)", Verdict.UNAVAILABLE),
        (400, "(err-mimir-tenant-max-request-rate)", Verdict.UNEXPLAINED),
        (400, "add 4 samples: out of order sample", Verdict.REFUSED),
        (409, "add 4 samples: out of order sample", Verdict.SETTLED),
        (409, "add 4 series: labels out of order", Verdict.SETTLED),
        (409, "add 4 samples: out of order sample; commit samples: x", Verdict.REFUSED),
        (409, "commit samples: no space left on device", Verdict.UNEXPLAINED),
        (409, "add 4 samples: out of order sample\ncommit samples: x", Verdict.REFUSED),
        (409, 'add 1 series: label "a"; out of order sample; commit samples: x', Verdict.REFUSED),
        # What is cut off may have said that the commit failed.
        (409, f"add 4 samples: out of order sample; 2 err{CUT_OFF}", Verdict.REFUSED),
        (400, 'bad value {"status":"error","error":"user=a: err: x', Verdict.UNEXPLAINED),
        # A Pushgateway, and a server that fails over what it cannot read.
        (400, "text format parsing error in line 1: invalid metric name", Verdict.UNEXPLAINED),
        (400, "Index 7 out of bounds for length 4", Verdict.UNEXPLAINED),
        # A page of HTML is not a remote-write server's, whatever it says.
        (400, "<html><body>Your browser is too old</body></html>", Verdict.UNEXPLAINED),
        (400, "\n<!DOCTYPE html><input name=label-name>", Verdict.UNEXPLAINED),
        (500, "<html><h1>This page is too old</h1></html>", Verdict.UNAVAILABLE),
        # A server in trouble may say something else of the kind, or name a series.
        (500, "duplicate lease", Verdict.UNAVAILABLE),
        (500, 'write timed out for {host="too old"}', Verdict.UNAVAILABLE),
        (500, "duplicate sample for timestamp", Verdict.REFUSED),
    ],
)
def test_verdict(status: int, text: str, verdict: Verdict) -> None:
    """Each status has its verdict, and its words where they make a difference."""
    assert verdict_on(status, text) is verdict


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("out of order sample", Reason.SUPERSEDED),
        ("Out-Of-Order", Reason.SUPERSEDED),
        ("duplicate sample for timestamp", Reason.SUPERSEDED),
        ("out of bounds", Reason.TOO_OLD),
        # Prometheus to remote write 2.0.
        ('out of bounds for series {__name__="cpu", host="too new"}', Reason.TOO_OLD),
        ('out of order sample for series {__name__="out of bounds"}\n', Reason.SUPERSEDED),
        ("too far in the past", Reason.TOO_OLD),
        ("too far in the future", Reason.IN_THE_FUTURE),
        ("timestamp too new: 7", Reason.IN_THE_FUTURE),
        ("series limit exceeded", Reason.LIMIT),
        ("label name too long", Reason.INVALID),
        ("tenant unknown", Reason.OTHER),
        ("too old sample; out of order sample", Reason.OTHER),
        ('too old sample {a="out of order"}', Reason.TOO_OLD),
    ],
)
def test_reason(text: str, reason: Reason) -> None:
    """The words name one reason, or the reason is `other`."""
    assert reason_in(text) is reason


@pytest.mark.parametrize(
    ("text", "samples", "refused"),
    [
        ("out of order sample", 9, None),
        ("add 4 samples: out of order sample", 9, {Reason.SUPERSEDED: 4}),
        ("add 4 samples: out of order sample", 3, {Reason.SUPERSEDED: 3}),
        ("add 0 samples: out of order sample", 3, {}),
        (
            "2 errors: add 1 samples: out of bounds; add 4 series: label names not sorted",
            9,
            {Reason.TOO_OLD: 1, Reason.INVALID: 4},
        ),
        (
            "add 4 samples: out of bounds; add 4 samples: out of order sample",
            5,
            {Reason.TOO_OLD: 4, Reason.SUPERSEDED: 1},
        ),
        ("bad_request_errors: count=1, last=too far in past", 9, {Reason.TOO_OLD: 1}),
        (
            "bad_request_errors: count=3, last=too far in past",
            9,
            {Reason.TOO_OLD: 1, Reason.OTHER: 2},
        ),
    ],
)
def test_number_of_refused(text: str, samples: int, refused: Mapping[Reason, int] | None) -> None:
    """What a server says about the number of refused samples counts, as far as it can be true."""
    assert refused_by_reason(text, samples) == refused


@pytest.mark.parametrize(
    ("status", "text", "written", "verdict"),
    [
        (204, "", 4, Verdict.ACCEPTED),
        (200, "", 5, Verdict.ACCEPTED),
        (200, "", 3, Verdict.SETTLED),
        (200, "", 0, Verdict.UNKNOWN_MESSAGE),
        (200, "", None, Verdict.UNKNOWN_MESSAGE),
        (415, "", None, Verdict.UNKNOWN_MESSAGE),
        (415, "", 0, Verdict.UNKNOWN_MESSAGE),
        (400, "", 0, Verdict.SETTLED),
        (400, "out of order sample", 3, Verdict.SETTLED),
        (400, "out of order sample", None, Verdict.REFUSED),
        (400, "bad protobuf", None, Verdict.UNKNOWN_MESSAGE),
        (400, "(err-mimir-sample-out-of-order)", None, Verdict.SETTLED),
        (413, "", None, Verdict.UNEXPLAINED),
        (422, "", 1, Verdict.SETTLED),
        (429, "", 2, Verdict.UNAVAILABLE),
        (503, "", 2, Verdict.UNAVAILABLE),
        (500, "", None, Verdict.UNAVAILABLE),
        (500, "too old sample", 2, Verdict.REFUSED),
        (401, "", None, Verdict.UNAUTHORISED),
        (404, "", 2, Verdict.MISDIRECTED),
        (302, "", None, Verdict.MISDIRECTED),
    ],
)
def test_verdict_on_2_0(status: int, text: str, written: int | None, verdict: Verdict) -> None:
    """Of remote write 2.0 the number written decides wherever the listener states it."""
    assert verdict_on_2_0(status, text, written, 4) is verdict
