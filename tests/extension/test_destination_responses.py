"""What each response of each destination means, a row each."""

import json
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extension.destinations.loki_responses import _VOCABULARY
from extension.destinations.responses import LONGEST_WAIT_SECONDS, Meaning
from extension.http_client import Response
from tests.support.log_destinations import ENOUGH, NOW, destination
from tests.support.properties import examples

SENT, HALVE, STOP, RETRY, REFUSED = (
    Meaning.SENT,
    Meaning.HALVE,
    Meaning.STOP,
    Meaning.RETRY,
    Meaning.REFUSED,
)

STATUSES = {
    SENT: (200, 202, 204, 299),
    REFUSED: (301, 302, 307, 308, 404, 405, 410, 415, 422, 499),
    STOP: (401, 403),
    HALVE: (413,),
    RETRY: (408, 429, 500, 501, 502, 503, 504, 529, 599, 100, 600, 999),
}
OLD = (
    b'entry for stream \'{function="f", source="lambda"}\' has timestamp too old: '
    b"2024-08-01T00:00:00Z, oldest acceptable timestamp is: 2024-08-23T10:00:00Z"
)
LONG = (
    b"max entry size '262144' bytes exceeded for stream '{}' while adding an entry with length '9'"
)


@pytest.mark.parametrize("name", ENOUGH)
@pytest.mark.parametrize(
    ("status", "meaning"),
    [(status, meaning) for meaning, statuses in STATUSES.items() for status in statuses],
)
def test_status(name: str, status: int, meaning: Meaning) -> None:
    """A status without a body means the same for every destination."""
    result = destination(name).interpret(Response(status, {}, b""), 10)
    assert (result.meaning, result.refused) == (meaning, 0)
    assert (f"HTTP {status}" in result.detail) == (meaning is not SENT)


def counts(malformed: object, good: object, oversized: object = 0, empty: object = 0) -> bytes:
    """Return the body of a 400 of Logz.io."""
    names = ("malformedLines", "successfulLines", "oversizedLines", "emptyLogLines")
    return json.dumps(dict(zip(names, (malformed, good, oversized, empty), strict=True))).encode()


def streams(*failed: object) -> bytes:
    """Return the body of a 200 of OpenObserve."""
    status = [{"name": "default", "successful": 1, "failed": number} for number in failed]
    return json.dumps({"code": 200, "status": status}).encode()


BODIES: list[tuple[str, int, bytes, Meaning, int]] = [
    # Of ten records.
    ("logzio", 400, counts(3, 7), SENT, 3),
    ("logzio", 400, counts(1, 6, 2, 1), SENT, 4),
    ("logzio", 400, counts(99, 0), SENT, 10),
    ("logzio", 400, counts(0, 4), SENT, 6),
    ("logzio", 400, counts(0, 99), SENT, 0),
    ("logzio", 400, b'{"malformedLines":2}', SENT, 2),
    ("logzio", 400, b'{"successfulLines":8}', SENT, 2),
    ("logzio", 400, counts("3", True, -1, 1.5), REFUSED, 0),
    ("logzio", 400, b"", REFUSED, 0),
    ("logzio", 400, b"<html>", REFUSED, 0),
    ("logzio", 400, b"null", REFUSED, 0),
    ("logzio", 400, b"\xff\xfe", REFUSED, 0),
    ("logzio", 400, b"[" * 65_536, REFUSED, 0),
    ("logzio", 200, counts(3, 7), SENT, 0),
    ("loki", 204, b"", SENT, 0),
    ("loki", 260, b"blocked", RETRY, 0),
    ("loki", 400, b"reason: 'entry too far behind' ...,\ntotal ignored: 3 out of 10", SENT, 3),
    ("loki", 400, b"total ignored: 999999999 out of 999999999", SENT, 10),
    ("loki", 400, b"total ignored: many out of 10", REFUSED, 0),
    ("loki", 400, b"max entry size '262144' bytes exceeded", REFUSED, 0),
    ("loki", 400, b"", REFUSED, 0),
    # Its distributor stores the good entries and describes the others.
    ("loki", 400, OLD, HALVE, 0),
    ("loki", 400, OLD.replace(b"too old", b"too new"), HALVE, 0),
    ("loki", 400, LONG, HALVE, 0),
    ("loki", 400, b"3 errors like: " + OLD, SENT, 3),
    ("loki", 400, b"3 errors like: " + OLD + b"; 2 errors like: " + LONG, SENT, 5),
    ("loki", 400, b"99 errors like: " + OLD, SENT, 10),
    ("loki", 400, b"many errors like: " + OLD, REFUSED, 0),
    ("loki", 400, b"entry for stream '{}' has 16 label names; limit 15", REFUSED, 0),
    ("loki", 400, b"PushRequest.Streams: 3 errors like this", REFUSED, 0),
    ("openobserve", 200, streams(0), SENT, 0),
    ("openobserve", 200, streams(2, 3), SENT, 5),
    ("openobserve", 200, streams(99), SENT, 10),
    ("openobserve", 200, streams(-1, "x", None, True), SENT, 0),
    ("openobserve", 200, b'{"status":"ok"}', SENT, 0),
    ("openobserve", 200, b'{"status":[1,null,[]]}', SENT, 0),
    ("openobserve", 200, b"not JSON", SENT, 0),
    ("openobserve", 200, b"", SENT, 0),
    ("openobserve", 400, streams(4), REFUSED, 0),
    ("datatap", 200, counts(3, 7), SENT, 0),
    ("datatap", 400, counts(3, 7), REFUSED, 0),
]


@pytest.mark.parametrize(("name", "status", "body", "meaning", "refused"), BODIES)
def test_body(name: str, status: int, body: bytes, meaning: Meaning, refused: int) -> None:
    """The records that a body refuses are counted, and never more than were sent."""
    result = destination(name).interpret(Response(status, {}, body), 10)
    assert (result.meaning, result.refused) == (meaning, refused)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("2", 2.0),
        (" 7 ", 7.0),
        ("1.5", 1.5),
        ("86400", LONGEST_WAIT_SECONDS),
        ("999999999999", None),
        ("-1", None),
        ("soon", None),
        ("", None),
        ("²", None),
        ("nan", None),
        (formatdate(NOW + 30, usegmt=True), 30.0),
        (formatdate(NOW - 30, usegmt=True), 0.0),
        (formatdate(NOW + 86_400, usegmt=True), LONGEST_WAIT_SECONDS),
        ("Fri, 99 Foo 2024 99:99:99 GMT", None),
    ],
)
def test_retry_after(text: str, seconds: "float | None") -> None:
    """Retry-After counts as seconds or as a date, within reason, and else not at all."""
    for status in (429, 503):
        result = destination("logzio").interpret(Response(status, {"retry-after": text}, b""), 1)
        assert result.meaning is RETRY
        assert result.retry_after == seconds


def test_no_retry_after_without_retry() -> None:
    """A response that is final does not ask for a wait, whatever its headers say."""
    result = destination("logzio").interpret(Response(404, {"retry-after": "9"}, b""), 1)
    assert result.retry_after is None


@pytest.mark.parametrize("body", [OLD, LONG])
def test_one_entry_that_loki_refuses(body: bytes) -> None:
    """A push of one entry shows that it was refused: of several Loki describes only one."""
    result = destination("loki").interpret(Response(400, {}, body), 1)
    assert (result.meaning, result.refused) == (SENT, 1)


LABELS = b"stream '{secret=\"s3cret\"}' has "
WORDS: list[tuple[int, bytes, str, str]] = [
    # Loki's status and words; those that are reported, and the hint.
    (401, b"no org id\n", "no org id", "set LOKI_TENANT_ID"),
    (
        400,
        b"tenant ID 's3cret' contains unsupported character '/'",
        "tenant ID … contains unsupported character",
        "LOKI_TENANT_ID",
    ),
    (400, LABELS + b"label value too long: 's3cret'", "label value too long", "LOKI_LABELS"),
    (400, LABELS + b"label name too long: 's3cret'", "label name too long", "LOKI_LABELS"),
    (404, b"404 page not found\n", "404 page not found", "LOKI_URL"),
    (429, b"Ingestion rate limit exceeded for user 1", "rate limit exceeded", "ingestion_burst"),
    (400, LABELS + b"structured metadata, which is disallowed", "", "LOKI_STRUCTURED_METADATA"),
    (400, b'loghttp: bad line "s3cret \\" s3cret"', "… line …", ""),
    (500, b"\xffs3\r\n\x00" + b"x" * 70_000, "…", ""),
]


@pytest.mark.parametrize(("status", "body", "words", "hint"), WORDS)
def test_words_of_loki(status: int, body: bytes, words: str, hint: str) -> None:
    """Loki's own words are reported, without values and labels, and the variable that helps."""
    detail = destination("loki").interpret(Response(status, {}, body), 1).detail
    assert detail.startswith(f"HTTP {status}: ")
    assert words in detail
    assert hint in detail
    assert "s3cret" not in detail
    assert len(detail) < 320


@examples(100)
@given(st.text(), st.binary(max_size=60))
def test_words_of_loki_repeat_nothing(line: str, body: bytes) -> None:
    """Nothing that a server repeats of a request is reported, only words that Loki uses."""
    repeated = f"no org id: {line}".encode("utf-8", "replace") + body
    words = destination("loki").interpret(Response(401, {}, repeated), 1).detail
    said = words.removeprefix("HTTP 401: ").removesuffix("; set LOKI_TENANT_ID")
    assert {it.lower() for it in said.split()} <= _VOCABULARY | {"…"}


def test_redirect_says_so() -> None:
    """A redirect is refused with the reason: the token stays with its host."""
    result = destination("logzio").interpret(Response(307, {"location": "http://x"}, b""), 1)
    assert "redirect" in result.detail
    assert "http://x" not in result.detail


@examples(300)
@given(
    st.sampled_from(sorted(ENOUGH)),
    st.integers(0, 999),
    st.binary(max_size=60)
    | st.sampled_from([body for _, _, body, _, _ in BODIES])
    | st.builds(counts, st.floats(), st.integers()),
    st.text(max_size=20),
    st.integers(1, 10_000),
)
def test_any_response(name: str, status: int, body: bytes, header: str, count: int) -> None:
    """No response raises, and no result counts more records than there were."""
    response = Response(status, {"retry-after": header}, body)
    result = destination(name).interpret(response, count)
    assert 0 <= result.refused <= count
    assert result.meaning is SENT or not result.refused
    assert result.retry_after is None or 0 <= result.retry_after <= 300
