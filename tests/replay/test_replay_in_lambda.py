"""The replay function: what an event asks for, what it returns, and that it ends in time."""

import gzip
import json
from typing import Any

import pytest

from handler.errors import SettingsError
from replay import app
from replay.errors import StoreError, UsageError
from testing.http_server import Reply
from testing.lambda_context import LambdaContext
from testing.receiver import Receiver
from testing.replies import always
from tests.support.backups import (
    TOKEN,
    environment,
    failed_object,
    hosts_in,
    records_of_hosts,
)
from tests.support.buckets import TestBucket
from tests.support.invoking import SAMPLES_OF_A_POINT

MINUTES = 900.0


def invoke(
    bucket: TestBucket, url: str, event: Any = None, seconds: float = MINUTES, **changed: str
) -> dict[str, Any]:
    """Invoke the function; what it returns is JSON."""
    environ = {**environment(url, **changed), "BACKUP_BUCKET": bucket.name}
    result: dict[str, Any] = json.loads(json.dumps(app.replay(event or {}, environ, seconds)))
    return result


@pytest.fixture
def keys(bucket: TestBucket) -> list[str]:
    """Fill the bucket with failed deliveries, hosts a to c, and all data, host d."""
    a, b, c, d = records_of_hosts("abcd")
    bucket.put("all-data/2026/11/20/14/four.gz", gzip.compress(d))
    return [
        bucket.put("failed/http-endpoint-failed/2026/11/20/14/1.gz", failed_object([a])),
        bucket.put("failed/http-endpoint-failed/2026/11/20/14/2.gz", failed_object([b])),
        bucket.put("failed/processing-failed/2026/11/20/14/3.gz", failed_object([c])),
    ]


@pytest.mark.slow
def test_what_failed_is_sent_and_moved(bucket: TestBucket, keys: list[str]) -> None:
    """By default it replays failed/, moves what is sent, and returns the result."""
    with Receiver() as receiver:
        result = invoke(bucket, receiver.url)
        assert hosts_in(receiver) == dict.fromkeys("abc", SAMPLES_OF_A_POINT)
    assert result["objects"] == {"found": 3, "sent": 3, "sentBefore": 0, "left": 0}
    assert result["account"]["sent"] == result["account"]["samples"] == 3 * SAMPLES_OF_A_POINT
    assert (result["more"], result["complete"], result["left"]) == (False, True, {})
    assert bucket.keys("failed/") == []
    assert bucket.keys("replayed/") == [f"replayed/{key}" for key in keys]


def test_json_settings(
    bucket: TestBucket, keys: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    """The stack's SETTINGS count for this function as they do for the other one."""
    own = {"P8S_LOGZIO_NAME": "production", "POWERTOOLS_SERVICE_NAME": "replay-json"}
    with Receiver() as receiver:
        invoke(bucket, receiver.url, SETTINGS=json.dumps({**own, "LOKI_USERNAME": "1"}))
        names = {dict(labels)["p8s_logzio_name"] for labels in receiver.accepted_samples()}
    assert names == {"production"}
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [line["service"] for line in lines] == ["replay-json"] * (1 + len(keys))


def test_dry_run(bucket: TestBucket, keys: list[str]) -> None:
    """A dry run returns what there is, and leaves everything as it is."""
    with Receiver() as receiver:
        result = invoke(bucket, receiver.url, {"dryRun": True})
        assert not receiver.requests
    assert result["objects"]["toSend"] == 3
    assert result["namespaces"] == {"shop": 3 * SAMPLES_OF_A_POINT}
    assert result["oldest"] == result["newest"]
    assert (bucket.keys("failed/"), bucket.keys("repl")) == (keys, [])


@pytest.mark.usefixtures("keys")
def test_options(bucket: TestBucket) -> None:
    """An event sets prefix, limit, rate, times, name, and what happens to sent objects."""
    with Receiver() as receiver:
        event: dict[str, Any] = {
            "prefix": "all-data/",
            "done": "mark",
            "rate": 1000,
            "since": "2020-01-01",
            "p8sLogzioName": "production",
        }
        assert invoke(bucket, receiver.url, event)["objects"]["sent"] == 1
        assert invoke(bucket, receiver.url, event)["objects"]["sentBefore"] == 1
        assert invoke(bucket, receiver.url, {"until": "2020-01-01"})["objects"]["found"] == 0
        assert invoke(bucket, receiver.url, {"limit": 2})["more"] is True
        assert hosts_in(receiver).keys() == set("dab")
        (first, *_) = receiver.accepted_samples()
    assert dict(first)["p8s_logzio_name"] == "production"
    assert bucket.keys("all-data/")


@pytest.mark.usefixtures("keys")
def test_it_ends_before_lambda_ends_it(bucket: TestBucket) -> None:
    """Without time it begins nothing; with little it ends in the middle, and says there is more."""
    with Receiver(always(Reply(status=503))) as receiver:
        none = invoke(bucket, receiver.url, seconds=5.0)
        assert not receiver.requests
        little = invoke(bucket, receiver.url, seconds=20.5)
    assert (none["more"], none["complete"]) == (True, False)
    assert (little["more"], little["left"], little["stopped"]) == (True, {}, "")
    assert len(bucket.keys("failed/")) == 3


@pytest.mark.usefixtures("keys")
def test_it_goes_on_where_it_was(bucket: TestBucket) -> None:
    """Invoked until there is no more, it sends everything once."""
    with Receiver() as receiver:
        results = [invoke(bucket, receiver.url, {"limit": 1}) for _ in range(3)]
        assert hosts_in(receiver) == dict.fromkeys("abc", SAMPLES_OF_A_POINT)
    assert [one["more"] for one in results] == [True, True, False]


def test_no_token_is_shown(
    bucket: TestBucket, keys: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    """Result, log and checkpoints do not repeat the token that a listener has repeated."""
    text = f"who is {TOKEN}?".encode()
    with Receiver(always(Reply(status=401, body=text))) as receiver:
        result = invoke(bucket, receiver.url)
        (request,) = receiver.requests
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    shown = json.dumps(result) + capfd.readouterr().out
    shown += "".join(bucket.get(key).decode() for key in bucket.keys("replay/"))
    assert "who is" in shown
    assert TOKEN not in shown
    assert bucket.keys("failed/") == keys


def test_log_lines(bucket: TestBucket, keys: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    """Each object has a JSON line in the log."""
    with Receiver() as receiver:
        invoke(bucket, receiver.url, POWERTOOLS_SERVICE_NAME="replay-test")
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [line["message"] for line in lines[1:]] == [f"{key}: sent" for key in keys]


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ({"dryrun": True}, "keys of dimensionLabels, done, dryRun"),
        (["failed/"], "must be an object"),
        ({"dryRun": "false"}, "dryRun must be true or false"),
        ({"done": "delete"}, "done must be mark or move"),
        ({"limit": 0}, "limit must be a number above zero"),
        ({"limit": True}, "limit must be a number above zero"),
        ({"rate": "fast"}, "rate must be a number above zero"),
        ({"since": 5}, "since must be a string, not 5"),
        ({"prefix": None}, "prefix must be a string, not None"),
    ],
)
def test_wrong_events(bucket: TestBucket, event: Any, message: str) -> None:
    """An event that asks for something else is an error, and nothing is sent."""
    with pytest.raises(UsageError, match=message):
        invoke(bucket, "https://listener.example", event)


def test_wrong_settings(bucket: TestBucket) -> None:
    """A wrong setting, a missing token or bucket is an error that says so."""
    with pytest.raises(SettingsError, match="REMOTE_WRITE_MAX_BYTES"):
        invoke(bucket, "https://listener.example", REMOTE_WRITE_MAX_BYTES="x")
    with pytest.raises(SettingsError, match="REMOTE_WRITE_AUTH") as wrong:
        invoke(bucket, "https://listener.example", REMOTE_WRITE_AUTH=TOKEN)
    assert TOKEN not in str(wrong.value)
    with pytest.raises(SettingsError, match="no token"):
        invoke(bucket, "https://listener.example", LOGZIO_METRICS_TOKEN="")
    environ = environment("https://listener.example")
    with pytest.raises(UsageError, match="BACKUP_BUCKET"):
        app.replay({}, environ, MINUTES)
    with pytest.raises(StoreError, match="NoSuchBucket"):
        app.replay({}, {**environ, "BACKUP_BUCKET": "no-such-bucket-anywhere"}, MINUTES)


def test_handler(bucket: TestBucket, keys: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Lambda's entry reads the environment of the process and the time that is left."""
    with Receiver() as receiver:
        for name, value in environment(receiver.url, BACKUP_BUCKET=bucket.name).items():
            monkeypatch.setenv(name, value)
        result = app.lambda_handler({}, LambdaContext.starting_now(60))
    assert result["objects"]["sent"] == len(keys)
