"""From the platform's bodies to the buffers: each event becomes one record, or is counted."""

import json
from typing import Any

import pytest

from extension.own_log import PREFIX
from extension.records import LogRecord
from extension.selection import Selection
from tests.support.extension_parts import LONG, function_line
from tests.support.extension_reading import NOW, Reading, event

REQUEST_ID = "5f87e1a2-0c5b-4a55-9d3e-0123456789ab"

VALUES = [
    "hello\n",
    "",
    {"message": "m", "n": 1},
    {},
    ["a", 1],
    [],
    7,
    -1.5,
    10**30,
    True,
    False,
    None,
    "\ud800",
    "a\0b",
    "x" * 5_000_000,
]


@pytest.mark.parametrize("type_", ["function", "extension", "platform.report", "platform.new"])
@pytest.mark.parametrize("value", VALUES, ids=[repr(value)[:12] for value in VALUES])
def test_every_kind(type_: str, value: Any) -> None:
    """Any value becomes one record with its type and the platform's time."""
    assert Reading().read(event(type_, value)) == [LogRecord(NOW, type_, value, None, None)]


@pytest.mark.parametrize(
    ("sent", "record"),
    [
        *((value, value) for value in ("text", 7, None, True, [1], [event()])),
        *((members, None) for members in ({}, {"type": "function"}, {"time": NOW})),
        *((members, None) for members in ({"type": 7, "time": 7}, {"type": None})),
    ],
)
def test_no_event(sent: Any, record: Any) -> None:
    """What is no event, or only in part, is a record of the function at its time of arrival."""
    assert Reading().read(sent) == [LogRecord(NOW, "function", record, None, None)]


def test_malformed() -> None:
    """Malformed JSON becomes one record of text; the events before it are records too."""
    reading = Reading()
    reading.router.route(json.dumps([event()]).encode()[:-1] + b', {"time": "2024')
    assert [record.record for record in reading.records] == ["hello\n", '{"time": "2024']
    assert reading.dropped == {}


def test_routes() -> None:
    """Each destination gets the types of its route; `platform` is always subscribed to."""
    reading = Reading(["function"], ["extension", "platform"], [])
    reading.read(event(), event("extension"), event("platform.start"), event("platform.fault"))
    types = [[record.type for record in it.records] for it in reading.destinations]
    assert types == [["function"], ["extension", "platform.start", "platform.fault"], []]
    assert reading.router.types == ["extension", "function", "platform"]
    assert Reading(["function"]).router.types == ["function", "platform"]


def test_request_ids() -> None:
    """A request id comes from the runtime or from the time of the line, not from the user."""
    reading = Reading()
    other = "00000000-0c5b-4a55-9d3e-0123456789ab"
    records = reading.read(
        event(time="2024-08-30T09:59:59.000Z"),
        event("platform.start", {"requestId": REQUEST_ID}, "2024-08-30T10:00:00.000Z"),
        event(time="2024-08-30T10:00:00.001Z"),
        event(record={"requestId": other}, time="2024-08-30T10:00:00.002Z"),
        event(record=f"[INFO]\t{NOW}\t{other}\tm", time="2024-08-30T10:00:00.003Z"),
        event(record=f'{{"requestId":"{other}"}}', time="2024-08-30T10:00:00.004Z"),
        event(record={"requestId": REQUEST_ID}, time="2024-08-30T09:59:59.000Z"),
        event("extension", time="2024-08-30T10:00:00.005Z"),
    )
    found = [record.request_id for record in records]
    assert found == [None, *[REQUEST_ID] * 3, other, *[REQUEST_ID] * 2, None]


def test_request_ids_on_managed_instances() -> None:
    """If invocations run at the same time only the record itself counts."""
    reading = Reading(one_at_a_time=False)
    records = reading.read(
        event("platform.start", {"requestId": REQUEST_ID}),
        event(),
        event(record={"requestId": "own"}),
    )
    assert [record.request_id for record in records] == [REQUEST_ID, None, "own"]


@pytest.mark.parametrize("first", ["line", "end"])
@pytest.mark.parametrize("bodies", [1, 2])
def test_end_of_an_invocation(first: str, bodies: int) -> None:
    """A line and the end of its invocation may come in either order, in one POST or two."""
    reading = Reading()
    reading.invocations.invoked(REQUEST_ID, "2024-08-30T10:00:00.000Z")
    events = [event(), event("platform.runtimeDone", {"requestId": REQUEST_ID})]
    if first == "end":
        events.reverse()
    for body in [events] if bodies == 1 else [[one] for one in events]:
        reading.read(*body)
    assert {record.request_id for record in reading.records} == {REQUEST_ID}
    ended = reading.invocations.wait_until_done(REQUEST_ID, reading.time())
    assert ended == pytest.approx(reading.time(), abs=LONG / 4)


@pytest.mark.parametrize("record", [None, "text", {}, {"requestId": 7}, {"requestId": None}, []])
def test_platform_says_little(record: Any) -> None:
    """A platform event without the expected members is only a record."""
    reading = Reading()
    types = ("platform.start", "platform.runtimeDone", "platform.logsDropped", "platform.report")
    assert len(reading.read(*(event(type_, record) for type_ in types))) == 4
    assert reading.invocations.of_line(None, NOW, by_time=True) is None


def test_selection() -> None:
    """Records of the function that the operator leaves out are counted by reason."""
    reading = Reading(selection=Selection("WARN", 0.5, ()))
    lines = [event(record={"level": level}) for level in ("INFO", "ERROR", "WARN", "DEBUG") * 5]
    others = [event("platform.report", {"level": "INFO"}), event("extension", {"level": "INFO"})]
    assert len(reading.read(*lines, *others)) == 5 + 2
    assert reading.dropped == {"below_level": 10, "sampled": 5}


@pytest.mark.parametrize(
    "record",
    [f"{PREFIX}warning: x\n", {"level": "INFO", "message": f"{PREFIX}warning: x"}],
    ids=["text", "JSON log format"],
)
def test_own_lines(record: Any) -> None:
    """The extension's own lines are counted and not shipped; those of other extensions are."""
    reading = Reading()
    others = [event("extension", "other: x"), event("extension", {"message": "y"}), event()]
    assert len(reading.read(event("extension", record), *others)) == 3
    assert reading.dropped == {"own_line": 1}


def test_function_that_prints_the_prefix() -> None:
    """A function's line is shipped whatever it begins with."""
    reading = Reading()
    assert len(reading.read(event(record=f"{PREFIX}warning: x"))) == 1


def test_platform_drops() -> None:
    """The platform's drops are reported to every destination, whatever types it gets."""
    reading = Reading(["function"], ["platform"])
    drop = {"droppedRecords": 3, "droppedBytes": 500, "reason": "slow"}
    reading.read(event("platform.logsDropped", drop), event("platform.logsDropped", drop))
    for scripted in reading.shippers:
        scripted.shipper.results.report_losses()
        scripted.started()
        scripted.flush_all()
        expected = {"platformDroppedRecords": 6, "platformDroppedBytes": 1000}
        assert scripted.reported_losses == [expected]


@pytest.mark.parametrize("count", [None, "many", -1, [], 1.5])
def test_platform_drops_nonsense(count: Any) -> None:
    """A count that is not a number of records does no harm."""
    reading = Reading()
    drop = {"droppedRecords": count, "droppedBytes": count}
    reading.read(event("platform.logsDropped", drop))
    reading.shippers[0].shipper.results.report_losses()
    assert len(reading.records) == 1


def test_record_that_cannot_be_encoded() -> None:
    """It is counted and logged once without its content; other records are not affected."""
    reading = Reading(poison="a user's line")
    for records in (["before", "a user's line", "beside"], ["a user's line"], ["after"]):
        reading.read(*(event(record=record) for record in records))
    assert [record.record for record in reading.records] == ["before", "beside", "after"]
    assert reading.dropped == {"fault": 2}
    assert len(reading.written.lines) == 1
    assert "a user's line" not in reading.written.text


def test_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error while a body is parsed costs that body, which is counted and logged."""
    reading = Reading()
    route = reading.router.route

    def broken(body: bytes) -> None:
        if body == b"broken":
            raise RuntimeError("a user's line")
        route(body)

    monkeypatch.setattr(reading.router, "route", broken)
    reading.router.start()
    for body in (b"broken", json.dumps([event()]).encode()):
        reading.router.receive(body)
    assert reading.router.wait_until_parsed(LONG)
    account = reading.shippers[0].buffer.account()
    assert (account.received, account.pending, account.dropped) == (2, 1, {"fault": 1})
    assert "a user's line" not in reading.written.text


def test_every_destination() -> None:
    """Own records and bodies that could not be parsed are those of every destination."""
    reading = Reading(["function"], ["platform"])
    reading.router.queue(function_line("x"))
    reading.router.drop_body("body_too_large")
    for scripted in reading.shippers:
        account = scripted.buffer.account()
        assert (account.pending, account.dropped) == (1, {"body_too_large": 1})


def test_thread() -> None:
    """The thread parses the bodies in order."""
    reading = Reading()
    reading.router.start()
    for number in range(100):
        reading.router.receive(json.dumps([event(record=number)]).encode())
    assert reading.router.wait_until_parsed(LONG)
    assert [record.record for record in reading.records] == list(range(100))
