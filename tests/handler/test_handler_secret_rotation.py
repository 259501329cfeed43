"""Tokens and keys that are replaced while deliveries come in: nothing of them is lost."""

import time

import pytest

from testing.events import ingresses
from testing.events.ingresses import Event
from testing.http_server import Reply
from testing.lambda_context import LambdaContext
from testing.receiver import Received, Receiver
from tests.support.clocks import SOON
from tests.support.invoking import (
    SAMPLES_OF_A_POINT,
    answered,
    delivery_of,
    points,
    record_of,
)
from tests.support.recording import Recorded, RecordingFunction
from tests.support.secret_stores import KEY_ARN, MINUTE, TOKEN_ARN, Later, Stores

# Each test starts a secret store.
pytestmark = pytest.mark.slow

KEY = "key-of-the-stream"
OLD, NEW, NEWER = "GHV58d3e1c90b7a", "QWZ7f3b9e51c8d24a60", "ZPK6a2c8f41d09e5"
READS_FOR_A_SECRET = 2
"""One for the current and one for the previous version."""


class Expecting:
    """A listener that takes one token, and repeats what it was sent in any other answer.

    Attributes:
        token: The token.
    """

    def __init__(self, token: str) -> None:
        self.token = token

    def __call__(self, received: Received) -> Reply:
        """Answer one request."""
        if received.headers.get("authorization") == f"Bearer {self.token}":
            return Reply()
        return Reply(401, body=f"{dict(received.headers)} but {self.token}".encode())


def tokens_of(receiver: Receiver) -> list[str]:
    """Return the token of each request."""
    return [r.headers["authorization"].removeprefix("Bearer ") for r in receiver.requests]


def deliver(
    function: RecordingFunction,
    key: str = KEY,
    context: LambdaContext | None = None,
) -> Recorded:
    """Deliver a data point, and hold the delivery's line to the accounting identity."""
    recorded = function.invoke(delivery_of(points(1), access_key=key), context)
    answered(recorded.response)
    if recorded.logged("delivery"):
        assert sum(recorded.samples().values()) == SAMPLES_OF_A_POINT
        assert recorded.delivery["samples"] == SAMPLES_OF_A_POINT
    return recorded


@pytest.mark.slow
def test_old_and_new_key(stores: Stores) -> None:
    """After a rotation the old key is still accepted, and the new one after one read."""
    arn, later = stores.secret(OLD), Later()
    with Receiver() as receiver:
        function = RecordingFunction(receiver.url, {KEY_ARN: arn}, later.clock)
        assert deliver(function, OLD).status == 200
        stores.change(arn, NEW)
        later.ahead += MINUTE
        assert [deliver(function, key).status for key in (OLD, NEW, OLD, NEW)] == [200] * 4
        # Where nothing is cached the old key is the previous version of the store.
        fresh = RecordingFunction(receiver.url, {KEY_ARN: arn}, later.clock)
        assert deliver(fresh, OLD).status == 200
    assert len(stores.reads) == 3 * READS_FOR_A_SECRET
    # The old key is no token any more, once the new one is known.
    assert tokens_of(receiver) == [OLD, OLD, NEW, NEW, NEW, NEW]


def test_old_key_with_a_token(stores: Stores) -> None:
    """The token's current version is shipped, also while Firehose sends the old key."""
    settings = {KEY_ARN: stores.secret(OLD), TOKEN_ARN: stores.secret("first")}
    stores.change(settings[KEY_ARN], NEW)
    stores.change(settings[TOKEN_ARN], "second")
    with Receiver() as receiver:
        function = RecordingFunction(receiver.url, settings)
        assert deliver(function, OLD).status == 200
    assert tokens_of(receiver) == ["second"]


def test_version_before_the_previous_one(stores: Stores) -> None:
    """After two rotations the first key is refused unless it is remembered."""
    arn, later = stores.secret(OLD), Later()
    with Receiver() as receiver:
        settings = {KEY_ARN: arn}
        remembering = RecordingFunction(receiver.url, settings, later.clock)
        assert deliver(remembering, OLD).status == 200
        stores.change(arn, NEW)
        stores.change(arn, NEWER)
        later.ahead += MINUTE
        keys = (NEWER, NEW, OLD)
        assert [deliver(remembering, key).status for key in keys] == [200] * 3
        fresh = RecordingFunction(receiver.url, settings, later.clock)
        assert [deliver(fresh, key).status for key in keys] == [200, 200, 401]


def test_request_that_repeats_the_secret(stores: Stores) -> None:
    """A secret that a wrong key makes the function fetch is in no line, not even as an id."""
    with Receiver() as receiver:
        function = RecordingFunction(receiver.url, {KEY_ARN: stores.secret(KEY)}, Later().clock)
        event = delivery_of(points(1), access_key="wrong")
        event["headers"]["X-Amz-Firehose-Request-Id"] = KEY
        recorded = function.invoke(event)
    assert recorded.status == 401
    assert KEY not in str(recorded.lines)


def test_wrong_keys(stores: Stores) -> None:
    """However many wrong keys come, the store is asked once a minute."""
    arn, later = stores.secret(KEY), Later()
    with Receiver() as receiver:
        function = RecordingFunction(receiver.url, {KEY_ARN: arn}, later.clock)
        for looks in (1, 2, 3):
            assert [deliver(function, f"wrong-{n}").status for n in range(3)] == [401] * 3
            assert len(stores.reads) == looks * READS_FOR_A_SECRET
            later.ahead += MINUTE
        assert receiver.requests == []


def test_new_token_within_the_delivery(stores: Stores) -> None:
    """A refused token is fetched again, and the same delivery sent with the new one."""
    arn, later, listener = stores.secret(OLD), Later(), Expecting(OLD)
    settings = {TOKEN_ARN: arn, "FIREHOSE_ACCESS_KEY": KEY}
    with Receiver(listener) as receiver:
        function = RecordingFunction(receiver.url, settings, later.clock)
        assert deliver(function).status == 200
        stores.change(arn, NEW)
        listener.token = NEW
        later.ahead += MINUTE
        recorded = deliver(function)
        assert deliver(function).delivery["retries"] == 0
    assert tokens_of(receiver) == [OLD, OLD, NEW, NEW]
    assert (recorded.status, recorded.samples()) == (
        200,
        {"sent": 4, "rejected": 0, "undelivered": 0},
    )
    assert (recorded.delivery["requests"], recorded.delivery["retries"]) == (2, 1)
    assert recorded.metric("ListenerRetries") == 1
    assert len(receiver.accepted_samples()) == SAMPLES_OF_A_POINT
    assert len(stores.reads) == 2 * READS_FOR_A_SECRET


@pytest.mark.parametrize("kind", ["access key", "transformation", "parameter"])
def test_new_token_of_other_kinds(stores: Stores, kind: str) -> None:
    """It is the same where the access key is the token, in a transformation, and with SSM."""
    later, listener = Later(), Expecting(OLD)
    arn = stores.parameter(OLD, "/rotated") if kind == "parameter" else stores.secret(OLD)
    settings = {KEY_ARN: arn} if kind == "access key" else {TOKEN_ARN: arn}
    event: Event = ingresses.transformation([record_of(points(1))])
    if kind == "access key":
        event = delivery_of(points(1), access_key=OLD)
    with Receiver(listener) as receiver:
        function = RecordingFunction(receiver.url, settings, later.clock)
        function.invoke(event)
        if kind == "parameter":
            stores.parameter(NEW, "/rotated")
        else:
            stores.change(arn, NEW)
        listener.token = NEW
        later.ahead += MINUTE
        recorded = function.invoke(event)
    assert tokens_of(receiver) == [OLD, OLD, NEW]
    assert (recorded.delivery["status"], recorded.delivery["retries"]) == (200, 1)


def test_nothing_new(stores: Stores) -> None:
    """A token that stays refused is a 401, and the store is asked once a minute at most."""
    later = Later()
    settings = {TOKEN_ARN: stores.secret(OLD), "FIREHOSE_ACCESS_KEY": KEY}
    with Receiver(Expecting(NEW)) as receiver:
        function = RecordingFunction(receiver.url, settings, later.clock)
        for looks, requests in ((1, 2), (2, 4)):
            for _ in range(2):
                recorded = deliver(function)
                assert (recorded.status, recorded.delivery["retries"]) == (401, 0)
                assert recorded.samples()["undelivered"] == SAMPLES_OF_A_POINT
            assert len(stores.reads) == looks * READS_FOR_A_SECRET
            assert len(receiver.requests) == requests
            later.ahead += MINUTE


@pytest.mark.slow
def test_stalling_store_within_a_delivery(stores: Stores) -> None:
    """A store that stalls while a token is renewed does not keep Firehose waiting."""
    arn, later, listener = stores.secret(OLD), Later(), Expecting(OLD)
    settings = {TOKEN_ARN: arn, "FIREHOSE_ACCESS_KEY": KEY}
    with Receiver(listener) as receiver:
        function = RecordingFunction(receiver.url, settings, later.clock)
        assert deliver(function).status == 200
        stores.change(arn, NEW)
        listener.token = NEW
        later.ahead += MINUTE
        stores.open.clear()
        # A read may take twice as long here as this test waits; the delivery has 4 s.
        begun = time.monotonic()
        recorded = deliver(function, context=LambdaContext(later.monotonic() + 4, later.monotonic))
        assert time.monotonic() - begun < SOON
        assert stores.wait_for_reads(READS_FOR_A_SECRET + 1)
        assert (recorded.status, recorded.samples()["undelivered"]) == (503, SAMPLES_OF_A_POINT)
        stores.open.set()
        later.ahead += MINUTE
        assert deliver(function).status == 200


@pytest.mark.parametrize("has_new", [True, False])
def test_renewed_token_is_not_logged(
    has_new: bool, stores: Stores, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the old nor the new token is logged when a listener repeats both."""
    arn, later, listener = stores.secret(OLD), Later(), Expecting(OLD)
    settings = {TOKEN_ARN: arn, "FIREHOSE_ACCESS_KEY": KEY}
    caplog.set_level("DEBUG")
    with Receiver(listener) as receiver:
        function = RecordingFunction(receiver.url, settings, later.clock)
        assert deliver(function).status == 200
        stores.change(arn, NEW)
        # The listener refuses both: its words repeat either one, and the newest it knows.
        listener.token = NEWER
        if not has_new:
            stores.fault = lambda _asked: "AccessDeniedException"
        later.ahead += MINUTE
        recorded = deliver(function)
    assert tokens_of(receiver) == ([OLD, OLD, NEW] if has_new else [OLD, OLD])
    written = f"{recorded.response} {recorded.lines} {caplog.text}"
    assert "[redacted]" in written
    assert [token for token in (OLD, NEW, KEY) if token in written] == []
