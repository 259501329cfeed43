"""A listener that refuses a whole object without naming a sample."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from testing.exchange import Answer
from testing.receiver import Receiver
from testing.rules import decode
from tests.support.backups import failed_object, hosts_in, records_of_hosts, run, write
from tests.support.invoking import SAMPLES_OF_A_POINT

if TYPE_CHECKING:
    from pathlib import Path

    from testing.exchange import Received

HOSTS = [f"h{number:02d}" for number in range(8)]


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    """Give five objects, each of eight hosts of its own."""
    for name in "abcde":
        hosts = [f"{name}-{host}" for host in HOSTS]
        write(tmp_path / name, failed_object(records_of_hosts(hosts)))
    return tmp_path


def refusing_hosts_of(*names: str) -> object:
    """Answer 400 without a reason to whatever holds a host of these objects."""

    def answer(received: Received) -> Answer:
        hosts = {
            label.value
            for series in decode(received.body).timeseries
            for label in series.labels
            if label.name == "host"
        }
        refused = any(host.startswith(names) for host in hosts)
        return Answer(status=400, body=b"no") if refused else Answer()

    return answer


def test_others_are_sent(backup: Path) -> None:
    """An object that is refused as a whole is left with the listener's words; others are sent."""
    with Receiver(refusing_hosts_of("a-", "c-")) as receiver:  # type: ignore[arg-type]
        ran = run(backup, receiver.url)
        sent = [f"{name}-{host}" for name in "bde" for host in HOSTS]
        assert hosts_in(receiver) == dict.fromkeys(sent, SAMPLES_OF_A_POINT)
    assert ran.status == 1
    assert "stopped" not in ran.output
    assert ran.number("left") == 2
    assert "without naming a sample" in ran.output
    with Receiver() as receiver:
        again = run(backup, receiver.url, "--listener", receiver.url)
        assert hosts_in(receiver).keys() >= {"a-h00", "c-h00"}
    assert again.status == 0


def test_three_in_a_row(backup: Path) -> None:
    """A listener that refuses three objects as a whole, one behind the other, ends the replay."""
    with Receiver(refusing_hosts_of("a-", "b-", "c-", "d-", "e-")) as receiver:  # type: ignore[arg-type]
        ran = run(backup, receiver.url)
        assert not receiver.accepted_samples()
    assert ran.status == 1
    assert "stopped" in ran.output
    assert ran.number("left") == 3
