"""The embedded receiver: what it keeps of a request, and the answers that a sender can read."""

import threading
from collections.abc import Callable, Iterator

import pytest
import requests
import snappy

from converters.schema.remote_write_pb2 import Histogram, Sample, TimeSeries, WriteRequest
from testing.answers import (
    always,
    limiting,
    redirecting,
    refusing,
    refusing_histograms,
    sequence,
)
from testing.exchange import Answer, AnswerFunction, Received
from testing.receiver import Receiver

HEADERS = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
    "User-Agent": "test/1",
}
CPU = (("__name__", "cpu"), ("host", "a"))
DISK = (("__name__", "disk"), ("host", "a"))


def series(labels: tuple[tuple[str, str], ...], *samples: tuple[int, float]) -> TimeSeries:
    """Make a series of (timestamp in ms, value)."""
    made = TimeSeries(samples=[Sample(timestamp=at, value=value) for at, value in samples])
    for name, value in labels:
        made.labels.add(name=name, value=value)
    return made


def body(*several: TimeSeries) -> bytes:
    """Make the body of a request."""
    return bytes(snappy.compress(WriteRequest(timeseries=several).SerializeToString()))


GOOD = body(series(CPU, (1000, 1.5)))


@pytest.fixture
def session() -> Iterator[requests.Session]:
    """Give a session that no proxy of this machine is asked for."""
    with requests.Session() as made:
        made.trust_env = False
        made.headers.update(HEADERS)
        yield made


def post(session: requests.Session, receiver: Receiver, content: bytes = GOOD) -> requests.Response:
    """Send a body, following no redirect."""
    return session.post(receiver.url, data=content, timeout=60, allow_redirects=False)


class TestRecord:
    """What is kept of a request."""

    def test_keeps_a_request(self, session: requests.Session) -> None:
        """A request is kept with its headers in lower case, its body, its content, its answer."""
        with Receiver() as receiver:
            assert post(session, receiver).status_code == 204
        (received,) = receiver.requests
        assert (received.number, received.method, received.path) == (1, "POST", "/api/v1/write")
        assert received.headers["user-agent"] == "test/1"
        assert received.body == GOOD
        assert received.request.timeseries[0].labels[1].value == "a"
        assert received.status == 204
        assert received.ended is not None
        assert received.begun <= received.ended

    def test_gives_accepted_samples(self, session: requests.Session) -> None:
        """Only what was answered with success is accepted, in the order in which it came."""
        with Receiver(sequence([Answer(), Answer(status=503), Answer(status=200)])) as receiver:
            post(session, receiver, body(series(CPU, (2, 2.0)), series(DISK, (2, 3.0))))
            post(session, receiver, body(series(CPU, (3, 3.0))))
            post(session, receiver, body(series(CPU, (1, 1.0))))
            assert receiver.accepted_samples() == {CPU: [(2, 2.0), (1, 1.0)], DISK: [(2, 3.0)]}

    def test_decodes_histograms(self, session: requests.Session) -> None:
        """A series of native histograms breaks no rule and can be read from its request."""
        content = TimeSeries(histograms=[Histogram(count_int=3, timestamp=7)])
        content.labels.add(name="__name__", value="latency")
        with Receiver() as receiver:
            assert post(session, receiver, body(content)).status_code == 204
        assert receiver.requests[0].request.timeseries[0].histograms[0].count_int == 3

    def test_requests_overlap(self, session: requests.Session) -> None:
        """Requests that are open at once are seen as such, and are answered independently."""
        both_in = threading.Barrier(2, timeout=60)

        def meet(_received: Received) -> Answer:
            both_in.wait()
            return Answer()

        with Receiver(meet) as receiver:
            other = threading.Thread(target=post, args=(session, receiver))
            other.start()
            with requests.Session() as another:
                another.trust_env = False
                another.headers.update(HEADERS)
                post(another, receiver)
            other.join()
        first, second = receiver.requests
        assert first.ended is not None
        assert second.begun < first.ended


class TestAnswers:
    """Answers that a sender can read."""

    @pytest.mark.parametrize(
        ("function", "content", "status"),
        [
            (always(Answer(status=503)), GOOD, 503),
            (refusing(lambda labels, _: labels["host"] == "a"), GOOD, 400),
            (refusing(lambda labels, _: labels["host"] == "b"), GOOD, 204),
            (refusing(lambda _, sample: sample.timestamp < 2000), GOOD, 400),
            (refusing(lambda _, sample: sample.value > 1, status=500), GOOD, 500),
            (refusing_histograms(), GOOD, 204),
            (limiting(10), GOOD, 413),
            (limiting(1000), GOOD, 204),
            (redirecting("http://127.0.0.1:1/", 307), GOOD, 307),
        ],
    )
    def test_ready_made(
        self, session: requests.Session, function: AnswerFunction, content: bytes, status: int
    ) -> None:
        """Each ready-made answer function answers as its name says."""
        with Receiver(function) as receiver:
            assert post(session, receiver, content).status_code == status
        assert bool(receiver.accepted_samples()) == (status == 204)

    def test_refusing_stores_nothing(self, session: requests.Session) -> None:
        """One refused sample takes the whole request with it, in the words that were given."""
        with Receiver(refusing(lambda _, it: it.timestamp == 2, words="too old")) as receiver:
            response = post(session, receiver, body(series(CPU, (1, 1.0), (2, 2.0))))
        assert response.text == "too old"
        assert receiver.accepted_samples() == {}
        assert receiver.violations == []

    def test_refusing_histograms(self, session: requests.Session) -> None:
        """A request with a native histogram is refused as a server without them refuses it."""
        content = TimeSeries(histograms=[Histogram(timestamp=7)])
        content.labels.add(name="__name__", value="latency")
        with Receiver(refusing_histograms()) as receiver:
            response = post(session, receiver, body(content))
        assert (response.status_code, response.text) == (500, "native histograms are disabled")

    def test_sequence_stays_at_its_last(self, session: requests.Session) -> None:
        """A sequence gives its answers in turn and then its last one."""
        with Receiver(sequence([Answer(status=503), Answer(status=429), Answer()])) as receiver:
            given = [post(session, receiver).status_code for _ in range(4)]
        assert given == [503, 429, 204, 204]

    def test_headers(self, session: requests.Session) -> None:
        """Headers and the place of a redirect are sent along."""
        with Receiver(
            always(Answer(status=302, headers={"Retry-After": "3"}, redirect="https://x.example/"))
        ) as receiver:
            response = post(session, receiver)
        assert response.headers["Retry-After"] == "3"
        assert response.headers["Location"] == "https://x.example/"

    @pytest.mark.parametrize(
        "make",
        [
            lambda: Answer(body=b"words"),
            lambda: Answer(status=304, body=b"words"),
            lambda: Answer(status=200, reset="mid_body"),
            lambda: sequence([]),
        ],
    )
    def test_impossible(self, make: Callable[[], object]) -> None:
        """What HTTP cannot say is refused where it is written down."""
        with pytest.raises(ValueError, match=r"body|reply"):
            make()

    def test_failing_function(self, session: requests.Session) -> None:
        """An answer function that raises is answered with 500 and raises where the test is."""

        def fail(_received: Received) -> Answer:
            raise LookupError("no such answer")

        with pytest.raises(LookupError), Receiver(fail) as receiver:
            assert post(session, receiver).status_code == 500
