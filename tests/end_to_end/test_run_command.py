"""The command behind `make run`, as a process of its own, with the real function in it."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from testing.backends.prometheus import PrometheusStandIn
from testing.events.firehose import ACCESS_KEY
from testing.events.fleet import END_MS
from testing.events.samples import bad_events, good_events
from testing.http_server import Reply
from testing.ports import free_port
from testing.receiver import Receiver
from testing.replies import always
from testing.servers import Prometheus

PROJECT = Path(__file__).parents[2]
TOKEN = "planted-token-9c41e7"


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the command; `environ` are further environment variables."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-m", "tools.run", *arguments],
        cwd=PROJECT,
        env={**inherited, "PYTHONIOENCODING": "utf-8", **environ},
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )


def sample(name: str) -> str:
    """Return the path of a sample event in the tree."""
    return f"events/{name}.json"


def test_all_samples() -> None:
    """Every good sample is answered with 200; the table shows series, the last line the totals."""
    done = run()
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert lines[-1] == "HTTP 200: 333 samples in 301 series"
    for name in good_events(END_MS):
        (line,) = (line for line in lines if line.startswith(f"{name}: "))
        received = "0 samples in 0" if name == "demo-data" else "333 samples in 301"
        assert line.endswith(f", {received} series received")
    shown = lines[lines.index("") :]
    assert max(map(len, shown)) <= 100
    metrics = [line.split()[0] for line in shown if "_cpuutilization_sum " in line]
    assert sorted(set(metrics)) == metrics
    assert "aws_ec2_cpuutilization_sum" in metrics
    assert "WARNING" not in done.stdout
    assert "remote write: " not in done.stdout
    assert ACCESS_KEY not in done.stdout


def test_tags_of_the_samples() -> None:
    """Behind the metrics come the info series of their resources; on request with all labels."""
    done, every = run(), run("--all")
    assert done.returncode == every.returncode == 0
    lines = done.stdout.splitlines()
    shown = lines[lines.index("tags: 16 tagged resources, 22 samples in 22 series received") :]
    assert max(map(len, shown)) <= 100
    (line,) = (line for line in shown if line.startswith("instanceid=i-0a1b2c3d4e5f60001 "))
    assert line.endswith(" 1  tag_env=prod tag_team=Shop")
    info = [line for line in every.stdout.splitlines() if line.startswith("aws_resource_info{")]
    assert len(info) == 22
    assert sum('account="444455556666"' in line for line in info) == 2


def test_tags_that_are_not_sent() -> None:
    """A sweep that fails shows why, and fails the command."""
    done = run(EXPORTED_TAGS=",")
    assert done.returncode == 1
    assert "\ntags: 0 tagged resources, 0 samples in 0 series received\n" in done.stdout
    assert "  ERROR settings: EXPORTED_TAGS must be * or name tag keys" in done.stdout


@pytest.mark.parametrize("name", bad_events(END_MS))
def test_bad_sample(name: str) -> None:
    """A bad event ends with 400, the reason is shown, and the command fails."""
    done = run("--event", sample(name))
    assert done.returncode == 1
    last = done.stdout.splitlines()[-1]
    assert last.startswith("HTTP 400: ")
    assert '"errorMessage": ""' not in done.stdout
    samples, series = (int(word) for word in last.split() if word.isdigit())
    # Good records beside a bad one are delivered.
    assert (samples > 0) == (series > 0) == (name == "malformed-record")


def test_all_series() -> None:
    """On request every series is shown, with all its labels."""
    done = run("--event", sample("rest-v1-otlp-0.7"), "--all")
    shown = [line for line in done.stdout.splitlines() if 'account="' in line]
    assert len(shown) == 301
    assert len({line.rpartition("}")[0] for line in shown}) == 301
    (line,) = (line for line in shown if line.startswith("shop_backend_stock_correction_sum{"))
    assert 'city="zürich"' in line
    assert line.endswith("} -12")


def test_listener() -> None:
    """A listener gets the samples as of now, with the token of TOKEN, which is not printed."""
    with Receiver() as receiver:
        done = run("--listener", receiver.url, TOKEN=TOKEN, NO_PROXY="127.0.0.1")
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.splitlines()[-1] == "HTTP 200: 333 samples in 301 series"
        samples = receiver.accepted_samples()
        assert len(samples) == 301
        times = [at for points in samples.values() for at, _ in points]
        assert 0 <= time.time() * 1000 - max(times) < 600_000
        # A server without an out-of-order window accepts no older ones.
        assert max(times) - min(times) < 3_600_000
        assert receiver.violations == []
        sent = {received.headers["authorization"] for received in receiver.requests}
        assert sent == {f"Bearer {TOKEN}"}
    assert TOKEN not in done.stdout + done.stderr


@pytest.mark.real_server
def test_prometheus(tmp_path: Path) -> None:
    """A new Prometheus with its default settings refuses no sample, and a second run succeeds."""
    with Prometheus(tmp_path) as server:
        arguments = ("--listener", server.write_url)
        done, again = (run(*arguments, TOKEN=TOKEN, NO_PROXY="127.0.0.1") for _ in range(2))
    assert done.stdout.splitlines()[-1] == "HTTP 200: 333 samples in 301 series"
    assert done.returncode == 0, done.stdout
    check_second_run(again)


def test_a_second_run_succeeds() -> None:
    """Samples that the listener has already, or newer ones of, are shown and are no failure."""
    with Receiver(PrometheusStandIn()) as receiver:
        arguments = ("--listener", receiver.url)
        _, again = (run(*arguments, TOKEN=TOKEN, NO_PROXY="127.0.0.1") for _ in range(2))
    check_second_run(again)


def check_second_run(done: subprocess.CompletedProcess[str]) -> None:
    """Each of the 333 samples is accepted or superseded, and the command does not fail."""
    assert done.returncode == 0, done.stdout
    last = done.stdout.splitlines()[-1]
    counted = re.fullmatch(r"HTTP 200: (\d+) samples in 301 series, (\d+) superseded", last)
    assert counted, last
    assert sum(map(int, counted.groups())) == 333


@pytest.mark.parametrize(("status", "answered"), [(401, 401), (403, 401), (404, 500), (400, 200)])
def test_listener_that_refuses(status: int, answered: int) -> None:
    """A refusal fails the command, and a token that the listener quotes in it is not printed."""
    words = f"out of order sample, or no such token: {TOKEN}".encode()
    with Receiver(always(Reply(status=status, body=words))) as receiver:
        arguments = ("--event", sample("function-url-otlp-1.0"), "--listener", receiver.url)
        done = run(*arguments, TOKEN=TOKEN, NO_PROXY="127.0.0.1")
    lines = done.stdout.splitlines()
    rejected = 333 if answered == 200 else 0
    superseded = ", 333 superseded" if rejected else ""
    assert lines[-1] == f"HTTP {answered}: 0 samples in 0 series{superseded}"
    assert lines[0].endswith(f", 0 samples in 0 series sent, {rejected} samples rejected")
    assert done.returncode == 1
    assert "no such token: " in done.stdout
    assert TOKEN not in done.stdout + done.stderr


def test_closed_port() -> None:
    """A listener that cannot be reached ends the command after one event."""
    url = f"http://127.0.0.1:{free_port()}/"
    done = run("--listener", url, TOKEN=TOKEN, DELIVERY_BUDGET_SECONDS="2")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[0].startswith("http-api-v2-otlp-1.0: HTTP 503, 0 samples in 0 series sent")
    assert "the connection is refused" in lines[1]
    assert lines[-1] == "HTTP 503: 0 samples in 0 series"
    assert done.stdout.count("HTTP 503") == 2


def test_ctrl_c() -> None:
    """Ctrl-C ends the command at once and without a traceback, also while it sends again."""
    with Receiver(always(Reply(status=503))) as receiver:
        process = subprocess.Popen(
            [sys.executable, "-m", "tools.run", "--listener", receiver.url],
            cwd=PROJECT,
            env={**os.environ, "TOKEN": TOKEN, "NO_PROXY": "127.0.0.1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        while len(receiver.requests) < 2:
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=5)
    assert output == b""
    assert process.returncode == -signal.SIGINT


def test_settings_of_the_shell() -> None:
    """Variables of the shell for a real function do not affect a local run."""
    secret = "real-token-77d2"
    done = run(
        LOGZIO_METRICS_TOKEN=secret,
        LOGZIO_METRICS_LISTENER="https://listener.example",
        FIREHOSE_ACCESS_KEY="real-key",
        AWS_REGION="eu-north-1",
        AWS_PROFILE="real",
        BACKUP_BUCKET="real",
        HTTP_PROXY="http://127.0.0.1:1",
        http_proxy="http://127.0.0.1:1",
    )
    assert done.stdout.splitlines()[-1] == "HTTP 200: 333 samples in 301 series"
    assert secret not in done.stdout + done.stderr


def test_event_of_an_unknown_kind(tmp_path: Path) -> None:
    """Any JSON can be sent; what is not a delivery ends with 400."""
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"hello": "world"}), encoding="utf-8")
    done = run("--event", str(event))
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "HTTP 400: 0 samples in 0 series"
