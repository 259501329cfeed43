"""What the account of a delivery keeps of the listener's words."""

from handler.account import SampleAccount
from handler.verdict import Reason


def test_a_data_point_is_named_beside_many_answers_that_name_none() -> None:
    """M3 writes other numbers into each answer; a point that is refused alone is named still."""
    account = SampleAccount(200)
    for number in range(15):
        account.reject(2, Reason.TOO_OLD, f"400 bad_request_errors: count={number}")
    account.settle_unknown(10, "400 user=fake: err: out of order sample")
    account.reject(4, Reason.INVALID, "400 invalid label set", "cpu at 5 ms")
    sent = account.close("unfinished")
    named = [(refusal.words, refusal.samples) for refusal in sent.refusals if refusal.example]
    assert named == [("400 invalid label set", 4)]
    assert sum(refusal.samples for refusal in sent.refusals) == sent.rejected == 34
    assert sum(refusal.settled_unknown for refusal in sent.refusals) == 10


def test_many_data_points_are_named_by_the_first_ten_words() -> None:
    """A log with thousands of refusals helps nobody; the others are counted together."""
    account = SampleAccount(100)
    for number in range(25):
        account.reject(4, Reason.INVALID, f"400 invalid label set {number}", f"cpu at {number} ms")
    refusals = account.close("unfinished").refusals
    assert [refusal.samples for refusal in refusals] == [4] * 10 + [60]
    assert refusals[-1].words == "other words"
