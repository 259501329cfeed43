"""The function's own account is read, and each account whose role it may assume."""

import threading

import pytest

from handler.clock import Clock
from testing.aws_environment import REGION
from testing.misbehaving import nobody
from testing.tagging_api import OWN_ACCOUNT, AwsError, Call, Fleet, TaggingApi
from tests.support.clocks import SOON
from tests.support.tag_reading import GET_RESOURCES, GROUPS, LINKED, ROLE, instance, read_all

OTHER = "777788889999"
OTHER_ROLE = f"arn:aws:iam::{OTHER}:role/path/tags"
OWN_ROLE = f"arn:aws:iam::{OWN_ACCOUNT}:role/tags"


@pytest.fixture
def fleets(aws: TaggingApi) -> TaggingApi:
    """Give each account an instance of its own."""
    aws.fleets = {
        account: Fleet([(instance(1, account), {"Team": "a"})])
        for account in (OWN_ACCOUNT, LINKED, OTHER)
    }
    return aws


@pytest.mark.parametrize(
    ("roles", "accounts"),
    [
        ("", [OWN_ACCOUNT]),
        (ROLE, [OWN_ACCOUNT, LINKED]),
        (f"{ROLE}, {OTHER_ROLE}", [OWN_ACCOUNT, LINKED, OTHER]),
        ([OTHER_ROLE, ROLE], [OWN_ACCOUNT, OTHER, LINKED]),
        (f"{ROLE},{ROLE}", [OWN_ACCOUNT, LINKED]),
        (f"{ROLE},{ROLE}-2", [OWN_ACCOUNT, LINKED]),
        (f"{OWN_ROLE},{ROLE}", [OWN_ACCOUNT, LINKED]),
    ],
)
def test_each_account_once(fleets: TaggingApi, roles: str | list[str], accounts: list[str]) -> None:
    """Each account is read once, with the credentials of its role, in the function's region."""
    readings = read_all(TAG_ROLE_ARNS=roles)
    assert [*readings] == accounts
    for account, reading in readings.items():
        assert (reading.account, reading.region, reading.errors) == (account, REGION, [])
        assert [*reading.resources] == [instance(1, account)]
    assert {call.region for call in fleets.calls} == {REGION}
    assert fleets.count("sts:AssumeRole") == len(accounts) - 1


def test_external_id(fleets: TaggingApi) -> None:
    """TAG_EXTERNAL_ID is what the roles ask for; a role is assumed for 15 minutes."""
    fleets.fleets = {it: Fleet(external_id="e-1") for it in (OWN_ACCOUNT, LINKED)}
    assert read_all(TAG_ROLE_ARNS=ROLE, TAG_EXTERNAL_ID="e-1")[LINKED].errors == []
    (asked,) = (call.asked for call in fleets.calls if call.action == "sts:AssumeRole")
    assert asked["RoleArn"] == ROLE
    assert asked["DurationSeconds"] == "900"
    assert read_all(TAG_ROLE_ARNS=ROLE)[LINKED].errors != []


def test_role_is_denied(fleets: TaggingApi) -> None:
    """An account whose role cannot be assumed is one error, and the others are read."""

    def deny(call: Call) -> None:
        if call.asked.get("RoleArn") == ROLE:
            raise AwsError("AccessDenied", 403)

    fleets.before = deny
    readings = read_all(TAG_ROLE_ARNS=f"{ROLE},{OTHER_ROLE}")
    assert [len(it.resources) for it in readings.values()] == [1, 0, 1]
    (error,) = (error for it in readings.values() for error in it.errors)
    assert str(error).startswith(f"account {LINKED}: sts:AssumeRole: AccessDenied: ")
    assert "the role must trust the function's role" in str(error)


def test_account_is_denied(fleets: TaggingApi) -> None:
    """What one account denies does not keep the next one from being read."""

    def deny(call: Call) -> None:
        if call.account == LINKED:
            raise AwsError("AccessDeniedException")

    fleets.before = deny
    readings = read_all(TAG_ROLE_ARNS=f"{ROLE},{OTHER_ROLE}")
    assert [len(it.resources) for it in readings.values()] == [1, 0, 1]
    assert {error.account for it in readings.values() for error in it.errors} == {LINKED}


@pytest.mark.usefixtures("fleets")
def test_each_account_has_its_own_pace() -> None:
    """An account does not wait for the calls of another one: AWS counts each account apart."""
    waits: list[float] = []
    clock = Clock(monotonic=lambda: 0.0, wait=lambda _event, seconds: waits.append(seconds))
    read_all(clock, TAG_ROLE_ARNS=ROLE)
    # The second call of the own account; the second and third one of the linked account, which
    # begin with AssumeRole.
    assert sorted(waits) == pytest.approx([0.1, 0.1, 0.2])


def test_accounts_are_read_at_once(fleets: TaggingApi) -> None:
    """An account that answers late delays no other."""
    linked_is_read = threading.Event()

    def answer_late(call: Call) -> None:
        if call.account == LINKED and call.action == GROUPS:
            linked_is_read.set()
        elif call.account == OWN_ACCOUNT and call.action == GET_RESOURCES:
            assert linked_is_read.wait(SOON)

    fleets.before = answer_late
    readings = read_all(TAG_ROLE_ARNS=ROLE)
    assert [(len(it.resources), it.errors) for it in readings.values()] == [(1, []), (1, [])]


def test_nobody_answers(
    fleets: TaggingApi, backoffs: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no connection is possible, the error says what a private network needs."""
    with nobody() as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_RESOURCE_GROUPS_TAGGING_API", url)
        (reading,) = read_all().values()
    (error,) = reading.errors
    assert ": tag:GetResources: EndpointConnectionError: " in str(error)
    assert str(error).endswith("the function needs a NAT gateway or an endpoint")
    assert len(backoffs) == 4
    assert fleets.count("tagging:GetResources") == 0


def test_no_credentials(fleets: TaggingApi, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there are no credentials at all, that is an error like any other."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    (reading,) = read_all().values()
    assert "NoCredentialsError" in str(reading.errors[0])
    assert fleets.calls == []
