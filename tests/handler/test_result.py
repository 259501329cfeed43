"""What the records and samples of a delivery add up to."""

import pytest

from converters.convert import Conversion
from converters.errors import DecodeError
from handler.account import Sent
from handler.delivery import CommonAttributes, Delivery, Record
from handler.redaction import CUT_OFF, Redactor
from handler.result import MAX_MESSAGE, DeliveryResult, result_of, unforeseen

# The first record has samples, the second has none, the others depend on the case.
_GOOD = (Record(0, b"samples"), Record(1, b""))
_UNREAD = Record(2, None, "its data is not base64")
_UNDECODED = Record(3, b"\xff")


def _result(*bad: Record, failures: tuple[tuple[int, str], ...] = ()) -> DeliveryResult:
    delivery = Delivery("id", "arn", CommonAttributes(), (*reversed(bad), *_GOOD), None)
    conversion = Conversion(
        lanes=[],
        failures={record.number: DecodeError("cut short") for record in bad if record.content},
        contributing=frozenset({0}),
        data_points=1,
        series=4,
        samples=4,
        dropped_points={},
        dropped_samples={},
        oldest_ms=None,
        points_without_statistics=0,
        attributes_left_out=0,
        warnings={},
    )
    undelivered = 4 if failures else 0
    sent = Sent(4 - undelivered, {}, 0, undelivered, 1, 0, 9, failures, refusals=())
    return result_of(delivery, conversion, sent, "Ok")


_DOWN = (503, "down")
_UNREAD_ERROR = "records[2]: its data is not base64"
_UNDECODED_ERROR = "records[3]: cut short"


@pytest.mark.parametrize(
    ("bad", "failures", "status", "errors", "failed"),
    [
        ((), (), 200, (), set()),
        ((), (_DOWN,), 503, ("down",), {0}),
        ((), (_DOWN, (500, "wrong")), 500, ("down", "wrong"), {0}),
        ((), ((500, "wrong"), (401, "token")), 401, ("wrong", "token"), {0}),
        ((_UNREAD,), (), 400, (_UNREAD_ERROR,), {2}),
        ((_UNDECODED,), (), 400, (_UNDECODED_ERROR,), {3}),
        ((_UNREAD, _UNDECODED), (), 400, (_UNREAD_ERROR, _UNDECODED_ERROR), {2, 3}),
        ((_UNREAD,), (_DOWN,), 503, ("down", _UNREAD_ERROR), {0, 2}),
    ],
)
def test_result(
    bad: tuple[Record, ...],
    failures: tuple[tuple[int, str], ...],
    status: int,
    errors: tuple[str, ...],
    failed: set[int],
) -> None:
    """The worst failure is the status, and Firehose keeps what is malformed or undelivered."""
    assert _result(*bad, failures=failures) == DeliveryResult(
        status, errors, frozenset(failed), "Ok"
    )


@pytest.mark.parametrize("length", range(MAX_MESSAGE - 3, MAX_MESSAGE + 2))
def test_what_is_left_out_is_marked(length: int) -> None:
    """An error that has no space is cut off visibly, also where the one before just fits."""
    result = DeliveryResult(503, ("x" * length, "y"))
    shown = result.redacted(Redactor(["a secret"])).message
    assert shown == result.message
    assert len(shown) <= MAX_MESSAGE
    assert (shown == "x" * length + "; y") is (length == MAX_MESSAGE - 3)
    assert shown.endswith(CUT_OFF) is (length > MAX_MESSAGE - 3)


def test_unforeseen_error() -> None:
    """An unforeseen error is named without its text, and Firehose keeps all records."""
    assert unforeseen(LookupError("a secret")) == DeliveryResult(
        500, ("unforeseen error, see the function's log: LookupError",), failed_records=None
    )
