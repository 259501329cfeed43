"""A listener that refuses a whole object without naming a sample."""

from pathlib import Path

import pytest

from testing.http_server import Reply
from testing.receiver import Received, Receiver, ReplyFunction
from testing.rules import decode
from tests.support.backups import failed_object, hosts_in, records_of_hosts, run, write
from tests.support.invoking import SAMPLES_OF_A_POINT

HOSTS = [f"h{number:02d}" for number in range(8)]


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    """Return five objects, each of eight hosts of its own."""
    for name in "abcde":
        hosts = [f"{name}-{host}" for host in HOSTS]
        write(tmp_path / name, failed_object(records_of_hosts(hosts)))
    return tmp_path


def refusing_hosts_of(*names: str) -> ReplyFunction:
    """Return a listener that refuses every host of these objects, without a reason."""

    def reply(received: Received) -> Reply:
        hosts = {
            label.value
            for series in decode(received.body).timeseries
            for label in series.labels
            if label.name == "host"
        }
        refused = any(host.startswith(names) for host in hosts)
        return Reply(status=400, body=b"no") if refused else Reply()

    return reply


@pytest.mark.parametrize(("refused", "sent", "left"), [("ac", "bde", 2), ("abcde", "", 3)])
def test_objects_that_are_refused_as_a_whole(
    backup: Path, refused: str, sent: str, left: int
) -> None:
    """They are left with the listener's message, and others sent; three in a row end the replay."""
    with Receiver(refusing_hosts_of(*(f"{name}-" for name in refused))) as receiver:
        ran = run(backup, receiver.url)
        hosts = [f"{name}-{host}" for name in sent for host in HOSTS]
        assert hosts_in(receiver) == dict.fromkeys(hosts, SAMPLES_OF_A_POINT)
    assert ran.status == 1
    assert ran.number("left") == left
    assert ("stopped" in ran.output) == (left == 3)
    assert "without naming a sample" in ran.output
    with Receiver() as receiver:
        again = run(backup, receiver.url, "--listener", receiver.url)
        assert hosts_in(receiver).keys() >= {f"{name}-h00" for name in refused}
    assert again.status == 0
