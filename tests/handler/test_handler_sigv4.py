"""REMOTE_WRITE_AUTH=sigv4: a listener verifies each signature by an implementation of its own."""

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from handler import aws_credentials
from testing.http_server import Reply
from testing.misbehaving import nobody
from testing.receiver import Receiver
from testing.replies import accept, sequence
from testing.signatures import Key, Verifier
from tests.support.backups import (
    FAILED,
    environment,
    failed_object,
    records_of_hosts,
    run_in,
    write,
)
from tests.support.invoking import ACCESS_KEY, delivery_of, points
from tests.support.recording import Recorded, RecordingFunction
from tests.support.secret_stores import Later, aim_at
from tests.support.token_service import TokenService, running_token_service

# The tests import botocore, and start an STS.
pytestmark = pytest.mark.slow

LASTING = ("AKIA00000000LASTING0", Key("lasting/secret+71c0e5b2a94d"))
TEMPORARY = ("ASIA0000000TEMPORARY", Key("temporary/secret+5d8e3f", "session/token+0c9a7b6d=="))
KEYS = dict([LASTING, TEMPORARY])
ROLE = "arn:aws:iam::222233334444:role/writer"
SIGV4 = {
    "REMOTE_WRITE_AUTH": "sigv4",
    "SIGV4_REGION": "eu-west-1",
    "AWS_REGION": "eu-central-1",
    "FIREHOSE_ACCESS_KEY": ACCESS_KEY,
}
ASSUMING = {**SIGV4, "SIGV4_ROLE_ARN": ROLE}

Use = Callable[[tuple[str, Key]], None]


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Iterator[Use]:
    """Give what sets the environment's credentials, as Lambda does; at first temporary ones."""

    def set_key(key: tuple[str, Key]) -> None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key[0])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key[1].secret)
        monkeypatch.setenv("AWS_SESSION_TOKEN", key[1].token)

    with nobody() as url:
        aim_at(url, monkeypatch)
        set_key(TEMPORARY)
        yield set_key


@pytest.fixture(scope="module")
def running() -> Iterator[TokenService]:
    """Run one STS for all tests."""
    with running_token_service() as service:
        yield service


@pytest.fixture
def sts(running: TokenService, use: Use, monkeypatch: pytest.MonkeyPatch) -> TokenService:
    """Give STS in good health, as what boto3 asks."""
    use(TEMPORARY)
    monkeypatch.setenv("AWS_ENDPOINT_URL", running.url)
    # moto imports what it needs at the first request.
    monkeypatch.setattr(aws_credentials, "_READ_SECONDS", 60)
    running.heal()
    return running


def deliver(function: RecordingFunction) -> Recorded:
    """Deliver a data point."""
    return function.invoke(delivery_of(points(1), access_key=ACCESS_KEY))


def deliver_to(verifier: Verifier, settings: dict[str, str] = SIGV4) -> tuple[Recorded, int]:
    """Deliver a data point to a verifier; return also how many requests that took."""
    with Receiver(verifier) as receiver:
        return deliver(RecordingFunction(receiver.url, settings)), len(receiver.requests)


def error_of(recorded: Recorded) -> str:
    """Return the message that Firehose gets."""
    return str(json.loads(recorded.response["body"])["errorMessage"])


@pytest.mark.parametrize("key", [LASTING, TEMPORARY], ids=["lasting", "temporary"])
@pytest.mark.parametrize(
    "target", ["", "/", "//a/../b/", "/ü/%C3%BC/a%20b/~:;!(x)*", "?b=2&a=x%20y&a=/:+%2F&c"]
)
def test_accepted(use: Use, key: tuple[str, Key], target: str) -> None:
    """A request to any path, port and query is signed as it is sent, with its body and its time."""
    use(key)
    verifier = Verifier(KEYS)
    with Receiver(verifier) as receiver:
        recorded = deliver(RecordingFunction(f"{receiver.url}{target}", SIGV4))
    assert (recorded.status, len(verifier.dates)) == (200, 1), error_of(recorded)


@pytest.mark.usefixtures("use")
@pytest.mark.parametrize(
    ("to_2_0", "settings", "signed"),
    [
        (None, {"REMOTE_WRITE_PROTOBUF_MESSAGE": "io.prometheus.write.v2.Request"}, 1),
        (Reply(415), {"REMOTE_WRITE_PROTOBUF_MESSAGE": "io.prometheus.write.v2.Request"}, 1),
        (Reply(415), {"SEND_METADATA": "true"}, 2),
    ],
    ids=["2.0", "1.0 after 2.0", "metadata"],
)
def test_each_message_is_signed(
    to_2_0: Reply | None, settings: dict[str, str], signed: int
) -> None:
    """Requests of remote write 2.0, and those with metadata, are signed as they are sent."""
    verifier = Verifier(KEYS)
    with Receiver(verifier, to_2_0=to_2_0) as receiver:
        recorded = deliver(RecordingFunction(receiver.url, {**SIGV4, **settings}))
        assert receiver.violations == []
    assert (recorded.status, len(verifier.dates)) == (200, signed), error_of(recorded)


@pytest.mark.usefixtures("use")
def test_each_attempt_is_signed_anew() -> None:
    """A retry has a signature of its own time."""
    verifier = Verifier(KEYS, reply=sequence([Reply(503, delay_seconds=1.0), Reply()]))
    recorded, requests = deliver_to(verifier)
    assert (recorded.status, requests) == (200, 2)
    assert len(set(verifier.dates)) == 2


@pytest.mark.usefixtures("use")
@pytest.mark.parametrize(
    ("changed", "settings", "hint"),
    [
        ({"expired": {TEMPORARY[0]}}, {}, "the AWS credentials have expired"),
        ({"keys": {}}, {}, "AWS does not know the credentials"),
        (
            {"keys": {TEMPORARY[0]: Key("x", TEMPORARY[1].token)}},
            {},
            "no proxy changes the request",
        ),
        ({"region": "us-east-1"}, {}, "check SIGV4_REGION and SIGV4_SERVICE"),
        ({"region": "eu-central-1"}, {"SIGV4_REGION": "eu-west-1"}, "check SIGV4_REGION"),
        ({"service": "es"}, {}, "check SIGV4_REGION and SIGV4_SERVICE"),
        ({"now": lambda: time.time() + 1200}, {}, "clock and the listener's differ"),
        ({"now": lambda: time.time() - 1200}, {}, "clock and the listener's differ"),
        (
            {"reply": lambda _: Reply(403, body=b"User: x is not authorized to perform: aps:Rem")},
            {},
            "the role needs aps:RemoteWrite on the workspace",
        ),
        (
            {"reply": lambda _: Reply(403, body=b'{"message":"Missing Authentication Token"}')},
            {},
            "the URL is not that of a workspace's remote write",
        ),
    ],
)
def test_refused(changed: dict[str, object], settings: dict[str, str], hint: str) -> None:
    """A signature that is refused is answered with 401, what to do, and no secret."""
    verifier = Verifier(**{"keys": KEYS, **changed})  # type: ignore[arg-type] # mixed values
    recorded, requests = deliver_to(verifier, SIGV4 | settings)
    assert (recorded.status, requests) == (401, 1)
    assert "the listener does not accept the AWS signature (" in error_of(recorded)
    assert hint in error_of(recorded)
    text = json.dumps([recorded.response, recorded.lines])
    assert TEMPORARY[1].secret not in text
    assert TEMPORARY[1].token not in text


def test_fresh_credentials_in_the_environment(use: Use) -> None:
    """Credentials that are refused are looked for again, and the request is signed with them."""
    verifier = Verifier(KEYS)
    with Receiver(verifier) as receiver:
        function = RecordingFunction(receiver.url, SIGV4)
        assert deliver(function).status == 200
        verifier.expired.add(TEMPORARY[0])
        use(LASTING)
        assert deliver(function).status == 200
        assert len(receiver.requests) == 3


def test_assumed_role(sts: TokenService) -> None:
    """The role's credentials sign, which the function's own region gives, once for an hour."""
    verifier = Verifier(sts.keys)
    settings = {**ASSUMING, "SIGV4_EXTERNAL_ID": "customer-7"}
    with Receiver(verifier) as receiver:
        function = RecordingFunction(receiver.url, settings)
        assert [deliver(function).status for _ in range(2)] == [200, 200]
    (asked,) = sts.asked
    assert asked["region"] == "eu-central-1"
    assert (asked["RoleArn"], asked["ExternalId"]) == (ROLE, "customer-7")
    assert asked["RoleSessionName"] == "metric-stream-lambda"


@contextlib.contextmanager
def expiring(sts: TokenService) -> Iterator[tuple[RecordingFunction, Receiver]]:
    """Deliver once with a role's credentials, which AWS calls expired after that."""
    verifier = Verifier(sts.keys)
    with Receiver(verifier) as receiver:
        function = RecordingFunction(receiver.url, ASSUMING)
        assert deliver(function).status == 200
        verifier.expired.update(sts.keys)
        yield function, receiver


def test_renewed_in_time(sts: TokenService) -> None:
    """Credentials that end within minutes are renewed before a request is signed with them."""
    sts.lifetime = timedelta(minutes=5)
    with expiring(sts) as (function, receiver):
        assert deliver(function).status == 200
        assert len(receiver.requests) == 2


def test_renewed_after_a_refusal(sts: TokenService) -> None:
    """Where AWS calls a role's credentials expired, new ones sign the request again."""
    with expiring(sts) as (function, receiver):
        assert deliver(function).status == 200
        assert len(receiver.requests) == 3
    assert len(sts.asked) == 2


def test_refused_while_sts_fails(sts: TokenService) -> None:
    """Where AWS refuses credentials and STS gives no others, STS is asked once in a minute."""
    with expiring(sts) as (function, _):
        sts.error = ("403 x", "AccessDenied")
        recorded = [deliver(function) for _ in range(2)]
    assert [it.status for it in recorded] == [401, 401]
    assert all("the AWS credentials have expired" in error_of(it) for it in recorded)
    assert len(sts.asked) == 2


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (("403 x", "AccessDenied"), 401, "cannot assume the role of SIGV4_ROLE_ARN: AccessDenied"),
        (("400 x", "Throttling"), 503, "STS in eu-central-1 does not answer (Throttling)"),
    ],
)
def test_no_role(sts: TokenService, error: tuple[str, str], status: int, words: str) -> None:
    """Where STS gives no credentials, nothing is sent, and the answer says why."""
    sts.error = error
    recorded, requests = deliver_to(Verifier(sts.keys), ASSUMING)
    assert (recorded.status, requests) == (status, 0)
    assert words in error_of(recorded)


@pytest.mark.usefixtures("use")
def test_sts_that_cannot_be_reached() -> None:
    """Where no STS answers, as in a network without a way to it, the answer is 503."""
    recorded, _ = deliver_to(Verifier(KEYS), ASSUMING)
    assert recorded.status == 503
    assert "a NAT gateway or an endpoint of STS" in error_of(recorded)


def test_known_credentials_outlast_an_outage_of_sts(sts: TokenService) -> None:
    """While STS fails, the credentials in use are used on, with a warning a minute."""
    sts.lifetime = timedelta(minutes=5)
    verifier = Verifier(sts.keys)
    later = Later()
    with Receiver(verifier) as receiver:
        function = RecordingFunction(receiver.url, ASSUMING, later.clock)
        assert deliver(function).status == 200
        sts.error = ("500 x", "InternalFailure")
        recorded = [deliver(function) for _ in range(3)]
        asked = len(sts.asked)
        later.ahead += 60
        sts.error = None
        assert deliver(function).status == 200
    assert [it.status for it in recorded] == [200, 200, 200]
    warnings = [line for it in recorded for line in it.lines if line.get("level") == "WARNING"]
    assert len([it for it in warnings if "known credentials" in it["message"]]) == 1
    assert len(sts.asked) > asked


@pytest.mark.usefixtures("use")
def test_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process without any credentials is said to have none."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    recorded, requests = deliver_to(Verifier(KEYS))
    assert (recorded.status, requests) == (401, 0)
    assert "there are no AWS credentials to sign with" in error_of(recorded)


def test_no_open_relay() -> None:
    """Over HTTP a signature needs an access key to expect, as every credential of the operator."""
    with Receiver(accept) as receiver:
        settings = SIGV4 | {"FIREHOSE_ACCESS_KEY": ""}
        recorded = deliver(RecordingFunction(receiver.url, settings))
        assert receiver.requests == []
    assert recorded.status == 500
    assert "settings: REMOTE_WRITE_AUTH=sigv4 without FIREHOSE_ACCESS_KEY" in error_of(recorded)


@pytest.mark.usefixtures("use")
def test_replay(tmp_path: Path) -> None:
    """A replay signs too; a dry run needs no credentials."""
    write(tmp_path / FAILED / "1", failed_object(records_of_hosts("a")))
    verifier = Verifier(KEYS)
    with Receiver(verifier) as receiver:
        environ = environment(receiver.url, **SIGV4)
        assert run_in([str(tmp_path), "--dry-run"], environ).status == 0
        assert run_in([str(tmp_path)], environ).status == 0
    assert len(verifier.dates) == 1
