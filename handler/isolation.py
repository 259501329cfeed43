"""
Finding the samples that a listener refuses among those that it would take.

A remote-write 1.0 server may refuse a whole WriteRequest for one bad sample. So
a refused body is halved, and each half sent once, down to a single sample; only
what is refused alone is rejected.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from converters.split import describe, halve
from handler.verdict import Verdict, names_samples

if TYPE_CHECKING:
    from collections.abc import Callable

    from converters.bodies import Body
    from handler.account import Account
    from handler.transport import ListenerAnswer

# As many refusals without one acceptance mean that nothing in the body is wanted.
_MAX_REFUSALS_IN_A_ROW = 16


def isolate(
    refused: Body,
    answer: ListenerAnswer,
    send: Callable[[Body], tuple[Verdict, ListenerAnswer | None]],
    account: Account,
) -> bool:
    """
    Settle all samples of a refused body.

    Halves of different series are sent level by level, so that one bad sample
    among many good ones never makes a long row of refusals. Halves of one
    series go in the order of time, the first settled before the second is sent.

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
    unsent: deque[Body] = deque()
    _split(refused, answer, unsent, account)
    in_a_row = 1
    while unsent:
        body = unsent.popleft()
        verdict, said = send(body)
        if verdict is Verdict.ACCEPTED:
            in_a_row = 0
            continue
        if verdict is not Verdict.REFUSED or said is None:
            return False
        in_a_row += 1
        if in_a_row >= _MAX_REFUSALS_IN_A_ROW:
            return _give_up([body, *unsent], said, account)
        _split(body, said, unsent, account)
    return True


def _split(body: Body, answer: ListenerAnswer, unsent: deque[Body], account: Account) -> None:
    halves = halve(body)
    if halves is None:
        account.reject(body.samples, _words(answer), describe(body))
    elif halves.one_series:
        unsent.extendleft(reversed(halves.parts))
    else:
        unsent.extend(halves.parts)


def _give_up(rest: list[Body], answer: ListenerAnswer, account: Account) -> bool:
    if names_samples(answer.words):
        for body in rest:
            account.reject(body.samples, _words(answer), describe(body))
        return True
    account.fail(
        500,
        f"the listener refused {_MAX_REFUSALS_IN_A_ROW} requests in a row without naming a "
        f"sample, check its URL and settings: {_words(answer)}",
    )
    return False


def _words(answer: ListenerAnswer) -> str:
    return f"{answer.status} {answer.words.strip()}"
