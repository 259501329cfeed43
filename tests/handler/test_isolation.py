"""The search for refused samples, step by step and without a network."""

import pytest
import snappy

from converters.bodies import Body
from converters.schema.remote_write_pb2 import Label, Sample, TimeSeries, WriteRequest
from handler.account import SampleAccount, Sent
from handler.client import ListenerResponse
from handler.isolation import isolate
from handler.verdict import Verdict
from testing.converting import decoded

# The number of a series, and the time of one of its samples.
Places = list[tuple[int, int]]
Refuses = set[tuple[int, int]]

ALL: Refuses = {(series, time) for series in range(100) for time in range(100)}


def body_of(series: int, samples: int) -> Body:
    """Return a body of some series with some samples each."""
    request = WriteRequest(
        timeseries=[
            TimeSeries(
                labels=[Label(name="n", value=str(number))],
                samples=[Sample(timestamp=time) for time in range(samples)],
            )
            for number in range(series)
        ]
    )
    encoded = request.SerializeToString()
    return Body(snappy.compress(encoded), len(encoded), series * samples)


class Listener:
    """Refuses each body with one of some samples, and stores all others.

    Args:
        refuses: The samples.
        words: The text of a refusal.
        most: How many requests are answered so.
        last: The verdict on any later request, and whether there is a response.
    """

    def __init__(
        self,
        refuses: Refuses,
        words: str,
        most: int = 1_000,
        last: tuple[Verdict, bool] = (Verdict.UNAVAILABLE, False),
    ) -> None:
        self.response = ListenerResponse(400, words, None)
        self.account = SampleAccount(0)
        self.requests: list[Places] = []
        self.stored: Places = []
        self._refuses = refuses
        self._most = most
        self._last = last

    def isolate(self, series: int, samples: int) -> bool:
        """Isolate a body that was refused; return whether all of it is settled."""
        self.account = SampleAccount(series * samples)
        return isolate(body_of(series, samples), self.response, self.send, self.account)

    def send(self, body: Body) -> tuple[Verdict, ListenerResponse | None]:
        """Answer one request."""
        places = [
            (int(series.labels[0].value), sample.timestamp)
            for series in decoded(body).timeseries
            for sample in series.samples
        ]
        self.requests.append(places)
        if len(self.requests) > self._most:
            verdict, answered = self._last
            return verdict, self.response if answered else None
        if self._refuses.intersection(places):
            return Verdict.REFUSED, self.response
        self.account.accept(body.samples, body.size)
        self.stored += places
        return Verdict.ACCEPTED, self.response

    @property
    def sent(self) -> Sent:
        """The account of what was sent."""
        return self.account.close("")


@pytest.mark.parametrize(
    ("series", "samples", "refuses", "requests"),
    [
        (1, 1, {(0, 0)}, 0),
        (1, 2, {(0, 0)}, 2),
        (1, 2, {(0, 1)}, 2),
        (1, 2, ALL, 2),
        (1, 5, {(0, 0)}, 4),
        (1, 5, {(0, 2), (0, 3)}, 6),
        (1, 5, {(0, 4)}, 6),
        (2, 1, {(0, 0)}, 2),
        (2, 1, {(1, 0)}, 2),
        (2, 3, {(1, 1)}, 6),
        (3, 2, {(1, 0)}, 5),
        (9, 1, {(5, 0)}, 5),
        (9, 1, {(0, 0)}, 7),
        (9, 1, {(8, 0)}, 7),
        (9, 1, {(2, 0), (5, 0)}, 9),
        (9, 1, ALL - {(4, 0)}, 10),
        (20, 2, {(7, 1)}, 13),
    ],
)
def test_only_the_refused_samples_are_rejected(
    series: int, samples: int, refuses: Refuses, requests: int
) -> None:
    """Each good sample is stored once and each bad one rejected, in few requests."""
    listener = Listener(refuses, "out of order")
    assert listener.isolate(series, samples)
    every = {(number, time) for number in range(series) for time in range(samples)}
    assert sorted(listener.stored) == sorted(every - refuses)
    assert listener.sent.rejected == len(every & refuses)
    assert listener.sent.failures == ()
    assert len(listener.requests) == requests


def test_samples_of_a_series_keep_their_order() -> None:
    """A later sample of a series is sent only when the earlier ones are settled."""
    listener = Listener({(0, 3), (0, 9)}, "out of order")
    assert listener.isolate(1, 16)
    assert listener.stored == [(0, time) for time in range(16) if time not in (3, 9)]
    firsts = [places[0][1] for places in listener.requests]
    assert firsts == sorted(firsts)


def test_what_is_tried_first() -> None:
    """Until something is stored, series far apart (even) and deeper cuts (odd) take turns."""
    listener = Listener(ALL, "out of order")
    assert listener.isolate(40, 1)
    requests = [[series for series, _ in places] for places in listener.requests]
    assert requests[1::2] == [[14], [34], [20], [30], [11], [18], [28]]
    assert requests[::2] == [[24], [*range(14)], [*range(7)], [0, 1, 2], [0], [1, 2], [1], [2]]


@pytest.mark.parametrize("samples", [2, 512])
def test_sixteen_refusals_reject_the_rest(samples: int) -> None:
    """Sixteen refusals in a row, the first one included, are enough if they name samples."""
    listener = Listener(ALL, "out of order")
    assert listener.isolate(30, samples)
    assert len(listener.requests) == 15
    assert (listener.sent.rejected, listener.sent.accepted) == (30 * samples, 0)
    (refusal,) = listener.sent.refusals
    assert (refusal.reason, refusal.samples) == ("400 out of order", 30 * samples)
    assert refusal.example == '{n="18"} at 0 ms'


def test_sixteen_refusals_that_name_no_sample() -> None:
    """If they name no sample, the listener is misconfigured: 500, and the rest is kept."""
    listener = Listener(ALL, "tenant unknown")
    assert not listener.isolate(30, 2)
    assert len(listener.requests) == 15
    assert listener.sent.accepted == 0
    ((status, reason),) = listener.sent.failures
    assert status == 500
    assert reason == (
        "the listener refused 16 requests in a row without naming a sample, check its URL and "
        "settings: 400 tenant unknown"
    )


def test_refusals_count_only_until_the_first_acceptance() -> None:
    """Once the listener has stored something, no number of refusals ends the search."""
    listener = Listener(ALL - {(18, 0)}, "tenant unknown")
    assert listener.isolate(30, 1)
    assert (listener.sent.rejected, listener.stored) == (29, [(18, 0)])


@pytest.mark.parametrize("most", [0, 1, 5])
@pytest.mark.parametrize(
    "last",
    [(Verdict.UNAVAILABLE, False), (Verdict.UNAUTHORISED, True), (Verdict.REFUSED, False)],
    ids=str,
)
def test_another_failure_leaves_the_rest(most: int, last: tuple[Verdict, bool]) -> None:
    """Any other failure, or no response in time, ends the search: the rest is not settled."""
    listener = Listener({(3, 0)}, "out of order", most, last)
    assert not listener.isolate(9, 1)
    assert len(listener.requests) == most + 1
    assert listener.sent.undelivered == 9 - len(listener.stored) > 0
    assert listener.sent.failures == ((503, ""),)
