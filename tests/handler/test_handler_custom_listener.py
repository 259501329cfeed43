"""The common attributes: the listener and the label that a stream names for itself."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.app import Function
from handler.delivery import parse_common_attributes
from handler.errors import ListenerNotAllowed
from handler.listener import allowed_custom_listener
from testing.receiver import Receiver
from testing.replies import redirecting
from tests.support.invoking import (
    REAL_TIME,
    deliver,
    delivery_of,
    function_for,
    invoke,
    json_lines,
    points,
    settings_for,
)
from tests.support.properties import examples
from tests.support.stand_in_client import StandInClient

LOGZIO = ("*.logz.io",)
LOOPBACK = {"LISTENER_ALLOWED_HOSTS": "127.0.0.1"}


@pytest.mark.parametrize("cased", [str.lower, str.upper, str.title], ids=["lower", "up", "title"])
def test_attributes_in_any_case(cased: Any) -> None:
    """Both attributes count, their keys in any case, and take precedence over the settings."""
    with Receiver() as default, Receiver() as other:
        attributes = {
            cased("P8S_LOGZIO_NAME"): "Prod",
            cased("CUSTOM_LISTENER"): other.url,
            "something_else": "x",
        }
        function = function_for(default.url, **LOOPBACK)
        assert invoke(function, delivery_of(points(1), attributes=attributes)).status == 200
        assert default.requests == []
        names = {dict(labels)["p8s_logzio_name"] for labels in other.accepted_samples()}
    assert names == {"Prod"}


@pytest.mark.parametrize(
    ("own", "custom", "sent"),
    [
        ("https://in.example/w", "https://in.example/other", True),
        ("https://in.example/w", "https://IN.Example:8053/w?x=1", True),
        ("http://In.Example/w", "https://in.example/w", True),
        ("https://in.example/w", "https://out.example/w", False),
        ("https://in.example/w", "https://a.in.example/w", False),
        ("https://in.example/w", "https://in.example.out.example/w", False),
        ("https://out.example/in.example", "https://in.example/w", False),
    ],
)
def test_headers_for_another_host(own: str, custom: str, sent: bool) -> None:
    """The operator's own headers go to a host that a delivery names only if it is his own."""
    client = StandInClient(lambda *_: (204, ""))
    headers = {"REMOTE_WRITE_HEADERS": '{"X-Scope-OrgID": "tenant"}'}
    environ = settings_for(own, LISTENER_ALLOWED_HOSTS="*.example", **headers)
    event = delivery_of(points(1), attributes={"CUSTOM_LISTENER": custom})
    assert invoke(Function(environ, REAL_TIME, client), event).status == 200
    (request,) = client.posted
    assert request.url == custom
    assert ("X-Scope-OrgID" in request.headers) == sent
    assert request.headers["Content-Encoding"] == "snappy"


@pytest.mark.parametrize("name", ["", "  "])
def test_empty_attributes_leave_the_settings(name: str) -> None:
    """An empty attribute is none."""
    attributes = {"P8S_LOGZIO_NAME": name, "CUSTOM_LISTENER": name}
    event = delivery_of(points(1), attributes=attributes)
    answer, receiver = deliver(event=event, settings={"P8S_LOGZIO_NAME": "by-setting"})
    names = {dict(labels)["p8s_logzio_name"] for labels in receiver.accepted_samples()}
    assert (answer.status, names) == (200, {"by-setting"})


@pytest.mark.parametrize(
    "header",
    [
        "not JSON",
        "{",
        "[]",
        "null",
        "7",
        '"text"',
        "{}",
        '{"commonAttributes": []}',
        '{"commonAttributes": null}',
        "[" * 100_000,
        '{"commonAttributes": {"P8S_LOGZIO_NAME": "\\ud800"}}',
    ],
    ids=lambda header: header[:40],
)
def test_malformed_header_is_ignored_with_a_warning(
    header: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A malformed header does not cost the delivery; a warning says so."""
    event = delivery_of(points(1))
    event["headers"]["x-amz-firehose-common-attributes"] = header
    answer, receiver = deliver(event=event)
    assert answer.status == 200
    assert receiver.accepted_samples()
    lines = json_lines(capsys.readouterr().out)
    warnings = [line["message"] for line in lines if line.get("level") == "WARNING"]
    assert any("common attributes" in warning for warning in warnings)


@examples(100)
@given(
    st.dictionaries(st.text(), st.text() | st.integers() | st.none(), max_size=3).map(
        lambda attributes: json.dumps({"commonAttributes": attributes})
    )
    | st.text()
)
def test_any_header_is_read(header: str) -> None:
    """Whatever the header says, it gives attributes or a warning, and no exception."""
    attributes = parse_common_attributes(header)
    for text in (attributes.p8s_logzio_name, attributes.custom_listener):
        assert text is None or text.strip()


@pytest.mark.parametrize(
    "url",
    [
        "https://.logz.io",
        "https://user:password@x.logz.io",
        "https://@x.logz.io",
        "https://x..logz.io",
        "https://-x.logz.io",
        "https://x_y.logz.io",
        "https://x.logz.io:",
        "https://x.logz.io:65536",
        "https://x.logz.io:-1",
        "https://x.logz.io:80a",
        "https://x.logz.io:\u0661",
        "https://x.logz.io#fragment",
        "https://\u212a.logz.io",
        "https://%65vil.logz.io",
        "https://" + "a" * 64 + ".logz.io",
        "https://x.logz.io/ a",
        "https://x.logz.io\t",
        "\thttps://x.logz.io",
        "https:x.logz.io",
        "https:/x.logz.io",
        "https:///x.logz.io",
        "//x.logz.io",
        "x.logz.io",
        "ftp://x.logz.io",
        "http://x.logz.io",
    ],
    ids=ascii,
)
def test_not_allowed(url: str) -> None:
    """Whatever is not an https URL of a host below the domain is refused."""
    with pytest.raises(ListenerNotAllowed):
        allowed_custom_listener(url, LOGZIO)


@pytest.mark.parametrize(
    ("url", "hosts", "allowed"),
    [
        # In any case, with port, path and query; and it is used character by character.
        ("https://listener.logz.io:8053", LOGZIO, True),
        ("https://listener-eu.logz.io:8053/api/v1/write?x=1&d=%20", LOGZIO, True),
        ("https://listener.logz.io/~a/(b)*;c,d!$'", LOGZIO, True),
        ("https://a.b.logz.io", LOGZIO, True),
        ("HTTPS://LISTENER.LOGZ.IO/", LOGZIO, True),
        ("http://127.0.0.1:9/w", ("127.0.0.1",), True),
        ("http://localhost:9/w", ("localhost",), True),
        ("http://LOCALHOST:9/w", ("localhost",), True),
        ("http://[::1]:9/w", ("[::1]",), True),
        ("https://127.0.0.1:9/w", ("127.0.0.1",), True),
        ("http://127.0.0.1:9/w", ("localhost",), False),
        ("http://localhost:9/w", ("127.0.0.1",), False),
        ("http://127.0.0.1.evil.com/w", ("127.0.0.1",), False),
        ("http://localhost.evil.com/w", ("*.evil.com",), False),
        ("http://prometheus.internal/w", ("prometheus.internal",), False),
        ("https://prometheus.internal/w", ("prometheus.internal",), True),
        ("https://a.prometheus.internal/w", ("prometheus.internal",), False),
        ("http://127.1/w", ("127.0.0.1",), False),
        ("https://a.example", (), False),
    ],
)
def test_listed_hosts(url: str, hosts: tuple[str, ...], allowed: bool) -> None:
    """A listed host, or one below a listed domain, is allowed, and over http only loopback."""
    if allowed:
        assert allowed_custom_listener(url, hosts) == url
    else:
        with pytest.raises(ListenerNotAllowed):
            allowed_custom_listener(url, hosts)


@pytest.mark.parametrize("location", ["http://[", "http://\ud83d\ude00:x/", "//", ":", "\x00"])
def test_redirect_to_nonsense(location: str) -> None:
    """A redirect whose target is no URL is answered like any other."""
    encodable = location.encode("latin-1", "replace").decode("latin-1")
    answer, _ = deliver(redirecting(encodable))
    assert answer.status == 500
    assert "302" in answer.error
