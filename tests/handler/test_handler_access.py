"""Who may deliver, and which token the listener gets."""

import base64

import pytest

from testing.events import ingresses
from tests.support.invoking import ACCESS_KEY, body_of, deliver, delivery_of, points, record_of

EXPECTED = {"FIREHOSE_ACCESS_KEY": ACCESS_KEY}
OWN = {"LOGZIO_METRICS_TOKEN": "own"}
NO_AUTH = {"REMOTE_WRITE_AUTH": "none"}
BASIC = {"REMOTE_WRITE_AUTH": "basic"}
PAIR = "user:pass:word"
ENCODED = f"Basic {base64.b64encode(PAIR.encode()).decode()}"
NOTHING = "nothing was sent"


@pytest.mark.parametrize(
    ("key", "settings", "status", "authorization"),
    [
        # Without a token of the operator the access key is the token.
        (ACCESS_KEY, {}, 200, f"Bearer {ACCESS_KEY}"),
        (ACCESS_KEY, EXPECTED, 200, f"Bearer {ACCESS_KEY}"),
        # With one, the key is checked and never sent on.
        (ACCESS_KEY, EXPECTED | OWN, 200, "Bearer own"),
        # RFC 7617.
        (PAIR, BASIC, 200, ENCODED),
        (ACCESS_KEY, BASIC | EXPECTED | {"LOGZIO_METRICS_TOKEN": PAIR}, 200, ENCODED),
        # A listener that takes everything needs the key all the more.
        (ACCESS_KEY, NO_AUTH | EXPECTED, 200, None),
        (None, NO_AUTH | EXPECTED, 400, NOTHING),
        ("wrong", NO_AUTH | EXPECTED, 401, NOTHING),
        # A missing key, or an empty one, never passes as any.
        *((key, {}, 400, NOTHING) for key in (None, "")),
        *((key, EXPECTED, 400, NOTHING) for key in (None, "")),
        *((key, EXPECTED | OWN, 400, NOTHING) for key in (None, "")),
        # Any other key than the expected one, whatever characters it has.
        ("x", EXPECTED, 401, NOTHING),
        (ACCESS_KEY[:-1], EXPECTED, 401, NOTHING),
        (ACCESS_KEY + "x", EXPECTED, 401, NOTHING),
        (ACCESS_KEY.upper(), EXPECTED, 401, NOTHING),
        (f" {ACCESS_KEY}", EXPECTED, 401, NOTHING),
        (f"{ACCESS_KEY},{ACCESS_KEY}", EXPECTED, 401, NOTHING),
        *((key, EXPECTED, 401, NOTHING) for key in ("\u00e9", "\ud800", "\0")),
        # A key with letters of Latin-1 is compared too.
        ("schl\u00fcssel", {"FIREHOSE_ACCESS_KEY": "schl\u00fcssel"}, 200, "Bearer schl\u00fcssel"),
        # A key that could smuggle a header into the request is no token.
        *((key, {}, 401, NOTHING) for key in ("a\r\nX-Other: b", "a\nb", "\u20ac", "a\0")),
    ],
    ids=ascii,
)
def test_access(
    key: str | None, settings: dict[str, str], status: int, authorization: str | None
) -> None:
    """A delivery is refused before anything is sent, or sent with the right token."""
    event = delivery_of(points(1), access_key=key)
    answer, receiver = deliver(event=event, settings=settings)
    got = [request.headers.get("authorization") for request in receiver.requests]
    assert (answer.status, got or [NOTHING]) == (status, [authorization])


TENANT = {"REMOTE_WRITE_HEADERS": '{"X-Scope-OrgID": "tenant"}'}


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        (OWN, "LOGZIO_METRICS_TOKEN"),
        (NO_AUTH, "REMOTE_WRITE_AUTH=none"),
        (NO_AUTH | TENANT, "REMOTE_WRITE_AUTH=none"),
        *(
            (scheme | {"REMOTE_WRITE_HEADERS": f'{{"X-Scope-OrgID": "1", "{name}": "x"}}'}, name)
            for scheme in ({}, BASIC)
            for name in ("X-Api-Key", "cookie", "Proxy-Authorization", "CF-Access-Client-Secret")
        ),
    ],
)
@pytest.mark.parametrize("key", [ACCESS_KEY, PAIR, None])
def test_open_relay(key: str | None, settings: dict[str, str], named: str) -> None:
    """What would let any caller send in the operator's name is a settings error over HTTP."""
    answer, receiver = deliver(event=delivery_of(points(1), access_key=key), settings=settings)
    assert (answer.status, receiver.requests) == (500, [])
    assert named in answer.error
    assert "set FIREHOSE_ACCESS_KEY" in answer.error


def test_tenant_is_no_credential() -> None:
    """The number of a tenant opens nothing: the listener still decides about the access key."""
    answer, receiver = deliver(settings=TENANT)
    assert (answer.status, receiver.requests[0].headers["x-scope-orgid"]) == (200, "tenant")


def test_key_in_multi_value_headers_is_checked() -> None:
    """The key counts where it is, also only in multiValueHeaders."""
    headers = {"X-Amz-Firehose-Access-Key": "wrong"}
    event = ingresses.alb(headers, body_of([record_of(points(1))]), multi_value=True)
    assert deliver(event=event, settings=EXPECTED)[0].status == 401
