"""A certificate authority for tests: issues what a provider would upload, good or bad."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Authority:
    """A CA by its key and certificate."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def new(cls, now: datetime, name: str = "Test CA", lasts: timedelta = 365 * DAY) -> "Authority":
        """A self-signed one."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _name(name)
        builder = _builder(subject, subject, key.public_key(), now, lasts)
        constraints = x509.BasicConstraints(ca=True, path_length=None)
        certificate = builder.add_extension(constraints, critical=True).sign(key, hashes.SHA256())
        return cls(key, certificate)

    @property
    def pem(self) -> bytes:
        """The certificate."""
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """The private key, unencrypted."""
        return private_pem(self.key)

    def save(self, folder: Path) -> tuple[Path, Path]:
        """The files of the certificate and the key."""
        files = folder / "ca.pem", folder / "ca-key.pem"
        files[0].write_bytes(self.pem)
        files[1].write_bytes(self.key_pem)
        return files

    def issue(
        self,
        public_key: Any,
        names: Sequence[str],
        now: datetime,
        *,
        lasts: timedelta = 30 * DAY,
        usage: x509.ObjectIdentifier | None = ExtendedKeyUsageOID.SERVER_AUTH,
        ca: bool = False,
        addresses: Sequence[str] = (),
    ) -> bytes:
        """A server's certificate, PEM."""
        builder = _builder(_name("server"), self.certificate.subject, public_key, now, lasts)
        alternatives = [
            *(x509.DNSName(name) for name in names),
            *(x509.IPAddress(ip_address(address)) for address in addresses),
        ]
        if alternatives:
            subject = x509.SubjectAlternativeName(alternatives)
            builder = builder.add_extension(subject, critical=False)
        if usage is not None:
            builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        constraints = x509.BasicConstraints(ca=ca, path_length=None)
        builder = builder.add_extension(constraints, critical=True)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.PEM)

    def issue_files(self, folder: Path, name: str) -> tuple[Path, Path]:
        """The files of a certificate for 127.0.0.1, to show as server or client, and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        pem = self.issue(
            key.public_key(), (), datetime.now(UTC), usage=None, addresses=("127.0.0.1",)
        )
        files = folder / f"{name}.pem", folder / f"{name}-key.pem"
        files[0].write_bytes(pem)
        files[1].write_bytes(private_pem(key))
        return files

    def sign(self, request_pem: bytes, now: datetime, **options: Any) -> bytes:
        """What this CA makes of a signing request: the certificate and its own, PEM."""
        request = x509.load_pem_x509_csr(request_pem)
        return self.issue(request.public_key(), requested_names(request_pem), now, **options) + (
            self.pem
        )


def requested_names(request_pem: bytes) -> list[str]:
    """The DNS names of a signing request."""
    request = x509.load_pem_x509_csr(request_pem)
    found = request.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return found.value.get_values_for_type(x509.DNSName)


def private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """A private key, PKCS #8 without encryption."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(
    subject: x509.Name, issuer: x509.Name, public_key: Any, now: datetime, lasts: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + lasts)
    )
