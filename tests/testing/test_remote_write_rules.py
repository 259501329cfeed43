"""The rules of remote write 1.0: a sender that breaks one learns which."""

from collections.abc import Iterator

import pytest
import snappy

from converters.schema.remote_write_pb2 import Histogram, Sample, TimeSeries, WriteRequest
from testing.receiver import Receiver
from testing.servers import loopback_session

HEADERS = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
    "User-Agent": "test/1",
}
NAME = ("__name__", "cpu")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Run a receiver that accepts what breaks no rule, up to 200 bytes."""
    with Receiver(max_bytes=200) as made:
        yield made


def answer_to(
    receiver: Receiver,
    content: bytes,
    headers: dict[str, str | None] | None = None,
    method: str = "POST",
) -> tuple[int, str]:
    """Send a body; return status and text of the reply."""
    with loopback_session() as session:
        session.headers.clear()
        response = session.request(
            method, receiver.url, data=content, headers={**HEADERS, **(headers or {})}, timeout=60
        )
    return response.status_code, response.text


def series(*labels: tuple[str, str], times: tuple[int, ...] = (1,)) -> TimeSeries:
    """Make a series with a sample at each time, in ms."""
    made = TimeSeries(samples=[Sample(timestamp=at, value=0.5) for at in times])
    for name, value in labels:
        made.labels.add(name=name, value=value)
    return made


def histogram(*times: int) -> TimeSeries:
    """Make a series with a native histogram at each time, in ms."""
    made = TimeSeries(histograms=[Histogram(timestamp=at) for at in times])
    made.labels.add(name="__name__", value="cpu")
    return made


def encoded(*several: TimeSeries) -> bytes:
    """Encode a request."""
    return WriteRequest(timeseries=several).SerializeToString()


def block(content: bytes) -> bytes:
    """Compress to a snappy block."""
    return bytes(snappy.compress(content))


GOOD = encoded(series(NAME))


@pytest.mark.parametrize(
    "content",
    [
        [series(NAME)],
        [series(NAME, times=(1, 2, 3))],
        [series(NAME, times=(-5, 0))],
        [series(("Namespace", "x"), NAME, ("account", "1"))],
        [series(("__name__", "a:b_9"))],
        [series(("_", "\u00fc;/ %"), NAME)],
        [series(NAME), series(NAME, ("a", "1"))],
        [series(NAME, times=(1,)), series(NAME, times=(2,))],
        [series(NAME), histogram(1)],
        [histogram(1, 2)],
    ],
)
def test_good(receiver: Receiver, content: list[TimeSeries]) -> None:
    """What breaks no rule is accepted."""
    assert answer_to(receiver, block(encoded(*content))) == (204, "")
    assert receiver.violations == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([], "must hold a series"),
        ([TimeSeries(labels=series(NAME).labels)], "must hold a sample or a histogram"),
        ([series(("a", "1"))], "__name__ must be there"),
        ([series()], "__name__ must be there"),
        ([series(NAME, ("b", "1"), ("a", "1"))], "sorted"),
        ([series(NAME, ("Namespace", "x"))], "sorted"),
        ([series(NAME, ("a", "1"), ("a", "1"))], "repeated"),
        ([series(NAME, ("a", "1"), ("b", "1"), ("a", "2"))], "repeated"),
        ([series(("", "1"), NAME)], "name must not be empty"),
        ([series(NAME, ("a", ""))], "value must not be empty, as 'a'"),
        ([series(("__name__", ""))], "value must not be empty, as '__name__'"),
        ([series(("1a", "1"), NAME)], "[a-zA-Z0-9_], not '1a'"),
        ([series(NAME, ("a.b", "1"))], "[a-zA-Z0-9_], not 'a.b'"),
        ([series(NAME, ("a:b", "1"))], "[a-zA-Z0-9_], not 'a:b'"),
        ([series(NAME, ("a\n", "1"))], "[a-zA-Z0-9_], not 'a\\n'"),
        ([series(NAME, ("\u00fc", "1"))], "[a-zA-Z0-9_], not '\u00fc'"),
        ([series(("__name__", "aws/ec2"))], "[a-zA-Z0-9_:], not 'aws/ec2'"),
        ([series(("__name__", "9cpu"))], "[a-zA-Z0-9_:], not '9cpu'"),
        ([series(NAME, times=(2, 1))], "samples of a series must have ascending timestamps"),
        ([series(NAME, times=(1, 1))], "samples of a series must have ascending timestamps"),
        ([series(NAME), series(NAME)], "samples of a series must have ascending timestamps"),
        ([histogram(2, 1)], "histograms of a series must have ascending timestamps"),
        ([series(NAME, ("a", "x" * 200))], "may have 200 bytes before compression"),
    ],
)
def test_content(receiver: Receiver, content: list[TimeSeries], words: str) -> None:
    """Content that breaks a rule is answered with 400; reply and record name the rule."""
    status, text = answer_to(receiver, block(encoded(*content)))
    assert (status, words in text) == (400, True)
    assert any(words in violation for violation in receiver.violations)
    assert receiver.accepted_samples() == {}


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({"Content-Type": "application/json"}, "content-type must be"),
        ({"Content-Type": None}, "content-type must be"),
        ({"Content-Encoding": "gzip"}, "content-encoding must be 'snappy', not 'gzip'"),
        ({"Content-Encoding": None}, "content-encoding must be"),
        ({"X-Prometheus-Remote-Write-Version": "2.0.0"}, "remote-write-version must be"),
        ({"X-Prometheus-Remote-Write-Version": None}, "remote-write-version must be"),
        ({"User-Agent": ""}, "user-agent must be there"),
    ],
)
def test_headers(receiver: Receiver, headers: dict[str, str | None], words: str) -> None:
    """A header that is missing or wrong is answered with 400 and its name."""
    status, text = answer_to(receiver, block(GOOD), headers)
    assert (status, words in text) == (400, True)
    assert len(receiver.violations) == 1


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_method(receiver: Receiver, method: str) -> None:
    """Another method than POST is answered with 400."""
    status, text = answer_to(receiver, block(GOOD), method=method)
    assert (status, text) == (400, f"the method must be POST, not {method}")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (GOOD, "must be a snappy block"),
        (b"", "must be a snappy block"),
        (block(GOOD)[:-1], "must be a snappy block"),
        (snappy.StreamCompressor().compress(GOOD), "not the framed snappy format"),
        (block(GOOD[:-1]), "must be an encoded WriteRequest"),
        (block(b'{"timeseries": []}'), "must be an encoded WriteRequest"),
    ],
)
def test_encoding(receiver: Receiver, content: bytes, words: str) -> None:
    """A body that is not a snappy block of a WriteRequest is answered with 400."""
    status, text = answer_to(receiver, content)
    assert (status, words in text) == (400, True)


def test_unknown_length(receiver: Receiver) -> None:
    """A body in chunks is answered with 400: its length must be known."""
    with loopback_session() as session:
        response = session.post(receiver.url, data=iter([GOOD]), headers=HEADERS, timeout=60)
    assert (response.status_code, "content-length must be there" in response.text) == (400, True)


def test_every_broken_rule(receiver: Receiver) -> None:
    """All broken rules are recorded, each with its request and its series."""
    answer_to(receiver, block(GOOD))
    answer_to(receiver, block(encoded(series(("b", "1"), ("a", "")))), {"Content-Type": None})
    where = "in {b='1', a=''}"
    assert receiver.violations == [
        "request 2: the header content-type must be 'application/x-protobuf', not None",
        f"request 2: labels must be sorted by the bytes of their names, {where}",
        f"request 2: the label __name__ must be there, {where}",
        f"request 2: a label value must not be empty, as 'a', {where}",
    ]
    assert [received.status for received in receiver.requests] == [204, 400]
