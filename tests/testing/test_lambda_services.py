"""The fake Lambda services play invocations, seen by an extension that runs as a process."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from testing.lambda_services.invocation import Order
from testing.lambda_services.services import LambdaServices
from testing.lambda_services.telemetry_stream import Platform
from tests.support.extension_samples import AT_ONCE, PROMPT, SHUTDOWN_SECONDS, Sample


@pytest.fixture
def services() -> Iterator[LambdaServices]:
    """Run services that deliver without waiting for more."""
    with LambdaServices(platform=AT_ONCE, shutdown_seconds=SHUTDOWN_SECONDS) as running:
        yield running


@pytest.fixture
def sample(tmp_path: Path) -> Sample:
    """Give the sample extension."""
    return Sample(tmp_path / "kept")


class TestInvocations:
    """Scripted invocations."""

    def test_events_of_an_invocation(self, services: LambdaServices, sample: Sample) -> None:
        """All events of init and invocations come in their order, `report` only after `next`."""
        with sample.start(services) as extension:
            extension.wait_ready()
            first = services.invoke(["one\n"])
            second = services.invoke(["two\n"], status="error")
            extension.shutdown()
        flat = [kind for delivery in sample.kinds for kind in delivery]
        ready = ["platform.extension", "platform.initRuntimeDone", "platform.initReport"]
        invoked = ["platform.start", "function", "platform.runtimeDone"]
        first_report = flat.index("platform.report")
        assert flat[:2] == ["platform.initStart", "platform.telemetrySubscription"]
        assert flat[2:5] == ready
        assert flat[5:8] == invoked
        assert first_report == 8
        assert flat[9:12] == invoked
        assert sample.records("function") == ["one\n", "two\n"]
        ids = [first.request_id, second.request_id]
        for kind in ("platform.start", "platform.runtimeDone"):
            assert [record["requestId"] for record in sample.records(kind)] == ids
        # The sample extension does not wait for the last one, which comes with SHUTDOWN.
        assert sample.records("platform.report")[0]["requestId"] == ids[0]
        statuses = [record["status"] for record in sample.records("platform.runtimeDone")]
        assert statuses == ["success", "error"]

    @pytest.mark.parametrize(
        ("order", "expected"),
        [
            ("line-then-done", [["function"], ["platform.runtimeDone"]]),
            ("done-then-line", [["platform.runtimeDone"], ["function"]]),
            ("one-post", [["function", "platform.runtimeDone"]]),
        ],
    )
    def test_order(
        self, services: LambdaServices, sample: Sample, order: Order, expected: list[list[str]]
    ) -> None:
        """The last line and `runtimeDone` come in the deliveries, and the order, that are asked."""
        with sample.start(services) as extension:
            extension.wait_ready()
            assert services.wait_delivered()
            before = len(sample.deliveries)
            services.invoke(["line"], order=order)
            # The sample extension does not wait for a line behind the end.
            services.environment.thaw()
            assert services.wait_delivered()
            extension.shutdown()
        # What else comes with the two depends on the machine.
        kinds = ("function", "platform.runtimeDone")
        later = [[kind for kind in it if kind in kinds] for it in sample.kinds[before:]]
        found = [it for it in later if it]
        assert found[: len(expected)] == expected

    def test_added_time(self, services: LambdaServices, sample: Sample) -> None:
        """Acknowledgement and `next` are measured from `runtimeDone` on, with the gap between."""
        with sample.start(services) as extension:
            extension.wait_ready()
            plain = services.invoke(["line"])
            assert services.wait_delivered()
            apart = services.invoke(["line"], gap=0.2, duration=0.1)
        assert plain.done_acknowledged is not None
        assert plain.next_at is not None
        assert plain.begun < plain.done_at < min(plain.done_acknowledged, plain.next_at)
        assert services.next_times()[1] == plain.next_at
        assert apart.done_at - apart.begun >= 0.1
        line, done = (
            next(it for it in services.deliveries if it.begun > apart.begun and kind in it.types)
            for kind in ("function", "platform.runtimeDone")
        )
        assert done.begun - line.ended >= 0.2

    def test_lost_runtime_done(self, services: LambdaServices, sample: Sample) -> None:
        """Without `runtimeDone` an extension that waits for it is seen to wait to the deadline."""
        with sample.start(services) as extension:
            extension.wait_ready()
            invocation = services.invoke(["line"], lose_runtime_done=True, deadline=0.4)
        assert invocation.next_at is not None
        # The event has its deadline in whole milliseconds.
        assert invocation.next_at >= invocation.deadline - 0.001
        assert invocation.done_acknowledged is None
        assert sample.records("platform.runtimeDone") == []

    def test_no_next(self, services: LambdaServices, sample: Sample) -> None:
        """An extension that ends instead of asking for the next event has added no known time."""
        with sample.start(services, SAMPLE_CRASHES="1") as extension:
            extension.wait_ready()
            invocation = services.invoke(["line"])
            assert extension.wait_ended() == 3
        with pytest.raises(RuntimeError, match=invocation.request_id):
            assert invocation.added_seconds

    def test_many(self, services: LambdaServices, sample: Sample) -> None:
        """Hundreds of invocations lose nothing, and none is held up."""
        with sample.start(services) as extension:
            extension.wait_ready()
            done = [services.invoke([f"line {number}"]) for number in range(300)]
            extension.shutdown()
        assert sample.records("function") == [f"line {number}" for number in range(300)]
        assert all(one.added_seconds < PROMPT for one in done)
        assert services.dropped_records == 0

    def test_large(self, sample: Sample) -> None:
        """Fifty megabytes in one invocation arrive whole, at the pace that is asked for."""
        line = "x" * 999 + "\n"
        roomy = Platform(memory_bytes=100_000_000)
        with (
            LambdaServices(platform=roomy, shutdown_seconds=SHUTDOWN_SECONDS) as services,
            sample.start(services) as extension,
        ):
            extension.wait_ready()
            lines = (line for _ in range(50_000))
            invocation = services.invoke(lines, deadline=300.0, bytes_per_second=50e6)
            assert services.wait_delivered(300.0)
            extension.shutdown()
            assert services.dropped_records == 0
        assert invocation.done_at - invocation.begun >= 0.9
        assert sample.records("function") == [line] * 50_000

    def test_any_record(self, services: LambdaServices, sample: Sample) -> None:
        """Any value of JSON can be a record, lone surrogates, NUL and megabytes among them."""
        values: list[Any] = [
            "text",
            {"level": "INFO"},
            [1, None],
            1.5,
            None,
            "\ud800\0",
            "x" * 5**9,
        ]
        with sample.start(services) as extension:
            extension.wait_ready()
            services.invoke(values)
            extension.shutdown()
        assert sample.records("function") == values
