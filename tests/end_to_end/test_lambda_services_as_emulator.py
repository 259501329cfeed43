"""The fake Lambda services reply as the real emulator does, wherever the emulator replies."""

import re
from pathlib import Path
from typing import Any

from tests.support.extension_probes import Both, comparable, printed
from tests.support.extension_steps import (
    CLASSIC,
    EXTENSION_STEPS,
    FUNCTION,
    FUNCTION_STEPS,
    INIT_ERROR,
    LATE,
    MANAGED,
    NEXT,
    REPORTED,
    SUBSCRIBED,
    Step,
    registering,
)

MEASURED = {"runtimeVersion", "runtimeVersionArn", "instanceId", "instanceMaxMemory", "spans"}


def without_trace(answer: list[Any]) -> list[Any]:
    """Return a reply without what only real Lambda sends with INVOKE."""
    status, headers, body = answer
    if '"tracing":' in body:
        body = body[: body.index(',"tracing":')] + "}"
    return [status, headers, body]


def assert_same(steps: list[Step], real: str, fake: str, probe: str = EXTENSION_STEPS) -> None:
    """Compare the replies of both, step by step."""
    real_answers, fake_answers = (
        [comparable(without_trace(answer)) for answer in printed(output, probe, "answer")]
        for output in (real, fake)
    )
    asked = [step for step in steps if step[0] not in ("LATER", "AWAIT")]
    assert len(real_answers) == len(asked), real
    compared = zip(asked, real_answers, fake_answers, strict=False)
    assert [[step, real, fake] for step, real, fake in compared if real != fake] == []
    assert len(fake_answers) == len(real_answers), fake


def test_classic(tmp_path: Path) -> None:
    """Without a Telemetry API each reply is the same: status, headers and body."""
    both = Both(tmp_path, CLASSIC, managed=False)
    assert_same(CLASSIC, both.of_emulator(1), both.of_fake(1, "SandboxTerminated"))


def test_managed_instances(tmp_path: Path) -> None:
    """With one, too: invalid, out of range, refused, and repeated calls."""
    both = Both(tmp_path, MANAGED, managed=True)
    assert_same(MANAGED, both.of_emulator(1), both.of_fake(1, "spindown"))


def test_init_error(tmp_path: Path) -> None:
    """An init/error, and a registration without a feature, get the same reply."""
    for managed in (False, True):
        folder = tmp_path / str(managed)
        folder.mkdir()
        both = Both(folder, INIT_ERROR, managed=managed)
        assert_same(INIT_ERROR, both.of_emulator(1), both.of_fake(0, "failure"))


def test_late_subscription(tmp_path: Path) -> None:
    """After the init phase every subscription, valid or not, gets the same refusal."""
    both = Both(tmp_path, LATE, managed=True)
    assert_same(LATE, both.of_emulator(1), both.of_fake(1, "spindown"))


def test_delivery(tmp_path: Path) -> None:
    """A delivery has the same request line and headers, and events of the same shape."""
    both = Both(tmp_path, SUBSCRIBED, managed=True)
    real, fake = (
        printed(output, EXTENSION_STEPS, "delivery")
        for output in (both.of_emulator(1, REPORTED), both.of_fake(1, "spindown"))
    )
    assert [neutral(*sent[:2]) for sent in fake] == [neutral(*real[0][:2])] * len(fake)
    assert {neutral(*sent[:2]) for sent in real} == {neutral(*real[0][:2])}
    expected, made = shapes(real), shapes(fake)
    assert expected.keys() == made.keys()
    for kind, names in made.items():
        # The fake omits what only real instances can measure or know.
        assert expected[kind] - names <= MEASURED
        assert names <= expected[kind]


def test_function(tmp_path: Path) -> None:
    """The Runtime API sends a function the same replies: work, responses, errors, and others."""
    both = Both(tmp_path, [registering(), NEXT], managed=False)
    asked = FUNCTION[:-1]
    assert_same(asked, both.of_emulator(3), both.function_of_fake(3), FUNCTION_STEPS)


def neutral(line: str, headers: dict[str, str]) -> tuple[str, ...]:
    """Return a request line, and headers without what is different each time."""
    changing = {"Host", "Content-Length", "Sequence-Id"}
    kept = {name: "" if name in changing else value for name, value in headers.items()}
    return (line, *(f"{name}: {kept[name]}" for name in sorted(kept)))


def shapes(deliveries: list[Any]) -> dict[str, set[str]]:
    """Return, by type, the names of the members of an event and of its record."""
    found: dict[str, set[str]] = {}
    for _line, _headers, events in deliveries:
        for event in events:
            names = found.setdefault(event["type"], set())
            names.update(event)
            names.update(event["record"] if isinstance(event["record"], dict) else ["a string"])
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event["time"])
    return found
