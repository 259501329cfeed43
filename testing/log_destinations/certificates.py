"""A certificate authority for tests, and the good and bad certificates that servers show."""

import datetime as dt
import enum
import ipaddress
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_DAY = dt.timedelta(days=1)
_RIGHT_HOST = x509.SubjectAlternativeName(
    [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
)
_WRONG_HOST = x509.SubjectAlternativeName([x509.DNSName("elsewhere.invalid")])


class Certificate(enum.Enum):
    """What a server shows."""

    GOOD = "good"
    """For 127.0.0.1 and localhost, by the authority."""
    WRONG_HOST = "wrong host"
    """By the authority, for another host."""
    EXPIRED = "expired"
    """By the authority, but until yesterday."""
    SELF_SIGNED = "self-signed"
    """For the right host, but not by an authority."""


class CertificateAuthority:
    """An authority that exists for as long as its folder.

    Args:
        folder: An empty folder for certificates and keys.
        old_style: Whether its certificate does not say what its key may be used for, as many
            private authorities were made.

    Attributes:
        file: Its own certificate in PEM: the value of `SSL_CERT_FILE` for whoever trusts it.
    """

    def __init__(self, folder: Path, *, old_style: bool = False) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named("local authority")
        builder = _begun(self._name, self._name, self._key, self._key)
        if old_style:
            constraints = x509.BasicConstraints(ca=True, path_length=None)
            builder = builder.add_extension(constraints, critical=False)
        else:
            constraints = x509.BasicConstraints(ca=True, path_length=0)
            usage = _usage(signs_certificates=True)
            builder = builder.add_extension(constraints, critical=True)
            builder = builder.add_extension(usage, critical=True)
        certificate = builder.sign(self._key, hashes.SHA256())
        self.file = folder / "authority.pem"
        self.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def server(self, kind: Certificate = Certificate.GOOD) -> ssl.SSLContext:
        """Return the context of a server on 127.0.0.1 that shows a certificate of a kind."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _named("local server")
        is_own = kind is Certificate.SELF_SIGNED
        issuer, signer = (subject, key) if is_own else (self._name, self._key)
        hosts = _WRONG_HOST if kind is Certificate.WRONG_HOST else _RIGHT_HOST
        certificate = (
            _begun(subject, issuer, key, signer, expired=kind is Certificate.EXPIRED)
            .add_extension(hosts, critical=False)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .sign(signer, hashes.SHA256())
        )
        encoding, format_ = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        path = self._folder / f"{kind.name.lower()}.pem"
        path.write_bytes(
            key.private_bytes(encoding, format_, serialization.NoEncryption())
            + certificate.public_bytes(encoding)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context


def _named(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _begun(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    signer: ec.EllipticCurvePrivateKey,
    *,
    expired: bool = False,
) -> x509.CertificateBuilder:
    """Return what all certificates have, also what Python 3.13 demands (RFC 5280, 4.2.1)."""
    now = dt.datetime.now(dt.UTC)
    own, signing = key.public_key(), signer.public_key()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(own)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 2 * _DAY)
        .not_valid_after(now - _DAY if expired else now + _DAY)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(own), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signing), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
