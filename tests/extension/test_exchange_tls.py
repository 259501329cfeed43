"""TLS is always verified, and an exchange behind it is held to its time as any other."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from extension.errors import ExchangeError
from extension.exchange import Exchanges
from extension.messages import Request
from testing.log_destinations.certificates import Certificate, CertificateAuthority
from testing.log_destinations.logzio import LogzioDestination
from testing.log_destinations.treatment import Treatment, closed, dripping, stalled
from tests.support.extension_holding import held
from tests.support.extension_parts import LONG

if TYPE_CHECKING:
    from collections.abc import Iterator

LINE = b'{"@timestamp":"2024-08-30T10:00:00.000Z","message":"hello"}\n'


@pytest.fixture
def exchanges() -> Iterator[Exchanges]:
    """Give exchanges without a connection."""
    with contextlib.closing(Exchanges()) as made:
        yield made


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    """Give an authority."""
    return CertificateAuthority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def trusting(exchanges: Exchanges, authority: CertificateAuthority) -> Exchanges:
    """Give exchanges whose machine trusts the authority."""
    exchanges._tls.load_verify_locations(authority.file)
    return exchanges


def request_to(destination: LogzioDestination, host: str = "127.0.0.1") -> Request:
    """Return a good request."""
    url = destination.url.replace("127.0.0.1", host)
    return Request(f"{url}/?token=local-token", {"Content-Type": "text/plain"}, LINE)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_tls(trusting: Exchanges, authority: CertificateAuthority, host: str) -> None:
    """With a good certificate one connection serves every exchange."""
    with LogzioDestination(tls=authority.server()) as destination:
        for _ in range(3):
            assert trusting.post(request_to(destination, host), LONG).status == 200
        trusting.close()
        assert (destination.count, destination.connections) == (3, 1)
        assert destination.violations == []


@pytest.mark.parametrize(
    "kind", [Certificate.WRONG_HOST, Certificate.EXPIRED, Certificate.SELF_SIGNED]
)
def test_bad_certificate(
    trusting: Exchanges, authority: CertificateAuthority, kind: Certificate
) -> None:
    """A certificate that is not good for the host is refused, and nothing is sent."""
    with LogzioDestination(tls=authority.server(kind)) as destination:
        with pytest.raises(ExchangeError, match="certificate"):
            trusting.post(request_to(destination), LONG)
        assert destination.count == 0


def test_unknown_authority(exchanges: Exchanges, authority: CertificateAuthority) -> None:
    """A certificate of an authority that the machine does not trust is refused."""
    with LogzioDestination(tls=authority.server()) as destination:
        with pytest.raises(ExchangeError, match="certificate"):
            exchanges.post(request_to(destination), LONG)
        assert destination.count == 0


@pytest.mark.parametrize("treatment", [stalled(), dripping(0.01), dripping(0.01, head=False)])
def test_tls_held(
    trusting: Exchanges, authority: CertificateAuthority, treatment: Treatment
) -> None:
    """A destination that stalls or drips behind TLS is held to the budget."""
    with LogzioDestination(tls=authority.server()) as destination:
        destination.misbehave(treatment)
        held(trusting, request_to(destination).url)
        trusting.close()


def test_tls_stale(trusting: Exchanges, authority: CertificateAuthority) -> None:
    """A kept TLS connection on which the answer does not come is tried again once."""
    with LogzioDestination(tls=authority.server()) as destination:
        assert trusting.post(request_to(destination), LONG).status == 200
        destination.misbehave_once(closed())
        assert trusting.post(request_to(destination), LONG).status == 200
        trusting.close()
        assert destination.connections == 2
