"""The stand-ins of servers: what each stores beside a refused sample, and in which words."""

import math
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
import snappy

from converters.schema.remote_write_pb2 import Label, Sample, TimeSeries, WriteRequest
from testing.backends.backend import Backend, Limits
from testing.backends.cortex import Cortex
from testing.backends.m3 import M3
from testing.backends.managed import Managed
from testing.backends.mimir import Mimir
from testing.backends.prometheus import PrometheusStandIn
from testing.backends.thanos import Thanos
from testing.backends.words import real_words
from testing.http_server import Reply, Request
from testing.receiver import Received, Receiver
from testing.replies import accept, slow
from testing.rules import Samples
from testing.servers import Prometheus, in_order, loopback_session

HEADERS = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}
NOW_MS = 1_795_867_200_000
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS

Given = tuple[str, int, float]
"""A host, a time in milliseconds from now, a value."""


def request_of(
    samples: list[Given], labels: Mapping[str, str] = {}, now_ms: int = NOW_MS
) -> WriteRequest:
    """Make a request with one sample for each series."""
    return WriteRequest(
        timeseries=[
            TimeSeries(
                labels=[
                    Label(name=name, value=value)
                    for name, value in {"__name__": "cpu", "host": host, **labels}.items()
                ],
                samples=[Sample(timestamp=now_ms + at_ms, value=value)],
            )
            for host, at_ms, value in samples
        ]
    )


def send(server: Backend, samples: list[Given], **labels: str) -> tuple[int, str]:
    """Send a request to a stand-in; return status and text of the reply."""
    http = Request(1, 1, "POST", "/", {}, [], 0.0)
    reply = server(Received.of(http, request=request_of(samples, labels)))
    return reply.status, reply.body.decode()


def stored(server: Backend) -> set[Given]:
    """Return what a stand-in has stored."""
    return {
        (dict(labels)["host"], at_ms - NOW_MS, value)
        for labels, samples in server.stored.items()
        for at_ms, value in samples.items()
    }


def limits(**changed: int) -> Limits:
    """Return limits with a clock."""
    return Limits(now_ms=lambda: NOW_MS, **changed)


def without_numbers(text: str) -> str:
    """Return a text with `N` for each number."""
    return re.sub(r"\d+", "N", text)


WORDS = [words._replace(text=without_numbers(words.text)) for words in real_words()]

OLD = ("a", -2 * HOUR_MS, 1.0)
OVERTAKEN = ("a", -MINUTE_MS, 1.0)
OTHER_VALUE = ("a", 0, 2.0)
AHEAD = ("a", 2 * HOUR_MS, 1.0)
SERIES = ("c", 0, 1.0)

REFUSALS: dict[str, tuple[Callable[[], Backend], Given, int, str]] = {
    "prometheus out of order": (PrometheusStandIn, OVERTAKEN, 400, "superseded"),
    "prometheus duplicate": (PrometheusStandIn, OTHER_VALUE, 400, "superseded"),
    "prometheus old": (PrometheusStandIn, OLD, 400, "too_old"),
    "prometheus beyond its window": (
        lambda: PrometheusStandIn(limits(window_ms=HOUR_MS)),
        OLD,
        400,
        "too_old",
    ),
    "prometheus 2.44 beyond its window": (
        lambda: PrometheusStandIn(limits(window_ms=HOUR_MS), (2, 44)),
        OLD,
        500,
        "too_old",
    ),
    "prometheus ahead": (lambda: PrometheusStandIn(limits()), AHEAD, 400, "in_the_future"),
    "mimir out of order": (Mimir, OVERTAKEN, 400, "superseded"),
    "mimir duplicate": (Mimir, OTHER_VALUE, 400, "superseded"),
    "mimir old": (Mimir, OLD, 400, "too_old"),
    "mimir beyond its window": (lambda: Mimir(Limits(window_ms=HOUR_MS)), OLD, 400, "too_old"),
    "mimir ahead": (lambda: Mimir(limits()), AHEAD, 400, "in_the_future"),
    "mimir past": (lambda: Mimir(limits(past_ms=HOUR_MS)), OLD, 400, "too_old"),
    "mimir series": (lambda: Mimir(limits(max_series=2)), SERIES, 400, "limit"),
    "cortex out of order": (Cortex, OVERTAKEN, 400, "superseded"),
    "cortex duplicate": (Cortex, OTHER_VALUE, 400, "superseded"),
    "cortex old": (Cortex, OLD, 400, "too_old"),
    "cortex ahead": (lambda: Cortex(limits()), AHEAD, 400, "in_the_future"),
    "cortex past": (lambda: Cortex(limits(past_ms=HOUR_MS)), OLD, 400, "too_old"),
    "cortex series": (lambda: Cortex(limits(max_series=2)), SERIES, 400, "limit"),
    "managed out of order": (Managed, OVERTAKEN, 400, "superseded"),
    "managed series": (lambda: Managed(limits(max_series=2)), SERIES, 429, "limit"),
    "thanos out of order": (Thanos, OVERTAKEN, 409, "superseded"),
    "thanos duplicate": (Thanos, OTHER_VALUE, 409, "superseded"),
    "thanos old": (Thanos, OLD, 409, "too_old"),
    "thanos beyond its window": (lambda: Thanos(Limits(window_ms=HOUR_MS)), OLD, 409, "too_old"),
    "thanos with a replica": (lambda: Thanos(replicas=2), OVERTAKEN, 409, "superseded"),
    "m3 past": (lambda: M3(limits(past_ms=HOUR_MS)), OLD, 400, "too_old"),
    "m3 ahead": (lambda: M3(limits()), AHEAD, 400, "in_the_future"),
}
"""A server that has stored `a` and `b` now; a sample that it refuses; status and reason."""


@pytest.mark.parametrize(("make", "bad", "status", "reason"), REFUSALS.values(), ids=REFUSALS)
def test_words(
    make: Callable[[], Backend],
    bad: Given,
    status: int,
    reason: str,
    request: pytest.FixtureRequest,
) -> None:
    """A refusal has a status and words of the real server, and stores what that server stores."""
    name = request.node.callspec.id.split()[0]
    server = make()
    first = {("a", 0, 1.0), ("b", 0, 1.0)}
    assert send(server, sorted(first))[0] in (200, 204)
    good = ("b", MINUTE_MS, 3.0)
    answered, text = send(server, [bad, good])
    (found,) = {
        (words.stored, words.reason)
        for words in WORDS
        if words.status == answered == status
        and words.text == without_numbers(text)
        and (words.server == name or (name, words.server) == ("managed", "cortex"))
    }
    assert found == (name != "prometheus", reason)
    assert stored(server) == first | ({good} if found[0] else set())
    assert server.refused == 1


@pytest.mark.parametrize(
    "make",
    [PrometheusStandIn, Mimir, Cortex, Managed, Thanos, lambda: M3(limits())],
    ids=["prometheus", "mimir", "cortex", "managed", "thanos", "m3"],
)
def test_repetition(make: Callable[[], Backend]) -> None:
    """The newest sample of a series is accepted again with the same value, and stored once."""
    server = make()
    for _ in range(2):
        assert send(server, [("a", 0, 0.5), ("nan", 0, math.nan)])[0] in (200, 204)
    assert [list(samples) for samples in server.stored.values()] == [[NOW_MS], [NOW_MS]]
    assert (server.refused, server.replies.total()) == (0, 2)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x" * 2049, "label value length exceeds the limit, label: 'long', value: 'xxx"),
        ("x", "number of labels exceeds the limit (actual: 4, limit: 3) series: 'cpu{host="),
    ],
)
def test_labels(value: str, text: str) -> None:
    """Mimir names the series before the id of the error; it stores none of such a series."""
    server = Mimir(Limits(max_labels=4 if len(value) > 1 else 3, max_value=2048))
    status, answer = send(server, [("a", 0, 1.0)], long=value, more="1")
    assert (status, text in answer, server.stored) == (400, True, {})
    assert answer.index("series: '") < answer.index("(err-mimir-")


def test_rate() -> None:
    """A workspace beyond its ingestion rate stores nothing, and has its own words for that."""
    server = Managed(throttled=1)
    status, text = send(server, [("a", 0, 1.0)])
    assert (status, text[:20]) == (429, "ingestion rate limit")
    assert send(server, [("a", 0, 1.0)])[0] == 200


def test_commit() -> None:
    """Thanos says 409, too, where it has refused some samples and then stored none."""
    server = Thanos(failing_commits=2)
    assert send(server, [("a", 0, 1.0)])[0] == 500
    server.head.store([((("__name__", "cpu"), ("host", "a")), NOW_MS, 1.0)])
    status, text = send(server, [OVERTAKEN, ("b", 0, 1.0)])
    assert status == 409
    assert "2 errors: add 1 samples: out of order sample; commit samples: write to WAL" in text
    assert stored(server) == {("a", 0, 1.0)}


def test_active_series() -> None:
    """Thanos beyond its limit of series takes nothing at all, not even of known series."""
    server = Thanos(Limits(max_series=1))
    assert send(server, [("a", 0, 1.0)])[0] == 200
    assert send(server, [("a", MINUTE_MS, 1.0)]) == (429, "tenant is above active series limit\n")


def test_ahead_of_the_clock() -> None:
    """A sample ahead of the clock makes an old Prometheus refuse everything current."""
    server = PrometheusStandIn(limits(), version=(2, 42))
    assert send(server, [("b", -MINUTE_MS, 1.0)])[0] == 204
    assert send(server, [("a", 100 * MINUTE_MS, 1.0), ("b", 0, 1.0)])[0] == 204
    assert send(server, [("b", MINUTE_MS, 1.0)]) == (400, "out of bounds\n")
    assert send(server, [("b", 41 * MINUTE_MS, 1.0)])[0] == 204


def test_order_is_nothing_to_m3() -> None:
    """M3 takes samples in any order, and the last of several values for a time stays."""
    server = M3(limits())
    for sample in (("a", 0, 1.0), OVERTAKEN, OTHER_VALUE):
        assert send(server, [sample])[0] == 200
    assert stored(server) == {OVERTAKEN, OTHER_VALUE}


def test_slow() -> None:
    """A slow server answers the same, and so much later."""
    http = Request(1, 1, "POST", "/", {}, [], 0.0)
    assert slow(accept, 0.02)(Received.of(http)) == Reply(delay_seconds=0.02)


def random_requests(chance: random.Random) -> Iterator[list[Given]]:
    """Yield requests of few series with few times and values, so that they meet each other."""
    for number in range(250):
        hosts = chance.sample("abcdefgh", chance.randint(1, 4))
        newest = number // 4 * 10_000
        ages = (*[0] * 15, 10_000, MINUTE_MS, 59 * MINUTE_MS, 61 * MINUTE_MS, 4 * HOUR_MS)
        yield [(host, newest - chance.choice(ages), chance.choice((1.0, 2.0))) for host in hosts]


@pytest.mark.real_server
@pytest.mark.parametrize(("window", "window_ms"), [("", 0), ("2h", 2 * HOUR_MS)])
def test_as_the_real_one(tmp_path: Path, window: str, window_ms: int) -> None:
    """The stand-in of Prometheus answers and stores as the real one does."""
    now_ms = int(time.time() * 1000) - HOUR_MS
    stand_in = PrometheusStandIn(Limits(window_ms=window_ms), version=(2, 42))
    met = Counter[tuple[int, str]]()
    with (
        Prometheus(tmp_path, window=window) as real,
        Receiver(stand_in) as receiver,
        loopback_session() as session,
    ):
        for samples in random_requests(random.Random(window)):
            encoded = request_of(samples, now_ms=now_ms).SerializeToString()
            answers = [
                session.post(url, data=snappy.compress(encoded), headers=HEADERS, timeout=60)
                for url in (real.write_url, receiver.url)
            ]
            (answer,) = {(response.status_code, response.text) for response in answers}
            met[answer] += 1
        kept: Samples = {labels: [*of.items()] for labels, of in stand_in.stored.items()}
        assert real.stored(__name__="cpu") == in_order(kept)
    # Each kind of answer was met, or this test shows little.
    assert min(met.values()) > 5
    assert len(met) == (3 if window else 4)
