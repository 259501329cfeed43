"""Log lines: bounded, whatever a delivery or a listener calls things, and written in time."""

import json
from collections.abc import Callable

import pytest

from handler.redaction import Redactor
from handler.result import MAX_MESSAGE, DeliveryResult
from handler.telemetry import Telemetry, traceback_of
from testing.events.firehose import headers
from testing.events.ingresses import Event, function_url
from testing.http_server import Reply
from testing.receiver import ReplyFunction
from testing.replies import accept, always
from tests.support.invoking import ACCESS_KEY, body_of, deliver, delivery_of, point

MAX_LINE = 64_000
LETTERS = ("x", "\u00e9", "\u4e2d", "\U0001f600", "\x01", '"')
Capture = pytest.CaptureFixture[str]
REFUSED = always(Reply(400, body=b"invalid label: " + b"\x01" * 3_000))


def _labelled(letter: str) -> Event:
    return delivery_of([point(letter * 200_000, metric=f"m{letter * 200_000}")])


def _colliding(letter: str) -> Event:
    names = [f"{case}{n}{letter * 70_000}" for n in range(3) for case in "aA"]
    return delivery_of([point(metric=name) for name in names])


def _named(letter: str) -> Event:
    sent = headers(letter * 1_000, ACCESS_KEY, {"P8S_LOGZIO_NAME": letter * 100_000})
    sent["X-Amz-Firehose-Source-Arn"] = f"a:b:c:d:{letter * 900}:f"
    return function_url(sent, body_of([b"\xff" * 9_000] * 2 + [b"{"]))


@pytest.mark.parametrize("letter", LETTERS, ids=ascii)
@pytest.mark.parametrize(
    ("make", "reply"),
    [(_labelled, REFUSED), (_colliding, accept), (_named, accept)],
    ids=["refused sample", "colliding metrics", "ids"],
)
def test_line_is_bounded(
    make: Callable[[str], Event], reply: ReplyFunction, letter: str, capfd: Capture
) -> None:
    """Whatever letters names and labels are made of, a line has at most 64 kB."""
    short = {"FIREHOSE_ACCESS_KEY": ACCESS_KEY, "LOGZIO_METRICS_TOKEN": "x"}
    for settings in ({}, short):
        deliver(reply, make(letter), settings)
    output = capfd.readouterr().out
    assert output
    for line in output.splitlines():
        assert len(line.encode("utf-8", "surrogatepass")) <= MAX_LINE
        assert isinstance(json.loads(line), dict)


class Searched:
    """Takes a secret out of texts, and counts their characters."""

    def __init__(self) -> None:
        self.characters = 0
        self._redact = Redactor([ACCESS_KEY])

    def __call__(self, text: str) -> str:
        """Return the text without the secret."""
        self.characters += len(text)
        return self._redact(text)


@pytest.mark.parametrize("before", range(9_975, 10_002))
def test_secret_where_a_line_is_cut(before: int, capsys: Capture) -> None:
    """A secret at the place where a text is cut is left out as a whole, wherever it begins."""
    telemetry = Telemetry({"POWERTOOLS_SERVICE_NAME": f"test-cut-{before}"})
    telemetry.redact_with(Redactor([ACCESS_KEY]))
    telemetry.warning("words", listener_words="y" * before + ACCESS_KEY + "y" * 900_000)
    (line,) = capsys.readouterr().out.splitlines()
    assert not any(ACCESS_KEY[n : n + 3] in line for n in range(len(ACCESS_KEY) - 2))
    assert len(line) < 11_000


def test_report_takes_little_time(capsys: Capture) -> None:
    """Of texts without end only what a line shows is searched for secrets."""
    redact = Searched()
    result = DeliveryResult(503, tuple(f"{n}{'x' * 900_000}" for n in range(20)))
    assert len(result.redacted(redact).message) == MAX_MESSAGE
    assert redact.characters < 3 * MAX_MESSAGE
    telemetry = Telemetry({"POWERTOOLS_SERVICE_NAME": "test-report"})
    telemetry.redact_with(redact)
    for _ in range(2):
        telemetry.error(f"records[0]: {'x' * 900_000}")
        telemetry.warning("refused", listener_words="x" * 900_000, example="y" * 900_000)
    assert redact.characters < 100_000
    assert capsys.readouterr().out.count("\n") == 4


def _recurse(depth: int, more: bool = True) -> None:
    # Two that call each other: a traceback leaves out what only repeats itself.
    if not depth:
        raise ValueError("the reason")
    if more:
        _recurse(depth - 1, more=False)
    else:
        _recurse(depth - 1)


def test_long_traceback_ends_with_the_reason() -> None:
    """Of a traceback that does not fit into a line the end is logged, with the reason."""
    for depth, length in ((1, 1_000), (300, 10_001)):
        with pytest.raises(ValueError, match="the reason") as raised:
            _recurse(depth)
        text = traceback_of(raised.value)
        assert text.endswith("ValueError: the reason\n")
        assert len(text) <= length
    endless = traceback_of(ValueError("x" * 900_000))
    assert endless.startswith("ValueError: xxx")
    assert len(endless) <= 10_001
