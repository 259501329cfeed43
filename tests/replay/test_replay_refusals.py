"""Listeners that take nothing of an object, or nothing at all."""

from pathlib import Path

import pytest

from handler.settings import read_settings
from replay.errors import StoppedError
from replay.locations import open_location
from replay.options import Options
from replay.run import Replay
from replay.sending import BatchSender
from testing.backends.backend import Backend
from testing.backends.cortex import Cortex
from testing.backends.mimir import Mimir
from testing.backends.prometheus import PrometheusStandIn
from testing.backends.thanos import Thanos
from testing.http_server import Reply
from testing.receiver import Received, Receiver, ReplyFunction
from testing.rules import decode
from tests.support.backups import environment, failed_object, hosts_in, records_of_hosts, run, write
from tests.support.invoking import SAMPLES_OF_A_POINT, point, record_of

HOSTS = [f"h{number:02d}" for number in range(8)]


def backup_of(folder: Path, names: str, hosts: list[str] = HOSTS) -> Path:
    """Write an object of each name, each of hosts of its own."""
    for name in names:
        records = records_of_hosts(f"{name}-{host}" for host in hosts)
        write(folder / name, failed_object(records))
    return folder


def hosts_of(received: Received) -> set[str]:
    """Return the hosts in a request."""
    return {
        label.value
        for series in decode(received.body).timeseries
        for label in series.labels
        if label.name == "host"
    }


def replying(reply: Reply, *, to: str) -> ReplyFunction:
    """Return a listener that gives a reply to each request with a host of one of these objects."""
    begins = tuple(f"{name}-" for name in to)
    return lambda received: (
        reply if any(host.startswith(begins) for host in hosts_of(received)) else Reply()
    )


NO_WORDS = Reply(status=400, body=b"no")


@pytest.mark.parametrize(
    ("objects", "refused", "sent", "left"),
    [
        pytest.param("abcde", "ac", "bde", 2, id="some"),
        pytest.param("abcdefghij", "abcdefghi", "j", 9, id="all but the last"),
        pytest.param("abcdefghijklm", "abcdefghi" + "klm", "j", 12, id="not ten in a row"),
        pytest.param("abcdefghijkl", "abcdefghijkl", "", 10, id="ten in a row"),
    ],
)
def test_objects_that_are_refused_as_a_whole_are_left(
    tmp_path: Path, objects: str, refused: str, sent: str, left: int
) -> None:
    """Those behind them are sent; ten in a row without one accepted request end the replay."""
    with Receiver(replying(NO_WORDS, to=refused)) as receiver:
        ran = run(backup_of(tmp_path, objects), receiver.url)
        hosts = [f"{name}-{host}" for name in sent for host in HOSTS]
        assert hosts_in(receiver) == dict.fromkeys(hosts, SAMPLES_OF_A_POINT)
    assert ran.status == 1
    assert ran.number("left") == left
    assert ("stopped" in ran.output) == (left == 10)
    assert "without a word about samples" in ran.output
    with Receiver() as receiver:
        again = run(tmp_path, receiver.url, "--listener", receiver.url)
        assert hosts_in(receiver).keys() >= {f"{name}-h00" for name in refused}
    assert again.status == 0


def test_a_large_object_that_is_refused_as_a_whole_takes_few_requests(tmp_path: Path) -> None:
    """After three batches in a row the rest of it is left, and the next object is sent."""
    # Twenty hosts make a batch of a megabyte.
    backup_of(tmp_path, "a", [f"{number:03d}" + "x" * 50_000 for number in range(120)])
    backup_of(tmp_path, "b")
    with Receiver(replying(NO_WORDS, to="a")) as receiver:
        ran = run(tmp_path, receiver.url)
        assert len(hosts_in(receiver)) == len(HOSTS)
        # Requests under way at once may be a few more.
        assert len(receiver.requests) < 3 * (16 + 8) + 4
    assert (ran.status, ran.number("left")) == (1, 1)


@pytest.mark.slow
@pytest.mark.parametrize(("failing", "stopped"), [("a", False), ("ab", True)])
def test_an_object_for_which_the_listener_fails(
    tmp_path: Path, failing: str, *, stopped: bool
) -> None:
    """The listener may fail over this object alone; after two in a row it is not available."""
    with Receiver(replying(Reply(status=502), to=failing)) as receiver:
        ran = run(backup_of(tmp_path, "abc"), receiver.url, "--patience", "3")
        others = "" if stopped else "bc"
        assert hosts_in(receiver).keys() == {f"{name}-{host}" for name in others for host in HOSTS}
    assert ran.status == 1
    assert ("stopped" in ran.output) == stopped
    assert ran.number("left") == len(failing)


@pytest.mark.parametrize(
    ("kind", "known"),
    [(PrometheusStandIn, True), (Thanos, True), (Mimir, False), (Cortex, False)],
)
def test_overtaken_samples_do_not_stop_the_objects_behind(
    tmp_path: Path, kind: type[Backend], *, known: bool
) -> None:
    """Whatever a server answers for them, the others are stored and all objects are sent."""
    server = kind()
    overtaken = record_of([point("a", periods_ago=5), point("b")])
    for name, record in (("1", record_of([point("a")])), ("2", overtaken)):
        write(tmp_path / name, failed_object([record]))
    write(tmp_path / "3", failed_object(records_of_hosts("c")))
    with Receiver(server) as receiver:
        ran = run(tmp_path, receiver.url)
    hosts = {dict(labels)["host"] for labels in server.stored}
    assert (hosts, len(server.stored)) == (set("abc"), 3 * SAMPLES_OF_A_POINT)
    assert (ran.status, ran.number("left")) == (0, 0)
    rejected = SAMPLES_OF_A_POINT if known else 0
    assert ran.number("rejected") == rejected
    assert ran.number("settled unknown") == (0 if known else 2 * SAMPLES_OF_A_POINT)
    assert "superseded: 4" in ran.output


def test_an_interrupted_search_for_bad_points_goes_on(tmp_path: Path) -> None:
    """No data point that was settled alone is sent again; the good ones are all stored."""
    hosts = [f"h{number:03d}" for number in range(60)]
    server = PrometheusStandIn()
    write(tmp_path / "1", failed_object(records_of_hosts(hosts[::2])))
    points = [point(host, periods_ago=5) for host in hosts]
    write(tmp_path / "2", failed_object([record_of(points)]))
    options = Options()

    def replay(receiver: Receiver) -> Replay:
        settings = read_settings(environment(receiver.url, REMOTE_WRITE_CONCURRENCY="1"))
        sender = BatchSender(settings, options)
        senders.append(sender)
        return Replay(open_location(str(tmp_path)), sender, options, lambda *_shown: None)

    def reply(received: Received) -> Reply:
        if len(receiver.requests) == 40:
            senders[-1].stopped.set()
        return server(received)

    senders: list[BatchSender] = []
    with Receiver(reply) as receiver:
        with pytest.raises(StoppedError):
            replay(receiver).run()
        before = [received.body for received in receiver.requests]
        result = replay(receiver).run()
        after = [received.body for received in receiver.requests[len(before) :]]
    assert result.complete
    assert len(server.stored) == len(hosts) * SAMPLES_OF_A_POINT
    assert result.tally.rejected == {"superseded": len(hosts) // 2 * SAMPLES_OF_A_POINT}
    # Only the whole body is tried once more.
    assert len(set(before) & set(after)) == 1
    assert len(set(after)) == len(after)
    assert len(after) < 60
