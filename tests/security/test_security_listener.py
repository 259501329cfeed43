"""CUSTOM_LISTENER, which every caller with the access key chooses, reaches listed hosts alone."""

import ipaddress
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from urllib3.util import parse_url

from handler.errors import ListenerNotAllowed
from handler.listener import allowed_custom_listener
from testing.receiver import Receiver
from testing.replies import redirecting
from tests.support.invoking import delivery_of, function_for, invoke, points
from tests.support.properties import examples

LOGZIO = ("*.logz.io",)
LISTED = ("*.logz.io", "127.0.0.1", "[::1]", "localhost", "prometheus.internal")
LOOPBACK = {"LISTENER_ALLOWED_HOSTS": "127.0.0.1"}
FORBIDDEN = (
    "127.0.0.1",
    "169.254.169.254",
    "10.0.0.1",
    "192.168.0.1",
    "0.0.0.0",
    "100.100.100.200",
)


def forms_of(address: str) -> list[str]:
    """Write an IPv4 address in the ways that one resolver or another understands."""
    number = int(ipaddress.IPv4Address(address))
    a, b, c, d = address.split(".")
    return [
        address,
        str(number),
        hex(number),
        f"0{number:o}",
        f"0x{int(a):x}.0x{int(b):x}.0x{int(c):x}.0x{int(d):x}",
        f"0{int(a):o}.0{int(b):o}.0{int(c):o}.0{int(d):o}",
        f"{int(a):03d}.{int(b):03d}.{int(c):03d}.{int(d):03d}",
        f"{a}.{(int(b) << 16) + (int(c) << 8) + int(d)}",
        f"{a}.{b}.{(int(c) << 8) + int(d)}",
        f"{address}.",
        f"[::ffff:{address}]",
        f"[::ffff:{number >> 16:x}:{number & 0xFFFF:x}]",
        f"[::{address}]",
        f"[64:ff9b::{address}]",
        f"%{ord(a[0]):02x}{address[1:]}",
        address.replace(".", "\u3002"),
        "".join(chr(ord(digit) + 0xFEE0) if digit.isdigit() else digit for digit in address),
        "".join(chr(0x2460 + int(x) - 1) if x in "123456789" else x for x in address),
    ]


HOSTS = [
    *(form for address in FORBIDDEN for form in forms_of(address)),
    *("[fd00:ec2::254]", "[fe80::1]", "[fe80::1%25eth0]", "[::]", "[::1]", "[0:0:0:0:0:0:0:1]"),
    *("0", "localhost", "localhost.", "LOCALHOST", "localhost.localdomain", "ip6-localhost"),
    *("metadata.google.internal", "instance-data", "169.254.169.254.nip.io", "169.254.170.2"),
    *("evil.com", "logz.io", "logz.io.evil.com", "xlogz.io", "logz.io-evil.com", "x.logz.io."),
    *("x.l\u043egz.io", "x.logz.\u0456o", "x.logz\uff0eio", "x.logz\u3002io", "x.logz.io\u200b"),
    *("x.log\u017f.io", "xn--lgz-5cd.io", "x.xn--lgz-5cd.io", "\u24e7.logz.io.evil.com"),
]


@pytest.mark.parametrize("scheme", ["https", "http"])
@pytest.mark.parametrize(
    "rest", ["", "/", ":443/", "/x.logz.io", "?x.logz.io", ":8053/?a=.logz.io"]
)
def test_other_hosts(scheme: str, rest: str) -> None:
    """No host but a listed one is taken, in no way of writing it, whatever stands behind it."""
    for host in HOSTS:
        with pytest.raises(ListenerNotAllowed):
            allowed_custom_listener(f"{scheme}://{host}{rest}", LOGZIO)


@pytest.mark.parametrize(
    "separator",
    [
        *("@", ":@", ":pw@", "%40", "\\@", "\\", "#", "#@", "?@", "/@", "/..@", ";@", "&@", "\t@"),
        *(" @", "\r\n@", "\r\nHost: ", "\n", "\0@", "\u2100", "\uff20", "\ufe6b", "%23@", "%5c@"),
        *("[", "]@", "[@", ":443@", ":443#@", ":443\\@", ",", "|", "^", "`", "{", "\u2215"),
    ],
    ids=ascii,
)
def test_two_hosts_in_one(separator: str) -> None:
    """What one parser could take for a listed host and another for a different one is refused."""
    for url in (f"https://x.logz.io{separator}evil.com", f"https://evil.com{separator}x.logz.io"):
        try:
            taken = allowed_custom_listener(url, LOGZIO)
        except ListenerNotAllowed:
            continue
        # A path or a query may hold anything, as long as all agree that it is one.
        assert url.startswith(("https://x.logz.io/", "https://x.logz.io?"))
        assert_agreed(taken)


def assert_agreed(url: str, listed: tuple[str, ...] = LOGZIO) -> None:
    """Fail unless the parsers of urllib3 and of Python find the listed host that was meant."""
    by_urllib3, by_python = parse_url(url), urlsplit(url)
    host = (by_urllib3.host or "").lower()
    assert by_urllib3.auth is None
    assert (by_python.username, by_python.password) == (None, None)
    assert host.strip("[]") == by_python.hostname
    assert by_urllib3.port == by_python.port
    suffixes = tuple(pattern[1:] for pattern in listed if pattern.startswith("*."))
    assert host in listed or host.endswith(suffixes)


PIECES = st.sampled_from(
    [
        *("https://", "HTTPS://", "http://", "https:", "//", "/", "\\", "@", ":", "#", "?", "%40"),
        *("x.logz.io", "logz.io", ".logz.io", "evil.com", "127.0.0.1", "[::1]", "localhost", "x"),
        *(".", "..", ":443", ":80", ":0", ":99999", "%2e", "%00", "\r\n", "\t", " ", "[", "]"),
        *("\u3002", "\u212a", "\u017f", "\uff0f", "user", "prometheus.internal", "&", "=", ";"),
    ]
)


@examples(400)
@given(st.lists(PIECES, max_size=8).map("".join) | st.text().map("https://x.logz.io{}".format))
@example("https://x.logz.io/@evil.com")
@example("https://x.logz.io/%2f%2fevil.com?@evil.com")
@example("http://127.0.0.1:80/")
def test_all_parsers_agree(url: str) -> None:
    """Whatever is taken is a URL of which every parser on the way finds the same listed host."""
    try:
        taken = allowed_custom_listener(url, LISTED)
    except ListenerNotAllowed:
        return
    assert taken == url
    assert_agreed(taken, LISTED)
    assert url.lower().startswith("https://") or urlsplit(url).hostname in (
        "127.0.0.1",
        "::1",
        "localhost",
    )


@pytest.mark.parametrize(
    "url",
    [
        "http://{}",
        "http://user@{}",
        "http://127.0.0.1@{}",
        "http://{}#@127.0.0.1",
        "http://localhost@{}",
        "http://127.0.0.1\\@{}",
    ],
)
def test_refused_listener_is_not_asked(url: str) -> None:
    """A delivery that names another host is refused, and no connection to it is made."""
    with Receiver() as forbidden, Receiver() as usual:
        other = forbidden.url.replace("http://127.0.0.1", "localhost")
        event = delivery_of(points(1), attributes={"CUSTOM_LISTENER": url.format(other)})
        answer = invoke(function_for(usual.url, **LOOPBACK), event)
        assert (answer.status, forbidden.requests, usual.requests) == (400, [], [])
    assert "CUSTOM_LISTENER" in answer.error


@pytest.mark.parametrize("status", [300, 301, 302, 303, 305, 307, 308])
@pytest.mark.parametrize("custom", [False, True], ids=["operator's", "custom"])
def test_redirects_carry_no_token(status: int, custom: Any) -> None:
    """A redirect is answered with 500 that says where to; that host is never connected to."""
    with Receiver() as elsewhere, Receiver(redirecting(elsewhere.url, status)) as listener:
        attributes = {"CUSTOM_LISTENER": listener.url} if custom else None
        url = "https://listener.invalid" if custom else listener.url
        function = function_for(url, **LOOPBACK)
        answer = invoke(function, delivery_of(points(1), attributes=attributes))
        assert (answer.status, len(listener.requests), elsewhere.requests) == (500, 1, [])
    assert elsewhere.url in answer.error
