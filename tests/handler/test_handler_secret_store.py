"""The token and the access key out of Secrets Manager and SSM, read by a real boto3 client."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable

import pytest

from handler.secrets import fetcher
from testing.aws_environment import environment_for
from testing.events import ingresses
from testing.http_server import Reply
from testing.receiver import Receiver
from testing.replies import always
from tests.support.invoking import (
    ACCESS_KEY,
    deliver,
    delivery_of,
    function_for,
    invoke,
    points,
    record_of,
)
from tests.support.secret_stores import KEY_ARN, MISSING, TOKEN_ARN, Stores

# Each test starts a secret store.
pytestmark = pytest.mark.slow

TOKEN = "QWZ7f3b9e51c8d24a60"

Keeping = Callable[[Stores, str], str]
"""Puts a text into a store, and returns the ARN."""


def unique() -> str:
    """Return a name that nothing else in the stores has."""
    return f"name-{uuid.uuid4()}"


KEPT: dict[str, Keeping] = {
    "secret as JSON": lambda stores, text: stores.secret(json.dumps({"api_key": text, "x": 1})),
    "secret as text": lambda stores, text: stores.secret(f" {text}\n"),
    "secure parameter": lambda stores, text: stores.parameter(text, unique()),
    "plain parameter": lambda stores, text: stores.parameter(text, unique(), "String"),
    "parameter with a path": lambda stores, text: stores.parameter(text, f"/a/b/{unique()}"),
    "parameter as JSON": lambda stores, text: stores.parameter(
        json.dumps({"api_key": text}), f"/{unique()}"
    ),
}


@pytest.fixture(params=KEPT)
def keep(request: pytest.FixtureRequest) -> Keeping:
    """Give each way to keep a secret."""
    return KEPT[request.param]


def tokens_of(receiver: Receiver) -> list[str]:
    """Return the header Authorization of each request."""
    return [received.headers.get("authorization", "") for received in receiver.requests]


def test_token_for_transformation(stores: Stores, keep: Keeping) -> None:
    """A transformation ships with the token out of the store."""
    arn = keep(stores, TOKEN)
    with Receiver() as receiver:
        function = function_for(receiver.url, **{TOKEN_ARN: arn})
        answer = function(ingresses.transformation([record_of(points(1))]), None)
    assert [record["result"] for record in answer["records"]] == ["Dropped"]
    assert tokens_of(receiver) == [f"Bearer {TOKEN}"]


@pytest.mark.parametrize("keep", [KEPT["secret as JSON"], KEPT["secure parameter"]])
def test_access_key(stores: Stores, keep: Keeping) -> None:
    """The access key out of the store is accepted, and is the token where there is none."""
    arn = keep(stores, ACCESS_KEY)
    with Receiver() as receiver:
        function = function_for(receiver.url, **{KEY_ARN: arn})
        assert invoke(function, delivery_of(points(1))).status == 200
        assert invoke(function, delivery_of(points(1), access_key="other")).status == 401
        assert invoke(function, delivery_of(points(1), access_key=None)).status == 400
    assert tokens_of(receiver) == [f"Bearer {ACCESS_KEY}"]


@pytest.mark.parametrize("keep", [KEPT["secret as text"], KEPT["secure parameter"]])
def test_fetched_once(stores: Stores, keep: Keeping) -> None:
    """Many deliveries read the store once: one read for each version, and no more."""
    settings = {TOKEN_ARN: keep(stores, TOKEN), KEY_ARN: stores.secret(ACCESS_KEY)}
    with Receiver() as receiver:
        function = function_for(receiver.url, **settings)
        assert stores.reads == []
        statuses = [invoke(function, delivery_of(points(1))).status for _ in range(5)]
    assert statuses == [200] * 5
    # The key's current and previous version; the token's, where its store numbers versions,
    # is known to be the first.
    assert len(stores.reads) == 2 + (2 if ":secretsmanager:" in settings[TOKEN_ARN] else 1)


def test_refused_request_reads_nothing(stores: Stores) -> None:
    """A request without a key costs no read; one with a wrong key does not read the token."""
    settings = {TOKEN_ARN: stores.secret(TOKEN), KEY_ARN: stores.secret(ACCESS_KEY)}
    function = function_for("https://listener.example.com", **settings)
    assert invoke(function, delivery_of(points(1), access_key=None)).status == 400
    assert stores.reads == []
    assert invoke(function, delivery_of(points(1), access_key="wrong")).status == 401
    assert {asked["SecretId"] for asked in stores.reads} == {settings[KEY_ARN]}


def test_no_authorization_reads_no_token(stores: Stores) -> None:
    """REMOTE_WRITE_AUTH=none needs no token, and reads none."""
    settings = {TOKEN_ARN: MISSING, "FIREHOSE_ACCESS_KEY": ACCESS_KEY, "REMOTE_WRITE_AUTH": "none"}
    answer, receiver = deliver(settings=settings)
    assert (answer.status, tokens_of(receiver), stores.reads) == (200, [""], [])


def test_previous_version_of_a_parameter(stores: Stores) -> None:
    """A parameter's version before the current one is known too; older ones are not."""
    name = unique()
    for text in ("first", "second", "third"):
        arn = stores.parameter(text, name)
    assert fetcher(arn)() == ("third", "second")


def test_versions_of_a_parameter_are_of_one_moment(stores: Stores) -> None:
    """A parameter that is replaced while it is read gives two versions that were neighbours."""
    name = unique()
    stores.parameter("first", name)
    arn = stores.parameter("second", name)

    def replace(_asked: object) -> None:
        if len(stores.reads) == 2:
            stores.parameter("third", name)

    stores.fault = replace
    assert fetcher(arn)() in {("second", "first"), ("third", "second")}


@pytest.mark.parametrize("text", ["", "{}", "line\nbreak", '{"api_key": 5}'])
def test_unusable_previous_version(stores: Stores, text: str) -> None:
    """An unusable previous version, such as a placeholder, is ignored."""
    arn = stores.secret(text or " ")
    stores.change(arn, ACCESS_KEY)
    assert deliver(settings={KEY_ARN: arn})[0].error == ""


@pytest.mark.parametrize(
    ("keep", "code", "status"),
    [
        ("secret", "AccessDeniedException", 200),
        ("secret", "DecryptionFailure", 200),
        ("secret", "ThrottlingException", 500),
        ("parameter", "InvalidKeyId", 200),
        ("parameter", "InternalServerError", 500),
    ],
)
def test_previous_version_that_cannot_be_read(
    stores: Stores, keep: str, code: str, status: int
) -> None:
    """A previous version under a key that is lost is left out; one that is there is awaited."""
    if keep == "secret":
        arn = stores.secret("before")
        stores.change(arn, ACCESS_KEY)
    else:
        name = unique()
        stores.parameter("before", name)
        arn = stores.parameter(ACCESS_KEY, name)

    def refuse(asked: object) -> str | None:
        is_previous = "AWSPREVIOUS" in str(asked) or f"{arn}:1" in str(asked)
        return code if is_previous else None

    stores.fault = refuse
    assert deliver(settings={KEY_ARN: arn})[0].status == status


_IN_A_PROCESS_OF_ITS_OWN = """
import json, sys
import handler.app
from tests.support.invoking import delivery_of, function_for, invoke, points

def loaded():
    # Powertools looks whether there is a botocore, and imports nothing more of it.
    return sorted({"boto3", "botocore.session", "tags"} & set(sys.modules))

url, arn = sys.argv[1:]
loaded_by_step = [loaded()]
plain = function_for(url, LOGZIO_METRICS_TOKEN="t", FIREHOSE_ACCESS_KEY="k")
loaded_by_step.append([invoke(plain, delivery_of(points(1), access_key="k")).status, *loaded()])
stored = function_for(url, FIREHOSE_ACCESS_KEY_ARN=arn)
loaded_by_step.append([invoke(stored, delivery_of(points(1), access_key=None)).status, *loaded()])
loaded_by_step.append([invoke(stored, delivery_of(points(1), access_key="k")).status, *loaded()])
print(json.dumps(loaded_by_step), file=sys.stderr)
"""


def test_boto3_is_imported_when_a_secret_is_fetched(stores: Stores) -> None:
    """boto3 is not imported with plain settings, nor before a stored secret is needed."""
    with Receiver(always(Reply())) as receiver:
        done = subprocess.run(
            [sys.executable, "-c", _IN_A_PROCESS_OF_ITS_OWN, receiver.url, stores.secret("k")],
            env={**os.environ, **environment_for(stores.url)},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    both = ["boto3", "botocore.session"]
    assert json.loads(done.stderr.splitlines()[-1]) == [[], [200], [400], [200, *both]]
