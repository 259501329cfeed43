"""
Finding the samples that a listener refuses among those that it would take.

A remote-write 1.0 server may refuse a whole WriteRequest for one bad sample. So
a refused body is halved, and each half sent once, down to a single sample; only
what is refused alone is rejected.
"""

from __future__ import annotations

from collections import deque
from itertools import chain
from typing import TYPE_CHECKING

from converters.split import describe, halve
from handler.verdict import Verdict, names_samples

if TYPE_CHECKING:
    from collections.abc import Callable

    from converters.bodies import Body
    from handler.account import Account
    from handler.transport import ListenerAnswer

# As many refusals without one acceptance mean that nothing in the body is wanted.
_MAX_REFUSALS = 16
# Before that, the largest parts get a chance: a block of bad samples may lie
# before many good ones.
_LARGEST_NEXT = 14

# Bodies to be settled one after the other: several where they hold one series.
_Sequence = deque["Body"]


def isolate(
    refused: Body,
    answer: ListenerAnswer,
    send: Callable[[Body], tuple[Verdict, ListenerAnswer | None]],
    account: Account,
) -> bool:
    """
    Settle all samples of a refused body.

    A half is settled before its other half is sent. Halves of one series go in
    the order of time. Where the listener has taken nothing of the body after
    sixteen refusals, it wants nothing of it; once it has taken something, every
    sample is worth its own answer, and only the time for the delivery ends the
    search.

    Args:
        refused: A body that the listener has refused.
        answer: Its answer.
        send: Sends a body, with retries for what passes, and says how it ended.
            An account of what was accepted and of failures is its own.
        account: Where rejected samples and a misconfigured listener are noted.

    Returns:
        Whether all samples are settled; False where the rest has to wait for
        another delivery.
    """
    # The smallest parts, which were split last, are on the left.
    unsent = deque(_split(refused, answer, deque(), account))
    refusals, anything_accepted = 1, False
    while unsent:
        smallest_next = anything_accepted or refusals < _LARGEST_NEXT
        sequence = unsent.popleft() if smallest_next else unsent.pop()
        body = sequence.popleft()
        verdict, said = send(body)
        if verdict is Verdict.ACCEPTED:
            anything_accepted = True
            rest = [sequence] if sequence else []
        elif verdict is not Verdict.REFUSED or said is None:
            return False
        else:
            refusals += 1
            if refusals >= _MAX_REFUSALS and not anything_accepted:
                return _give_up([body, *sequence, *chain.from_iterable(unsent)], said, account)
            rest = _split(body, said, sequence, account)
        unsent.extendleft(reversed(rest))
    return True


def _split(
    body: Body, answer: ListenerAnswer, rest: _Sequence, account: Account
) -> list[_Sequence]:
    """Return what is to be sent in a refused body's place; `rest` has to come after it."""
    halves = halve(body)
    if halves is None:
        account.reject(body.samples, _words(answer), describe(body))
        return [rest] if rest else []
    if halves.one_series:
        rest.extendleft(reversed(halves.parts))
        return [rest]
    return [deque([part]) for part in halves.parts]


def _give_up(rest: list[Body], answer: ListenerAnswer, account: Account) -> bool:
    if names_samples(answer.words):
        for body in rest:
            account.reject(body.samples, _words(answer), describe(body))
        return True
    account.fail(
        500,
        f"the listener refused {_MAX_REFUSALS} requests in a row without naming a "
        f"sample, check its URL and settings: {_words(answer)}",
    )
    return False


def _words(answer: ListenerAnswer) -> str:
    return f"{answer.status} {answer.words.strip()}"
