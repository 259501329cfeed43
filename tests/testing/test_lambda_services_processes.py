"""How the fake Lambda services start, freeze and end the processes of extensions."""

import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from testing.lambda_services.calls import Call
from testing.lambda_services.extension_process import ExtensionProcess
from testing.lambda_services.services import LambdaServices
from tests.support.extension_samples import AT_ONCE, PROMPT, SAMPLE, SHUTDOWN_SECONDS, Sample


@pytest.fixture
def services() -> Iterator[LambdaServices]:
    """Run services that deliver without waiting for more."""
    with LambdaServices(platform=AT_ONCE, shutdown_seconds=SHUTDOWN_SECONDS) as running:
        yield running


@pytest.fixture
def sample(tmp_path: Path) -> Sample:
    """Give the sample extension."""
    return Sample(tmp_path / "kept")


class TestProcesses:
    """How processes are started, frozen and ended."""

    def test_environment(self, services: LambdaServices, tmp_path: Path) -> None:
        """A file is executed with its full path in `/`, with Lambda's and the given variables."""
        script = tmp_path / "tell"
        words = "import os, sys; print([sys.argv[0], os.getcwd(), *sorted(os.environ)])"
        script.write_text(f"#!{sys.executable} -IB\n{words}\n", encoding="utf-8")
        script.chmod(0o755)
        with ExtensionProcess(services, script, {"MINE": "1", "LC_ALL": "C"}) as extension:
            assert extension.wait_ended() == 0
            extension.close()
            told = extension.output.decode()
        expected = [str(script), "/", *sorted({*services.environ(), "MINE", "LC_ALL"})]
        assert told == f"{expected}\n"

    def test_output(self, services: LambdaServices, sample: Sample) -> None:
        """What an extension prints is kept byte for byte, and can become `extension` events."""
        environ = {**sample.environ, "SAMPLE_SAYS": "grüß"}
        python = [sys.executable, "-I", "-X", "utf8"]
        with ExtensionProcess(
            services, SAMPLE, environ, python=python, ship_output=True
        ) as running:
            running.wait_ready()

            def line_after_it() -> Iterator[str]:
                until = time.monotonic() + PROMPT
                while not any("extension" in it.types for it in services.deliveries):
                    assert time.monotonic() < until
                    time.sleep(0.01)
                yield "line"

            services.invoke(line_after_it())
            running.shutdown()
            assert running.output == "grüß\ngrüß\n".encode()
        assert "grüß\n" in sample.records("extension")
        with sample.start(services) as silent:
            assert silent.output == b""

    def test_frozen_between(self, sample: Sample) -> None:
        """Between invocations a process is stopped, in them it runs, and nothing is lost."""
        with (
            LambdaServices(
                platform=AT_ONCE, freeze_between=True, shutdown_seconds=SHUTDOWN_SECONDS
            ) as services,
            sample.start(services) as extension,
        ):
            extension.wait_ready()
            for _ in range(3):
                assert services.invoke(["line"]).added_seconds < PROMPT
                assert state(extension.pid) == "T"
            ended = extension.shutdown()
        assert (ended.exit_code, ended.killed) == (0, False)

    def test_frozen_midway(self, services: LambdaServices, sample: Sample) -> None:
        """A process that is stopped within an invocation gets what was written after its thaw."""
        with sample.start(services) as extension:
            extension.wait_ready()
            results, frozen = [], threading.Event()

            def lines() -> Iterator[str]:
                assert frozen.wait(PROMPT)
                yield "line"

            thread = threading.Thread(target=lambda: results.append(services.invoke(lines())))
            thread.start()
            services.calls.wait_for(lambda calls: calls[-1].answered is not None)
            extension.freeze()
            assert state(extension.pid) == "T"
            frozen.set()
            assert not services.calls.wait_for(lambda calls: nexts(calls) > 1, 0.6)
            extension.thaw()
            thread.join()
        assert results[0].next_at is not None
        assert sample.records("function") == ["line"]

    def test_killed(self, sample: Sample) -> None:
        """Who is there two seconds after SHUTDOWN is killed."""
        with (
            LambdaServices(platform=AT_ONCE) as services,
            sample.start(services, SAMPLE_STAYS="1") as extension,
        ):
            extension.wait_ready()
            ended = extension.shutdown("timeout")
        assert ended.killed
        assert ended.exit_code == -9
        assert ended.seconds >= 2

    def test_killed_unasked(self, services: LambdaServices, sample: Sample) -> None:
        """Who has not registered for SHUTDOWN is killed at once."""
        with sample.start(services, SAMPLE_EVENTS="INVOKE") as extension:
            extension.wait_ready()
            ended = extension.shutdown()
        assert ended.killed
        assert ended.seconds < SHUTDOWN_SECONDS / 2

    def test_memory(self, services: LambdaServices, sample: Sample) -> None:
        """Resident memory is that of a Python process, and never above its peak."""
        with sample.start(services) as extension:
            extension.wait_ready()
            memory = extension.rss_bytes()
        assert 4_000_000 < memory.current <= memory.peak < 200_000_000

    def test_new_environment(self, services: LambdaServices, sample: Sample) -> None:
        """After a reset an extension of the same name registers and subscribes again."""
        for _ in range(2):
            with sample.start(services) as extension:
                extension.wait_ready()
                services.invoke(["line"], status="timeout", deadline=0.1)
                assert extension.shutdown("timeout").exit_code == 0
            services.new_environment()
        assert services.calls.count("/register") == 2

    def test_never_ready(self, services: LambdaServices, tmp_path: Path) -> None:
        """Who never calls `next` is told of with what it wrote."""
        script = tmp_path / "ends"
        script.write_text("print('no settings')\n", encoding="utf-8")
        with ExtensionProcess(services, script, {}, python=[sys.executable]) as extension:
            extension.wait_ended()
            with pytest.raises(TimeoutError, match="no settings"):
                extension.wait_ready(0.1)


def state(pid: int) -> str:
    """Give the state letter of a process (proc(5), `stat`); wait for a signal to arrive first."""
    until = time.monotonic() + PROMPT
    while True:
        letter = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
        if letter == "T" or time.monotonic() > until:
            return letter


def nexts(calls: list[Call]) -> int:
    """Count the calls of `next`."""
    return sum(call.request.path.endswith("/event/next") for call in calls)
