"""Remote write 2.0: what is sent, what settles it, and when 1.0 is sent instead."""

from collections.abc import Callable, Mapping

import pytest

from handler.listener import MESSAGES
from testing.backends.backend import Limits
from testing.backends.prometheus import PrometheusOf2
from testing.events.fleet import END_MS, MINUTE_MS
from testing.http_server import Reply
from testing.receiver import Received, Receiver, ReplyFunction
from testing.replies import accept, sequence
from testing.rules_2_0 import metadata_of
from tests.support.clocks import WaitedTime
from tests.support.invoking import delivery_of, point, points
from tests.support.recording import Recorded, RecordingFunction

_2_0 = {"REMOTE_WRITE_PROTOBUF_MESSAGE": MESSAGES[1]}
_SAMPLES = "X-Prometheus-Remote-Write-Samples-Written"
_HISTOGRAMS = "X-Prometheus-Remote-Write-Histograms-Written"
_EXEMPLARS = "X-Prometheus-Remote-Write-Exemplars-Written"


def _deliver(
    receiver: Receiver, changed: Mapping[str, str] | None = None, number: int = 2
) -> Recorded:
    """Deliver points with a new function, whose waits take no time."""
    function = RecordingFunction(receiver.url, _2_0 | dict(changed or {}), WaitedTime().clock)
    return function.invoke(delivery_of(points(number)))


def _versions(receiver: Receiver) -> list[str]:
    """Return the version of each request; none may break a rule."""
    assert receiver.violations == []
    return [r.headers["x-prometheus-remote-write-version"] for r in receiver.requests]


def _knowing(reply: ReplyFunction = accept) -> Receiver:
    return Receiver(reply, to_2_0=None)


def test_requests_of_2_0() -> None:
    """A request of 2.0 has its headers, symbols, and type, help and unit with each series."""
    with _knowing() as receiver:
        recorded = _deliver(receiver)
        assert recorded.samples() == {"sent": 8, "rejected": 0, "undelivered": 0}
        assert _versions(receiver) == ["2.0.0"]
        (request,) = receiver.requests
    assert request.headers["content-type"] == f"application/x-protobuf;proto={MESSAGES[1]}"
    assert request.headers["content-encoding"] == "snappy"
    assert request.request_2_0 is not None
    assert metadata_of(request.request_2_0)["shop_requests_sum"] == (
        2,
        "CloudWatch metric Shop Requests, statistic Sum, unit {Count}",
        "{Count}",
    )
    assert recorded.delivery["bytes"] == len(request.body)


def test_1_0_is_the_default() -> None:
    """Without the setting every request is one of 1.0, also to a server that knows 2.0."""
    with _knowing() as receiver:
        assert _deliver(receiver, {"REMOTE_WRITE_PROTOBUF_MESSAGE": ""}).status == 200
        assert _versions(receiver) == ["0.1.0"]


@pytest.mark.parametrize("profile", ["logzio", "yace"])
def test_metadata_is_in_place(profile: str) -> None:
    """No request of its own carries metadata; SEND_METADATA=false leaves only the type."""
    with _knowing() as receiver:
        settings = {"NAMING_PROFILE": profile, "SEND_METADATA": "false"}
        assert _deliver(receiver, {"NAMING_PROFILE": profile}).status == 200
        assert _deliver(receiver, settings).status == 200
        with_texts, without = (r.request_2_0 for r in receiver.requests)
    assert with_texts is not None
    assert without is not None
    assert all(text for _, text, _ in metadata_of(with_texts).values())
    assert {*metadata_of(without).values()} == {(2, "", "")}


_OLD_SERVERS = {
    "415": Reply(415),
    "empty body taken for 1.0": Reply(204),
    "200 without the headers": Reply(200, body=b"ok"),
    "none written": Reply(204, {_SAMPLES: "0", _HISTOGRAMS: "0"}),
    "none but exemplars": Reply(200, {_EXEMPLARS: "5"}),
    "no number": Reply(200, {_SAMPLES: "all"}),
    "400 of an old server": Reply(400, body=b"proto: illegal wireType 7"),
}


@pytest.mark.parametrize("reply", _OLD_SERVERS.values(), ids=_OLD_SERVERS)
def test_fallback_to_1_0(reply: Reply) -> None:
    """A server that has not read a request of 2.0 gets 1.0 at once, and from then on."""
    with Receiver(to_2_0=reply) as receiver:
        function = RecordingFunction(receiver.url, _2_0, WaitedTime().clock)
        for warnings in (1, 0):
            recorded = function.invoke(delivery_of(points(2)))
            assert recorded.status == 200
            assert recorded.samples() == {"sent": 8, "rejected": 0, "undelivered": 0}
            words = "the listener does not know remote write 2.0: it gets 1.0"
            assert len(recorded.logged(words)) == warnings
        assert _versions(receiver) == ["2.0.0", "0.1.0", "0.1.0"]
        assert sum(map(len, receiver.accepted_samples().values())) == 16


def test_fallback_sends_metadata() -> None:
    """A server that knows only 1.0 gets metadata in a request of its own, where it is due."""
    with Receiver(to_2_0=Reply(415)) as receiver:
        assert _deliver(receiver, {"NAMING_PROFILE": "yace"}).status == 200
        assert _versions(receiver) == ["2.0.0", "0.1.0", "0.1.0"]
        assert receiver.requests[-1].request.metadata


def test_fallback_is_forgotten_where_1_0_is_not_known_either() -> None:
    """A server that then refuses 1.0 as well gets 2.0 again in the next delivery."""
    with Receiver(lambda _received: Reply(415), to_2_0=Reply(415)) as receiver:
        function = RecordingFunction(receiver.url, _2_0, WaitedTime().clock)
        for _ in range(2):
            recorded = function.invoke(delivery_of(points(1)))
            assert recorded.status == 500
            assert recorded.samples() == {"sent": 0, "rejected": 0, "undelivered": 4}
        assert _versions(receiver) == ["2.0.0", "0.1.0"] * 2


def test_other_listeners_are_not_concerned() -> None:
    """What one listener does not know, another one may."""
    with Receiver(to_2_0=Reply(415)) as old, _knowing() as new:
        settings = _2_0 | {"LISTENER_ALLOWED_HOSTS": "127.0.0.1"}
        function = RecordingFunction(old.url, settings, WaitedTime().clock)
        assert function.invoke(delivery_of(points(1))).status == 200
        event = delivery_of(points(1), attributes={"CUSTOM_LISTENER": new.url})
        assert function.invoke(event).status == 200
        assert _versions(new) == ["2.0.0"]


@pytest.mark.parametrize(
    ("reply", "samples", "reason"),
    [
        (Reply(400, {_SAMPLES: "5"}, b"out of order sample"), (5, 3), "superseded"),
        (Reply(400, {_SAMPLES: "0"}, b"too old sample"), (0, 8), "too_old"),
        (Reply(400, {_SAMPLES: "7", _HISTOGRAMS: "0"}, b"no idea"), (7, 1), "other"),
        (Reply(400, {_HISTOGRAMS: "0"}, b"duplicate sample"), (0, 8), "superseded"),
        (Reply(409, {_SAMPLES: "2"}, b"add 1 samples: out of order sample"), (2, 6), "superseded"),
        (Reply(422, {_SAMPLES: "4"}, b""), (4, 4), "other"),
        (Reply(200, {_SAMPLES: "6"}), (6, 2), "other"),
        (Reply(429, {_SAMPLES: "6"}, b"per-user series limit of 6 exceeded"), (6, 2), "limit"),
    ],
)
def test_partial_write(reply: Reply, samples: tuple[int, int], reason: str) -> None:
    """What the server says that it has written is sent, the rest rejected, by one request."""
    with _knowing(lambda _received: reply) as receiver:
        recorded = _deliver(receiver)
        assert recorded.status == 200
        sent, rejected = samples
        assert recorded.samples() == {"sent": sent, "rejected": rejected, "undelivered": 0}
        assert recorded.delivery["samples_rejected_by_reason"] == {reason: rejected}
        assert _versions(receiver) == ["2.0.0"]
        (line,) = recorded.logged("the listener rejected samples for good")
        assert str(reply.status) in line["listener_words"]


def test_more_than_all_written_is_all() -> None:
    """A server that counts more than it got has accepted everything."""
    with _knowing(lambda _received: Reply(204, {_SAMPLES: "99"})) as receiver:
        assert _deliver(receiver).samples() == {"sent": 8, "rejected": 0, "undelivered": 0}


@pytest.mark.parametrize(
    ("status", "words"), [(500, "no space left"), (503, ""), (429, "rate limit"), (408, "")]
)
def test_unavailable_is_retried(status: int, words: str) -> None:
    """Whatever it has written, a server that asks for the request again gets it, as 2.0."""
    reply = Reply(status, {_SAMPLES: "3"}, words.encode())
    with _knowing(sequence([reply, reply, Reply(204, {_SAMPLES: "8"})])) as receiver:
        assert _deliver(receiver).samples() == {"sent": 8, "rejected": 0, "undelivered": 0}
        assert _versions(receiver) == ["2.0.0"] * 3
        first, *others = [r.body for r in receiver.requests]
        assert others == [first, first]


def _refusing_host(bad: str, status: int, words: bytes) -> Callable[[Received], Reply]:
    def reply(received: Received) -> Reply:
        hosts = {dict(labels)["host"] for labels, _, _ in received.samples()}
        return Reply(status, body=words) if bad in hosts else Reply()

    return reply


@pytest.mark.parametrize(
    ("status", "words"), [(400, b"out of order sample"), (413, b"too large"), (422, b"no")]
)
def test_refusal_without_the_headers_is_isolated(status: int, words: bytes) -> None:
    """A refusal that does not say what is written is isolated as with 1.0, in parts of 2.0."""
    with _knowing(_refusing_host("h0003", status, words)) as receiver:
        recorded = _deliver(receiver, number=8)
        assert recorded.samples() == {"sent": 28, "rejected": 4, "undelivered": 0}
        assert {*_versions(receiver)} == {"2.0.0"}
        assert len(receiver.requests) > 2


@pytest.mark.parametrize(("status", "answer"), [(401, 401), (403, 401), (404, 500), (301, 500)])
def test_other_answers(status: int, answer: int) -> None:
    """A wrong token or URL is answered as with 1.0."""
    with _knowing(lambda _received: Reply(status)) as receiver:
        assert _deliver(receiver).status == answer


def test_against_prometheus() -> None:
    """Prometheus stores the good samples beside a refused one, and the redelivery is harmless."""
    server = PrometheusOf2(Limits())
    with _knowing(server) as receiver:
        function = RecordingFunction(receiver.url, _2_0, WaitedTime().clock)
        newer = [point("h0000", end_ms=END_MS + MINUTE_MS)]
        assert function.invoke(delivery_of(newer)).samples()["sent"] == 4
        for _ in range(2):
            recorded = function.invoke(delivery_of(points(5)))
            assert recorded.status == 200
            assert recorded.samples() == {"sent": 16, "rejected": 4, "undelivered": 0}
            assert recorded.delivery["samples_rejected_by_reason"] == {"superseded": 4}
        assert len(receiver.requests) == 3
        assert sum(map(len, server.stored.values())) == 20


def test_headers_of_a_1_0_response_do_not_count() -> None:
    """What a server says about a request of 1.0 is judged by the rules of 1.0."""
    with Receiver(lambda _received: Reply(204, {_SAMPLES: "0"})) as receiver:
        recorded = _deliver(receiver, {"REMOTE_WRITE_PROTOBUF_MESSAGE": MESSAGES[0]})
        assert recorded.samples() == {"sent": 8, "rejected": 0, "undelivered": 0}


def test_same_bytes() -> None:
    """Cold and warm, the same delivery makes the same requests."""
    with _knowing() as receiver:
        function = RecordingFunction(receiver.url, _2_0, WaitedTime().clock)
        for several in (points(9), points(5), points(5)):
            assert function.invoke(delivery_of(several)).status == 200
        assert _deliver(receiver, number=5).status == 200
        _, *bodies = [r.body for r in receiver.requests]
        assert len({*bodies}) == 1


def test_limit() -> None:
    """No request of 2.0 is larger than REMOTE_WRITE_MAX_BYTES."""
    with Receiver(to_2_0=None, max_bytes=10_000) as receiver:
        recorded = _deliver(receiver, {"REMOTE_WRITE_MAX_BYTES": "10000"}, number=100)
        assert recorded.samples() == {"sent": 400, "rejected": 0, "undelivered": 0}
        assert len(_versions(receiver)) > 5
