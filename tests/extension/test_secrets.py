"""Tokens out of Secrets Manager and SSM, without boto3, in bounded time; their signatures."""

import json
import time
import uuid
from calendar import timegm
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from hypothesis import given
from hypothesis import strategies as st

from extension.errors import SecretError, SettingsError
from extension.secrets import Token, fetch_secret, secret_value
from extension.sigv4 import Credentials, signed
from tests.support.endpoints import Endpoint, dripping
from tests.support.extension_parts import LONG
from tests.support.properties import examples
from tests.support.secret_stores import Stores

TOKEN = "QWZ7f3b9e51c8d24a60"
REGION = "eu-central-1"
ARN = f"arn:aws:secretsmanager:{REGION}:123456789012:secret:missing-a1B2c3"
# The stores of the tests load a service with its first request.
MINUTE = 60.0
KEYS = {
    "AWS_REGION": REGION,
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "s3cr3t",
    "AWS_SESSION_TOKEN": "session",
}


@pytest.fixture(scope="module")
def running() -> Iterator[Stores]:
    """Run the stores for all tests of this module."""
    from tests.support.secret_stores import running_stores  # noqa: PLC0415 - moto needs a second to load

    with running_stores() as stores:
        yield stores


@pytest.fixture
def stores(running: Stores) -> Stores:
    """Give the stores in good health."""
    running.heal()
    return running


def fetched(url: str, reference: str, environ: Mapping[str, str] = KEYS) -> str:
    """Return the token from a store at a URL."""
    environ = {**environ, "AWS_ENDPOINT_URL": url}
    return fetch_secret(reference, environ, now=time.time, seconds=MINUTE)


@pytest.mark.slow
@pytest.mark.parametrize(
    "keep",
    [
        lambda stores: stores.secret(TOKEN),
        lambda stores: stores.secret(f" {TOKEN}\n"),
        lambda stores: stores.secret(json.dumps({"api_key": TOKEN, "x": 1})),
        lambda stores: stores.secret(TOKEN.encode()),
        lambda stores: stores.parameter(TOKEN, f"name-{uuid.uuid4()}"),
        lambda stores: stores.parameter(TOKEN, f"/plain/{uuid.uuid4()}", "String"),
        lambda stores: stores.parameter(json.dumps({"api_key": TOKEN}), f"/{uuid.uuid4()}"),
        lambda stores: stores.parameter(TOKEN, f"/n/{uuid.uuid4()}").rpartition("parameter")[2],
    ],
)
def test_kept(stores: Stores, keep: Callable[[Stores], str]) -> None:
    """A secret is read wherever it is kept, by its ARN or a parameter's name, in one call."""
    assert fetched(stores.url, keep(stores)) == TOKEN
    assert len(stores.reads) == 1


def test_changed(stores: Stores) -> None:
    """The current version is read."""
    arn = stores.secret("old")
    stores.change(arn, TOKEN)
    assert fetched(stores.url, arn) == TOKEN


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL_SECRETS_MANAGER", "AWS_ENDPOINT_URL"])
def test_endpoints(stores: Stores, variable: str) -> None:
    """The endpoint of the service takes precedence over that of all services."""
    environ = {**KEYS, "AWS_ENDPOINT_URL": "http://127.0.0.1:1", variable: stores.url}
    arn = stores.secret(TOKEN)
    assert fetch_secret(arn, environ, now=time.time, seconds=MINUTE) == TOKEN


@pytest.mark.parametrize(
    "content", ["", "  ", "{", "{}", '{"api_key":5}', '{"api_key":""}', '{"other":"s3cr3t"}']
)
def test_no_token(content: str) -> None:
    """A text without a token is an error that does not repeat it."""
    with pytest.raises(ValueError, match="is ") as caught:
        secret_value(content)
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize(
    ("refer", "text"),
    [
        (lambda _: ARN, "ResourceNotFoundException"),
        (lambda _: "/missing", "ParameterNotFound"),
        (lambda stores: stores.secret(), "ResourceNotFoundException"),
        (lambda stores: stores.secret(b"\xff\xfe"), "is binary"),
    ],
    ids=["no secret", "no parameter", "secret without a value", "binary secret"],
)
def test_missing(stores: Stores, refer: Callable[[Stores], str], text: str) -> None:
    """What the store does not have, or not as text, is an error that says so."""
    with pytest.raises(SecretError, match=text):
        fetched(stores.url, refer(stores))


@pytest.mark.parametrize(
    ("environ", "text"),
    [
        ({"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "s3cr3t"}, "AWS_REGION"),
        ({"AWS_REGION": REGION}, "credentials"),
        ({**KEYS, "AWS_SECRET_ACCESS_KEY": ""}, "credentials"),
        ({**KEYS, "AWS_ENDPOINT_URL": "nonsense"}, "AWS_ENDPOINT_URL"),
        (
            {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://example.com/", "AWS_REGION": REGION},
            "FULL_URI",
        ),
        ({"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:1/"}, "does not respond"),
    ],
)
def test_environment(environ: dict[str, str], text: str) -> None:
    """A missing region, missing credentials or a wrong endpoint are reported as such."""
    with pytest.raises(SecretError, match=text):
        fetch_secret("/name" if text == "AWS_REGION" else ARN, environ, now=time.time)


@pytest.mark.parametrize(
    ("reference", "is_one"),
    [
        (ARN, True),
        ("arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:x", True),
        (f"arn:aws:ssm:{REGION}:123456789012:parameter/a/b", True),
        (f"arn:aws:ssm:{REGION}:123456789012:secret:x", False),
        (f"arn:aws:secretsmanager:{REGION}:123456789012:parameter/a", False),
        ("arn:aws:s3:::bucket", False),
        ("/a/b", True),
        ("name", True),
        ("a b", False),
        ("\n", False),
    ],
)
def test_references(reference: str, is_one: bool) -> None:
    """ARNs of secrets and parameters, and names of parameters, are references."""
    expected = nullcontext() if is_one else pytest.raises(SettingsError, match="must be the ARN")
    with expected:
        assert Token("NAME", "", reference, str, time.time).stored


def role(**members: object) -> bytes:
    """Return the response of the credentials endpoint."""
    return json.dumps({"AccessKeyId": "AKID", "SecretAccessKey": "s3cr3t", **members}).encode()


def from_role(endpoint: Endpoint) -> dict[str, str]:
    """Return an environment as it is with SnapStart."""
    return {
        "AWS_REGION": REGION,
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{endpoint.url}/creds",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": "container-token",
    }


def test_role_signs() -> None:
    """Without keys in the environment those of the role's endpoint sign, as with SnapStart."""
    secret = json.dumps({"SecretString": TOKEN}).encode()
    with Endpoint(200, role(Token="session")) as endpoint, Endpoint(200, secret) as store:
        assert fetched(store.url, ARN, from_role(endpoint)) == TOKEN
    assert endpoint.authorizations == ["container-token"]
    (authorization,) = store.authorizations
    assert "Credential=AKID/" in authorization
    assert "x-amz-security-token" in authorization
    assert f"/{REGION}/secretsmanager/aws4_request" in authorization
    assert "s3cr3t" not in authorization


@pytest.mark.slow
@pytest.mark.parametrize(
    ("status", "body"),
    [(404, b""), (200, b""), (200, b"[]"), (200, b'{"AccessKeyId":1,"SecretAccessKey":2}')],
)
def test_role_that_fails(status: int, body: bytes) -> None:
    """A role's endpoint without credentials is an error."""
    with Endpoint(status, body) as endpoint, pytest.raises(SecretError, match="FULL_URI"):
        fetched("http://127.0.0.1:1", ARN, from_role(endpoint))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("status", "body", "text"),
    [
        (500, b"<html>s3cr3t", "HTTP 500"),
        (400, b'{"__type":"com.amazonaws#AccessDeniedException"}', "AccessDeniedException"),
        (400, b'{"__type":"s3cr3t: the value"}', "HTTP 400"),
        (302, b"", "HTTP 302"),
        (200, b"s3cr3t", "is empty"),
        (200, b'{"SecretString":["s3cr3t"]}', "is empty"),
        (200, b'{"SecretBinary":"%"}', "SecretError|is "),
        (200, b'{"SecretString":"{s3cr3t"}', "api_key"),
    ],
)
def test_hostile_store(status: int, body: bytes, text: str) -> None:
    """The error for any response has its kind, and never its content."""
    with Endpoint(status, body) as store, pytest.raises(SecretError, match=text) as caught:
        fetched(store.url, ARN)
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize("which", ["store", "role"])
def test_bounded(which: str) -> None:
    """A store or role endpoint that drips is abandoned after the total time."""
    began = time.monotonic()
    with dripping() as url:
        environ = {**KEYS, "AWS_ENDPOINT_URL": url}
        if which == "role":
            environ = {"AWS_REGION": REGION, "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{url}/x"}
        with pytest.raises(SecretError):
            fetch_secret(ARN, environ, now=time.time, seconds=1.0)
    assert time.monotonic() - began < LONG / 2


KEY = "AKIDEXAMPLE"
SCOPE = ("service", "us-east-1", timegm((2015, 8, 30, 12, 36, 0)))


@examples(100)
@given(
    st.binary(max_size=50),
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40),
    st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=40),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=40),
)
def test_like_botocore(body: bytes, secret: str, token: str, target: str) -> None:
    """Whatever is signed, botocore signs it the same way at the same moment."""
    headers = {"host": "ssm.eu-central-1.amazonaws.com", "x-amz-target": target}
    request = AWSRequest("POST", f"https://{headers['host']}/", dict(headers), body)
    result = signed(headers, body, Credentials(KEY, secret, token), *SCOPE)
    request.context["timestamp"] = result["x-amz-date"]
    if token:
        request.headers["X-Amz-Security-Token"] = token
    request.headers["X-Amz-Date"] = result["x-amz-date"]
    auth = SigV4Auth(BotocoreCredentials(KEY, secret, token or None), "service", "us-east-1")
    expected = auth.signature(
        auth.string_to_sign(request, auth.canonical_request(request)), request
    )
    assert result["authorization"].endswith(f"Signature={expected}")
