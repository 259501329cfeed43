"""Which destinations there are, and what is reported about those that cannot be used."""

import pytest

from extension.destinations import choose
from extension.destinations.responses import Meaning
from extension.errors import SecretError
from extension.http_client import Response
from tests.support.log_destinations import ACCOUNT, ENOUGH, FUNCTION, NOW, body_of, chosen, record

ARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:token-a1B2c3"
EVERYTHING = {name: value for settings in ENOUGH.values() for name, value in settings.items()}

MISSING: list[tuple[str, dict[str, str], str]] = [
    # Destination, its settings, the variable that the problem names.
    ("logzio", {}, "LOGZIO_LOGS_TOKEN"),
    ("logzio", {"LOGZIO_LOGS_TOKEN": " "}, "LOGZIO_LOGS_TOKEN"),
    ("logzio", {"LOGZIO_LOGS_TOKEN": "s3cret\n2"}, "LOGZIO_LOGS_TOKEN"),
    ("logzio", {"LOGZIO_LOGS_TOKEN": "s3crét"}, "LOGZIO_LOGS_TOKEN"),
    ("logzio", {"LOGZIO_LOGS_TOKEN": "s3cret", "LOGZIO_LOGS_TOKEN_ARN": ARN}, "not both"),
    ("logzio", {"LOGZIO_LOGS_TOKEN_ARN": "arn:aws:s3:::bucket"}, "LOGZIO_LOGS_TOKEN_ARN"),
    ("logzio", {"LOGZIO_LOGS_TOKEN": "s3cret", "AWS_REGION": "sa-east-1"}, "LOGZIO_LISTENER"),
    ("logzio", {"LOGZIO_LOGS_TOKEN": "s3cret", "LOGZIO_REGION": "mars"}, "LOGZIO_LISTENER"),
    ("logzio", {"LOGZIO_LOGS_TOKEN": "s3cret", "LOGZIO_LISTENER": "ftp://x"}, "LOGZIO_LISTENER"),
    ("logzio", {"LOGZIO_LOGS_TOKEN": "s3cret", "LOGZIO_LISTENER": "https://u:p@x"}, "LISTENER"),
    ("logzio", {"LOGZIO_LOGS_TOKEN": "s3cret", "LOGZIO_LISTENER": "https://x?a"}, "LISTENER"),
    ("logzio", {"LOGZIO_LOGS_TOKEN": "s3cret", "LOGZIO_LISTENER": "https://x:99999"}, "LISTENER"),
    ("logzio", {"LOGZIO_LOGS_TOKEN": "s3cret", "LOGZIO_LISTENER": "https://"}, "LISTENER"),
    ("loki", {}, "LOKI_URL"),
    ("loki", {"LOKI_URL": "loki url"}, "LOKI_URL"),
    ("loki", {"LOKI_IP": "tcp://x"}, "LOKI_IP"),
    ("loki", {"LOKI_URL": "https://x", "LOKI_USERNAME": "u"}, "LOKI_PASSWORD"),
    ("loki", {"LOKI_URL": "https://x", "LOKI_PASSWORD": "s3cret"}, "LOKI_USERNAME"),
    (
        "loki",
        {"LOKI_URL": "https://x", "LOKI_USERNAME": "a:b", "LOKI_PASSWORD": "s3cret"},
        "LOKI_USERNAME",
    ),
    (
        "loki",
        {"LOKI_URL": "https://x", "LOKI_USERNAME": "u", "LOKI_BEARER_TOKEN": "s3cret"},
        "LOKI_BEARER_TOKEN",
    ),
    ("loki", {"LOKI_URL": "https://x", "LOKI_TENANT_ID": "a\r\nb"}, "LOKI_TENANT_ID"),
    ("openobserve", {"O2_AUTHORIZATION_HEADER": "s3cret"}, "O2_ORGANIZATION_ID"),
    ("openobserve", {"O2_ORGANIZATION_ID": "org"}, "O2_AUTHORIZATION_HEADER"),
    (
        "openobserve",
        {"O2_ORGANIZATION_ID": "a/b", "O2_AUTHORIZATION_HEADER": "s3cret"},
        "O2_ORGANIZATION_ID",
    ),
    ("openobserve", {**ENOUGH["openobserve"], "O2_STREAM": "a b"}, "O2_STREAM"),
    ("openobserve", {**ENOUGH["openobserve"], "O2_ENDPOINT": "o2"}, "O2_ENDPOINT"),
    ("datatap", {"BD_TAP_CLIENT_TOKEN": "s3cret"}, "BD_DATA_TAP_URL"),
    ("datatap", {"BD_DATA_TAP_URL": "https://x"}, "BD_TAP_CLIENT_TOKEN"),
    ("datatap", {"BD_DATA_TAP_URL": "x", "BD_TAP_CLIENT_TOKEN": "s3cret"}, "BD_DATA_TAP_URL"),
]


@pytest.mark.parametrize(("name", "environ", "variable"), MISSING)
def test_left_out(name: str, environ: dict[str, str], variable: str) -> None:
    """A destination that cannot be used is left out, with one text that names the variable."""
    result = choose([name], environ, ACCOUNT, str, lambda: NOW)
    assert result.destinations == ()
    (problem,) = result.unusable
    assert name in problem
    assert variable in problem
    assert "s3cr" not in problem


def test_several() -> None:
    """Several destinations come in the order of their names; one that fails costs no other."""
    environ = {**EVERYTHING, "LOKI_URL": "nonsense url"}
    result = choose(
        ["datatap", "loki", "logzio"], {**FUNCTION, **environ}, ACCOUNT, str, lambda: NOW
    )
    assert [made.name for made in result.destinations] == ["datatap", "logzio"]
    assert len(result.unusable) == 1


@pytest.mark.parametrize(
    ("name", "environ", "is_reported"),
    [
        ("logzio", {"LOGZIO_LISTENER": "http://listener.example.com"}, True),
        ("logzio", {"LOGZIO_LISTENER": "http://127.0.0.1:80"}, False),
        ("logzio", {"LOGZIO_LISTENER": "http://localhost:80"}, False),
        ("logzio", {"LOGZIO_LISTENER": "http://[::1]:80"}, False),
        ("logzio", {"LOGZIO_LISTENER": "http://127.0.0.1.example.com"}, True),
        ("logzio", {"LOGZIO_LISTENER": "https://listener.example.com"}, False),
        ("loki", {"LOKI_URL": "http://x", "LOKI_USERNAME": "u", "LOKI_PASSWORD": "p"}, True),
        ("loki", {"LOKI_URL": "http://x", "LOKI_BEARER_TOKEN": "p"}, True),
        ("loki", {"LOKI_URL": "http://x", "LOKI_HEADERS": '{"x-key":"p"}'}, True),
        # Without a user there is no secret.
        ("loki", {"LOKI_URL": "http://x"}, False),
    ],
)
def test_token_in_the_clear(name: str, environ: dict[str, str], is_reported: bool) -> None:
    """A token over http is allowed and reported, except on the machine itself."""
    result = chosen(name, **{**ENOUGH[name], **environ})
    (made,) = result.destinations
    assert (len(result.warnings), result.unusable) == (is_reported, ())
    assert not made.renew(), "a token that is given as it is stays the same"


@pytest.mark.parametrize(
    "text",
    [
        "s3cret",
        '["s3cret"]',
        '{"x": 5, "y": "s3cret"}',
        '{"x": "s3cret\\n2"}',
        '{"x y": "s3cret"}',
        '{"Content-Type": "s3cret"}',
    ],
)
def test_headers_that_cannot_be_sent(text: str) -> None:
    """Headers that cannot be sent are left out, with a warning that does not repeat them."""
    result = chosen("loki", **ENOUGH["loki"], LOKI_HEADERS=text)
    (made,) = result.destinations
    assert "s3cret" not in str(made.request([made.encode(record("x"))]).headers)
    (warning,) = result.warnings
    assert warning.startswith("LOKI_HEADERS must be")
    assert "s3cret" not in warning


class Store:
    """A secret store.

    Attributes:
        text: What it holds; None if it does not respond.
        reads: The references that were read.
        now: The clock of the destination.
    """

    def __init__(self) -> None:
        self.text: str | None = "one"
        self.reads: list[str] = []
        self.now = NOW

    def fetch(self, reference: str) -> str:
        """Return the secret."""
        self.reads.append(reference)
        if self.text is None:
            raise SecretError("no response")
        return self.text


@pytest.mark.parametrize(
    ("name", "variable", "shown"),
    [
        ("logzio", "LOGZIO_LOGS_TOKEN", "token=one&"),
        ("loki", "LOKI_PASSWORD", "Basic dTpvbmU="),
        ("loki", "LOKI_BEARER_TOKEN", "Bearer one"),
        ("openobserve", "O2_AUTHORIZATION_HEADER", "'one'"),
        ("datatap", "BD_TAP_CLIENT_TOKEN", "'one'"),
    ],
)
def test_stored_token(name: str, variable: str, shown: str) -> None:
    """A token in a store is fetched for the first request, once, and again when refused."""
    store = Store()
    environ = {**ENOUGH[name], f"{variable}_ARN": ARN}
    environ.pop(variable, None)
    if variable == "LOKI_PASSWORD":
        environ["LOKI_USERNAME"] = "u"
    result = choose([name], {**FUNCTION, **environ}, ACCOUNT, store.fetch, lambda: store.now)
    (made,) = result.destinations
    assert store.reads == []
    encoded = [made.encode(record("x"))]
    assert shown in str(made.request(encoded)[:2])
    assert shown in str(made.request(encoded)[:2])
    assert store.reads == [ARN]
    assert made.interpret(Response(401, {}, b""), 1).meaning is Meaning.STOP
    assert not made.renew()
    assert not made.renew()
    assert store.reads == [ARN, ARN]
    store.text = "two"
    store.now += 61
    assert made.renew()
    assert shown not in str(made.request(encoded)[:2])
    store.text = None
    store.now += 61
    assert not made.renew()
    assert body_of(made.request(encoded))


def test_store_that_fails() -> None:
    """A store that does not respond is read again some seconds later, and not at once."""
    store = Store()
    store.text = None
    environ = {"LOGZIO_LOGS_TOKEN_ARN": ARN}
    (made,) = choose(
        ["logzio"], {**FUNCTION, **environ}, ACCOUNT, store.fetch, lambda: store.now
    ).destinations
    for _ in range(3):
        with pytest.raises(SecretError, match="no response"):
            made.request([b"{}\n"])
    assert len(store.reads) == 1
    store.now += 11
    store.text = "bad\nvalue"
    with pytest.raises(SecretError, match="characters"):
        made.request([b"{}\n"])
    store.now += 11
    store.text = "good"
    assert "token=good&" in made.request([b"{}\n"]).url
