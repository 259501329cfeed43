"""Secrets that cannot be read or used: a 500 that says why, and never a part of a secret."""

import logging
import time

import pytest

from handler import secrets as secret_stores
from handler.secrets import fetcher
from testing.aws_environment import REGION
from testing.http_server import Reply
from testing.misbehaving import nobody
from testing.receiver import Received, Receiver
from testing.replies import accept, always
from tests.support.clocks import SOON
from tests.support.invoking import (
    ACCESS_KEY,
    REQUEST_ID,
    deliver,
    delivery_of,
    function_at,
    function_for,
    invoke,
    json_lines,
    points,
)
from tests.support.secret_stores import (
    KEY_ARN,
    MINUTE,
    MISSING,
    TOKEN_ARN,
    Later,
    Stores,
    aim_at,
)

# Each test starts a secret store.
pytestmark = pytest.mark.slow

TOKEN = "QWZ7f3b9e51c8d24a60"
MISSING_PARAMETER = f"arn:aws:ssm:{REGION}:123456789012:parameter/missing"


def error_with(variable: str, arn: str) -> str:
    """Deliver with one of the secrets at an ARN; return the error of a 500."""
    settings = {"FIREHOSE_ACCESS_KEY": ACCESS_KEY} if variable == TOKEN_ARN else {}
    answer, receiver = deliver(settings={**settings, variable: arn})
    assert (answer.status, receiver.requests) == (500, [])
    return answer.error


@pytest.mark.parametrize(
    ("arn", "code"),
    [
        (MISSING, "ResourceNotFoundException"),
        (MISSING_PARAMETER, "ParameterNotFound"),
        # It is there, and never got a version.
        ("", "ResourceNotFoundException"),
    ],
)
@pytest.mark.parametrize("variable", [TOKEN_ARN, KEY_ARN])
def test_missing(stores: Stores, variable: str, arn: str, code: str) -> None:
    """A secret without a value is a 500 that names the variable and the store's error."""
    arn = arn or stores.secret()
    assert stores.reads == []
    assert error_with(variable, arn) == f"cannot read the secret of {variable}: {code}"


@pytest.mark.parametrize(
    ("store", "code"), [("secret", "ThrottlingException"), ("parameter", "AccessDeniedException")]
)
def test_refused(stores: Stores, store: str, code: str) -> None:
    """A store that refuses is a 500 with its code, and is asked again by the next delivery."""
    is_secret = store == "secret"
    arn = stores.secret(ACCESS_KEY) if is_secret else stores.parameter(ACCESS_KEY, "refused")
    settings = {KEY_ARN: arn}
    stores.fault = lambda _asked: code
    with Receiver() as receiver:
        function = function_for(receiver.url, **settings)
        answer = invoke(function, delivery_of(points(1)))
        assert (answer.status, receiver.requests) == (500, [])
        assert answer.error == f"cannot read the secret of {KEY_ARN}: {code}"
        stores.heal()
        assert invoke(function, delivery_of(points(1))).status == 200


def test_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that cannot be reached is a 500 with the error's name."""
    with nobody() as url:
        aim_at(url.removesuffix("/write"), monkeypatch)
        for arn in (MISSING, MISSING_PARAMETER):
            expected = f"cannot read the secret of {TOKEN_ARN}: EndpointConnectionError"
            assert error_with(TOKEN_ARN, arn) == expected


@pytest.mark.parametrize("arn", [MISSING, MISSING_PARAMETER], ids=["secret", "parameter"])
def test_stalling(stores: Stores, arn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that never answers is given up after two attempts of bounded length."""
    monkeypatch.setattr(secret_stores, "_READ_SECONDS", 0.2)
    stores.open.clear()
    begun = time.monotonic()
    expected = f"cannot read the secret of {TOKEN_ARN}: ReadTimeoutError"
    assert error_with(TOKEN_ARN, arn) == expected
    assert time.monotonic() - begun < SOON
    # The second may be given up before the store has seen it.
    assert stores.wait_for_reads(2)
    assert len(stores.reads) == 2


def test_endpoint_is_no_url(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of boto3 before its request is reported by its name alone."""
    aim_at("nonsense", monkeypatch)
    assert error_with(TOKEN_ARN, MISSING) == f"cannot read the secret of {TOKEN_ARN}: ValueError"


NO_API_KEY = 'is a JSON object without the text "api_key"'
NO_HEADER = "is empty or has characters that an HTTP header cannot carry"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f'{{"token": "{TOKEN}"}}', NO_API_KEY),
        ('{"api_key": ""}', NO_API_KEY),
        (f'{{"api_key": ["{TOKEN}"]}}', NO_API_KEY),
        (f"{{{TOKEN}", "begins with { and is not JSON"),
        (" ", NO_HEADER),
        (f"{TOKEN}\nX: y", NO_HEADER),
        (f'{{"api_key": "{TOKEN}\\n"}}', NO_HEADER),
        (f"{TOKEN}\u20ac", NO_HEADER),
        (b"token\xff", NO_HEADER),
    ],
    ids=ascii,
)
def test_unusable(stores: Stores, text: str | bytes, problem: str) -> None:
    """A secret that no header can carry is a 500 that says why, and repeats nothing of it."""
    assert error_with(TOKEN_ARN, stores.secret(text)) == f"the secret of {TOKEN_ARN} {problem}"


def test_binary_secret(stores: Stores) -> None:
    """A secret stored as bytes is their text."""
    assert fetcher(stores.secret(TOKEN.encode()))() == (TOKEN,)


@pytest.mark.parametrize("status", [200, 400, 401])
def test_stored_secrets_are_not_logged(
    status: int,
    stores: Stores,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Neither the function nor boto3 writes a stored secret, though the listener repeats it."""
    before, old_key = "GHV58d3e1c90b7a", "ZPK6a2c8f41d"
    settings = {TOKEN_ARN: stores.secret(before), KEY_ARN: stores.secret(old_key)}
    stores.change(settings[TOKEN_ARN], TOKEN)
    stores.change(settings[KEY_ARN], ACCESS_KEY)

    def reply(received: Received) -> Reply:
        said = f"{dict(received.headers)} {before} {old_key} {ACCESS_KEY}"
        return Reply(status, body=said.encode())

    # As the root logger of a function whose application log level is DEBUG.
    caplog.set_level(logging.DEBUG)
    answer, receiver = deliver(reply, settings={"POWERTOOLS_LOG_LEVEL": "DEBUG", **settings})
    assert len(receiver.requests) >= 1
    captured = capfd.readouterr()
    written = captured.out + captured.err + caplog.text + answer.error
    assert '"message":"delivery"' in written
    assert [secret for secret in (TOKEN, before, ACCESS_KEY, old_key) if secret in written] == []


@pytest.mark.parametrize("asker", ["another key", "listener"])
def test_failed_renewal_is_logged(
    asker: str, stores: Stores, capsys: pytest.CaptureFixture[str]
) -> None:
    """A store that refuses a second read is logged in one warning, beside the 401 it leads to."""
    settings = {TOKEN_ARN: stores.secret(TOKEN), KEY_ARN: stores.secret(ACCESS_KEY)}
    later = Later()
    if asker == "listener":
        key, variable, answer = ACCESS_KEY, TOKEN_ARN, always(Reply(401))
    else:
        key, variable, answer = "QZX4another1key", KEY_ARN, accept
    with Receiver(answer) as receiver:
        function = function_at(later.clock, receiver.url, **settings)
        invoke(function, delivery_of(points(1)))
        capsys.readouterr()
        later.ahead += MINUTE
        stores.fault = lambda _asked: "AccessDeniedException"
        assert invoke(function, delivery_of(points(1), access_key=key)).status == 401
    lines = json_lines(capsys.readouterr().out)
    warnings = [line for line in lines if line.get("level") == "WARNING"]
    reason = f"cannot read the secret of {variable}: AccessDeniedException"
    assert [line["message"] for line in warnings] == [f"{reason}; the known version stays in use"]
    assert warnings[0]["firehose_request_id"] == REQUEST_ID
    assert TOKEN not in str(lines)
