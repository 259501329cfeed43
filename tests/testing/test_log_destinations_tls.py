"""The certificates of the fake log destinations are good, or bad in one way each."""

import contextlib
import http.client
import ssl
from urllib.parse import urlsplit

import pytest

from testing.log_destinations.certificates import Certificate, CertificateAuthority
from testing.log_destinations.logzio import LogzioDestination

LINE = b'{"@timestamp":"2024-08-30T10:00:00.000Z"}\n'


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    """Give an authority."""
    return CertificateAuthority(tmp_path_factory.mktemp("authority"))


def exchange(destination: LogzioDestination, authority: CertificateAuthority, host: str) -> int:
    """Send a line as a sender that trusts the authority; return the status of the response."""
    context = ssl.create_default_context(cafile=authority.file)
    # As Python 3.13 does by default.
    context.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
    port = urlsplit(destination.url).port
    connection = http.client.HTTPSConnection(host, port, timeout=60, context=context)
    with contextlib.closing(connection):
        connection.request("POST", "/?token=local-token", LINE, {"Content-Type": "text/plain"})
        return connection.getresponse().status


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_good(authority: CertificateAuthority, host: str) -> None:
    """A sender that trusts the authority is served, under either name of the host."""
    with LogzioDestination(tls=authority.server()) as destination:
        assert destination.url.startswith("https://")
        assert exchange(destination, authority, host) == 200
        assert (destination.count, destination.violations) == (1, [])


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Certificate.WRONG_HOST, "IP address mismatch"),
        (Certificate.EXPIRED, "certificate has expired"),
        (Certificate.SELF_SIGNED, "self-signed certificate"),
    ],
)
def test_bad(authority: CertificateAuthority, kind: Certificate, words: str) -> None:
    """A sender that verifies refuses a bad certificate, and sends nothing."""
    with LogzioDestination(tls=authority.server(kind)) as destination:
        with pytest.raises(ssl.SSLCertVerificationError, match=words):
            exchange(destination, authority, "127.0.0.1")
        assert destination.arrivals == []
