"""Finding the samples that a listener refuses among those that it would take.

A remote-write 1.0 server may refuse a whole WriteRequest for one bad sample. So
a refused body is cut apart, and each part sent once, down to a single sample; only
what is refused alone is rejected.
"""

from collections import deque
from collections.abc import Callable
from itertools import chain

from converters.bodies import Body
from converters.split import cut_out_series, describe, halve
from handler.account import SampleAccount
from handler.client import ListenerResponse
from handler.verdict import Verdict, names_samples

# As many refusals without one acceptance mean that nothing in the body is wanted.
_MAX_REFUSALS = 16

# Bodies to be settled one after the other: several where they hold one series.
_Sequence = deque["Body"]


def isolate(
    refused: Body,
    response: ListenerResponse,
    send: Callable[[Body], tuple[Verdict, ListenerResponse | None]],
    account: SampleAccount,
) -> bool:
    """Settle all samples of a refused body.

    First single series far apart are tried, until the listener takes one: where
    it refuses them all, it wants nothing of the body. Once it has taken
    something, every sample is worth a request: what is left is halved, and
    only the time for the delivery ends the search. Halves of one series go in
    the order of time, the first settled before the second is sent.

    Args:
        refused: A body that the listener has refused.
        response: The listener's response to it.
        send: Sends a body, with retries, and returns the verdict and the response. It counts
            accepted samples and records failures itself.
        account: Where rejected samples and a misconfigured listener are recorded.

    Returns:
        Whether all samples are settled; False where the rest has to wait for
        another delivery.
    """
    cut = cut_out_series(refused)
    if cut is None:
        unsent = _split(refused, response, deque(), account)
    else:
        rest, series = cut
        unsent = [deque([part]) for part in (series, *rest)]
    refusals, anything_accepted = 1, False
    while unsent:
        # In turn far apart and deeper, since a series may begin with bad samples.
        deeper = anything_accepted or refusals % 2
        sequence = unsent.pop(0) if deeper else _far_apart(unsent)
        body = sequence.popleft()
        verdict, latest = send(body)
        if verdict is Verdict.ACCEPTED:
            anything_accepted = True
            following = [sequence] if sequence else []
        elif verdict is not Verdict.REFUSED or latest is None:
            return False
        else:
            refusals += 1
            if refusals >= _MAX_REFUSALS and not anything_accepted:
                return _give_up([body, *sequence, *chain.from_iterable(unsent)], latest, account)
            following = _split(body, latest, sequence, account)
        unsent = [*following, *unsent] if deeper else [*unsent, *following]
    return True


def _far_apart(unsent: list[_Sequence]) -> _Sequence:
    """Take a series out of the largest part that is left."""
    index, largest = max(enumerate(unsent), key=lambda item: sum(b.samples for b in item[1]))
    cut = cut_out_series(largest[0]) if len(largest) == 1 else None
    if cut is None:
        return unsent.pop(index)
    rest, series = cut
    unsent[index : index + 1] = [deque([part]) for part in rest]
    return deque([series])


def _split(
    body: Body, response: ListenerResponse, rest: _Sequence, account: SampleAccount
) -> list[_Sequence]:
    """Return what is to be sent in a refused body's place; `rest` has to come after it."""
    halves = halve(body)
    if halves is None:
        account.reject(body.samples, response.summary, describe(body))
        return [rest] if rest else []
    if halves.one_series:
        rest.extendleft(reversed(halves.parts))
        return [rest]
    return [deque([part]) for part in halves.parts]


def _give_up(rest: list[Body], response: ListenerResponse, account: SampleAccount) -> bool:
    if names_samples(response.text):
        for body in rest:
            account.reject(body.samples, response.summary, describe(body))
        return True
    account.fail(
        500,
        f"the listener refused {_MAX_REFUSALS} requests in a row without naming a "
        f"sample, check its URL and settings: {response.summary}",
    )
    return False
