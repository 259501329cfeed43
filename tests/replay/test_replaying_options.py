"""The command's options: what is selected, at which rate, and what cannot be tried."""

import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from testing.receiver import Receiver
from tests.support.backups import FAILED, TOKEN, environment, hosts_in, run, run_in
from tests.support.invoking import SAMPLES_OF_A_POINT


def test_time_limits(backup: Path) -> None:
    """Objects are selected by the time they were written: since the one, before the other."""
    names = ["1-one.gz", "4-four"]
    for day, name in enumerate(names, start=10):
        seconds = datetime(2026, 11, day, 12, tzinfo=UTC).timestamp()
        os.utime(backup / FAILED / name, (seconds, seconds))
    with Receiver() as receiver:
        where = backup / FAILED
        ran = run(where, receiver.url, "--since", "2026-11-11", "--until", "2026-11-12T00:00Z")
        assert hosts_in(receiver).keys() == {"f"}
        assert (ran.status, ran.number("found")) == (0, 1)
        ran = run(where, receiver.url, "--since", "", "--until", "2026-11-10T12:00:00")
        assert ran.number("found") == 0
        assert run(where, receiver.url, "--dry-run", "--until", "").number("found") > 1


def test_one_file_and_checkpoints_elsewhere(backup: Path, tmp_path: Path) -> None:
    """A single file is replayed too, and --state keeps checkpoints out of the backup."""
    state = tmp_path / "state"
    with Receiver() as receiver:
        where = backup / FAILED / "1-one.gz"
        for _ in range(2):
            assert run(where, receiver.url, "--state", str(state)).status == 0
        assert hosts_in(receiver) == {"a": SAMPLES_OF_A_POINT, "b": SAMPLES_OF_A_POINT}
    assert not list(backup.rglob(".replay"))
    assert (state / "1-one.gz.json").exists()


def test_label_of_the_environment(backup: Path) -> None:
    """The label that the stream's common attributes had is given by an option."""
    with Receiver() as receiver:
        run(backup, receiver.url, "--p8s-logzio-name", "production")
        names = {dict(labels)["p8s_logzio_name"] for labels in receiver.accepted_samples()}
    assert names == {"production"}


def test_options_that_name_series(backup: Path, tmp_path: Path) -> None:
    """Options name series as the settings of these names do, and take precedence over SETTINGS."""
    given = {
        "NAMING_PROFILE": "yace",
        "STATISTICS": "Average, p99",
        "EXTERNAL_LABELS": '{"env": "production"}',
        "DIMENSION_LABELS": "snake_case",
        "WRITE_RELABEL_CONFIGS": "[{regex: region, action: labeldrop}]",
    }
    with Receiver() as by_settings, Receiver() as by_options:
        elsewhere = ("--state", str(tmp_path / "state"))
        assert run(backup, by_settings.url, *elsewhere, **given).status == 0
        options = [(f"--{name.lower().replace('_', '-')}", text) for name, text in given.items()]
        arguments = [str(backup), *(text for pair in options for text in pair)]
        settings = json.dumps({"NAMING_PROFILE": "otel"})
        assert run_in(arguments, environment(by_options.url, SETTINGS=settings)).status == 0
        found = by_options.accepted_samples()
        assert found == by_settings.accepted_samples()
    labels = [dict(labels) for labels in found]
    assert {one["__name__"].rpartition("_")[2] for one in labels} == {"average"}
    assert {(one["env"], one["job"], "region" in one) for one in labels} == {
        ("production", "yace", False)
    }
    assert all("dimension_host" in one for one in labels)


def test_other_names_for_what_was_sent(backup: Path, tmp_path: Path) -> None:
    """What a checkpoint says was sent is sent under other names only with another --state."""
    with Receiver() as receiver:
        assert run(backup, receiver.url).status == 0
        before = len(receiver.requests)
        options = ("--naming-profile", "yace")
        assert run(backup, receiver.url, *options).status == 0
        assert len(receiver.requests) == before
        assert run(backup, receiver.url, *options, "--state", str(tmp_path / "state")).status == 0
        assert len(receiver.requests) > before


def test_the_stacks_secret_serves_as_the_token(backup: Path) -> None:
    """If only the key that Firehose sends is known, which the stack sends with, it is used."""
    with Receiver() as receiver:
        environ = environment(receiver.url, LOGZIO_METRICS_TOKEN="", FIREHOSE_ACCESS_KEY="key-1234")
        assert run_in([str(backup)], environ).status == 0
        sent = {request.headers["authorization"] for request in receiver.requests}
    assert sent == {"Bearer key-1234"}


@pytest.mark.parametrize("options", [(), ("--listener",)], ids=["its own", "another"])
def test_json_settings(backup: Path, options: tuple[str, ...]) -> None:
    """SETTINGS counts for the command too, and --listener takes precedence over its listener."""
    with Receiver() as receiver:
        listener = "https://nowhere.invalid" if options else receiver.url
        settings = {"LOGZIO_METRICS_LISTENER": listener, "P8S_LOGZIO_NAME": "production"}
        environ = environment("", SETTINGS=json.dumps(settings))
        arguments = [str(backup), *(arg for name in options for arg in (name, receiver.url))]
        assert run_in(arguments, environ).status == 0
        names = {dict(labels)["p8s_logzio_name"] for labels in receiver.accepted_samples()}
    assert names == {"production"}


@pytest.mark.parametrize(
    ("options", "changed", "message"),
    [
        (["--rate", "0"], {}, "--rate must be a number above zero"),
        (["--rate", "nan"], {}, "--rate must be a number above zero"),
        (["--limit", "1.5"], {}, "--limit must be a whole number"),
        (["--patience", "x"], {}, "--patience must be"),
        (["--since", "yesterday"], {}, "--since must be a time like"),
        ([], {"LOGZIO_METRICS_TOKEN": ""}, "there is no token"),
        ([], {"REMOTE_WRITE_MAX_BYTES": "many"}, "REMOTE_WRITE_MAX_BYTES must be"),
        (["--state", "s3://bucket"], {"AWS_DEFAULT_REGION": "us-east-1"}, "a prefix of their own"),
        ([], {"SETTINGS": '{"REMOTE_WRITE_AUT":"none"}'}, "REMOTE_WRITE_AUT, which is unknown"),
        ([], {"REMOTE_WRITE_AUTH": TOKEN}, "REMOTE_WRITE_AUTH must be one of"),
    ],
)
def test_what_cannot_be_tried(
    backup: Path, options: list[str], changed: dict[str, str], message: str
) -> None:
    """A wrong option or setting ends with status 2 and its name, before anything is sent."""
    with Receiver() as receiver:
        ran = run(backup, receiver.url, *options, **changed)
        assert not receiver.requests
    assert ran.status == 2
    assert message in ran.progress
    assert TOKEN not in ran.progress


def test_no_such_folder(tmp_path: Path) -> None:
    """A folder that is not there is a mistake, not an empty backup."""
    ran = run(tmp_path / "typo", "https://listener.example")
    assert ran.status == 2
    assert "there is no folder" in ran.progress


def test_rate(backup: Path) -> None:
    """With a rate a replay takes at least as long as the samples before its last request."""
    with Receiver() as receiver:
        begun = time.monotonic()
        ran = run(backup, receiver.url, "--rate", "40")
        seconds = time.monotonic() - begun
        samples = [sum(1 for _ in request.samples()) for request in receiver.requests]
    assert ran.status == 0
    assert seconds >= (sum(samples) - max(samples)) / 40
