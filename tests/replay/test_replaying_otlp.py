"""A replay to an OTLP endpoint, with the function's own settings."""

import io
from pathlib import Path

import pytest

from replay.command import main
from testing.otlp_receiver import OtlpReceiver, OtlpRequest, failure, points_in, success
from testing.receiver import Receiver
from tests.support.backups import FAILED, Ran, environment, failed_object, records_of_hosts, write
from tests.support.invoking import point
from tests.support.otlp_endpoints import flattened, in_1_0, otlp_settings

# Long names, so that a body of 10,000 bytes holds a few points.
HOSTS = [f"h{number:02d}" + "x" * 2_000 for number in range(12)]
ALL = flattened(in_1_0(map(point, HOSTS)))


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    """Make a backup of one object."""
    write(tmp_path / "backup" / FAILED / "1", failed_object(records_of_hosts(HOSTS)))
    return tmp_path / "backup"


def run(backup: Path, url: str, *arguments: str) -> Ran:
    """Run the command with small bodies."""
    output, progress = io.StringIO(), io.StringIO()
    settings = otlp_settings(url, REMOTE_WRITE_MAX_BYTES="10000", LOGZIO_METRICS_TOKEN="t")
    status = main([str(backup), *arguments], settings, output, progress)
    return Ran(status, output.getvalue(), progress.getvalue())


def hosts_in(request: OtlpRequest) -> set[str]:
    """Return the hosts in a request."""
    return {str(dict(it.attributes)["Host"]) for it in points_in(request.request)}


def test_continues_where_it_was_interrupted(backup: Path) -> None:
    """What the endpoint has accepted is in the checkpoint, and is not sent again."""
    down = {HOSTS[-1]}
    with OtlpReceiver(
        lambda it: failure(503, "busy") if hosts_in(it) & down else success()
    ) as receiver:
        assert run(backup, receiver.url, "--patience", "1.5").status == 1
        assert 0 < receiver.points().total() < len(HOSTS)
        down.clear()
        for _ in range(2):
            assert run(backup, receiver.url).status == 0
            assert receiver.points() == ALL


def test_bad_point_is_rejected_alone(backup: Path) -> None:
    """The others arrive, and the next replay sends nothing."""
    with OtlpReceiver(
        lambda it: failure(400, "invalid label") if HOSTS[3] in hosts_in(it) else success()
    ) as receiver:
        ran = run(backup, receiver.url)
        assert (ran.status, ran.number("sent"), ran.number("rejected")) == (0, 11, 1)
        assert (ALL - receiver.points()).total() == 1
        requests = len(receiver.requests)
        assert run(backup, receiver.url).status == 0
        assert len(receiver.requests) == requests


def test_dry_run(backup: Path) -> None:
    """It counts the points and their namespaces, and sends nothing."""
    with OtlpReceiver() as receiver:
        ran = run(backup, receiver.url, "--dry-run")
        assert receiver.requests == []
    assert ran.status == 0
    assert "Shop" in ran.output


def test_listener_of_the_command_line(backup: Path) -> None:
    """It gets remote write, whatever the settings say about OTLP."""
    with Receiver() as receiver:
        variables = environment(
            "", LISTENER_TIMEOUT_SECONDS="", OTEL_EXPORTER_OTLP_METRICS_ENDPOINT="https://o.invalid"
        )
        arguments = [str(backup), "--listener", receiver.url]
        assert main(arguments, variables, io.StringIO(), io.StringIO()) == 0
        assert len(receiver.accepted_samples()) == 4 * len(HOSTS)
