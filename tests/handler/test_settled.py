"""What is remembered of data points that were isolated, and for how long."""

import pytest

from converters.split import DataPoint
from handler.settled import MAX_SETTLED, SettledPoints, digest_of
from handler.verdict import Reason


def test_reasons_that_last_are_remembered() -> None:
    """A point that was accepted, or refused for a reason of its own, is known by it."""
    settled = SettledPoints()
    settled.remember("accepted", None)
    for reason in Reason:
        settled.remember(reason, reason)
    assert settled.reason_for("accepted") is None
    for reason in (Reason.SUPERSEDED, Reason.TOO_OLD, Reason.INVALID, Reason.OTHER):
        assert settled.reason_for(reason) is reason


@pytest.mark.parametrize("reason", [Reason.LIMIT, Reason.IN_THE_FUTURE])
def test_reasons_that_pass_are_not_remembered(reason: Reason) -> None:
    """A limit may be raised, and the future becomes the present."""
    settled = SettledPoints()
    settled.remember("a", reason)
    with pytest.raises(KeyError):
        settled.reason_for("a")


def test_the_oldest_is_forgotten() -> None:
    """As many points are remembered as fit; then the first one gives way to the next."""
    settled = SettledPoints()
    for number in range(MAX_SETTLED):
        settled.remember(str(number), None)
    assert settled.reason_for("0") is None
    settled.remember("last", Reason.OTHER)
    assert len(settled.snapshot()) == MAX_SETTLED
    assert settled.reason_for("last") is Reason.OTHER
    with pytest.raises(KeyError):
        settled.reason_for("0")


def test_a_snapshot_is_remembered_later() -> None:
    """Another object knows what is in the snapshot of a first one, and nothing else of it."""
    first = SettledPoints()
    first.remember("a", Reason.TOO_OLD)
    first.remember("b", None)
    later = SettledPoints(first.snapshot())
    first.remember("c", None)
    assert (later.reason_for("a"), later.reason_for("b")) == (Reason.TOO_OLD, None)
    with pytest.raises(KeyError):
        later.reason_for("c")


def test_digest() -> None:
    """A point is known by all its bytes, and by the endpoint that it is sent to."""
    places = [(b"point", b"here"), (b"other", b"here"), (b"point", b"there")]
    digests = {digest_of(DataPoint(((b"", content),)), scope) for content, scope in places}
    assert len(digests) == 3
    assert digest_of(DataPoint(((b"po", b"int"),)), b"here") in digests
