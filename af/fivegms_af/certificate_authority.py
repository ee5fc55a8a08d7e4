"""Who vouches for the server certificates that the AF makes: the operator's CA, or nobody.

Without a CA a certificate is signed by its own key, and a UE has to be told to trust that one.
Keys are EC P-256. Neither a CA's key nor a server's is ever part of a message or a repr.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from fivegms_af.domain_names import address_of
from fivegms_af.errors import CertificateAuthorityExpired

LIFETIME = timedelta(days=397)
CLOCK_SKEW = timedelta(minutes=5)
MAX_COMMON_NAME_CHARACTERS = 64

AuthorityKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True, slots=True)
class CertificateAuthority:
    """An operator's CA: its certificate, those above it that UEs may lack, and its key."""

    certificate: x509.Certificate
    intermediates: tuple[x509.Certificate, ...]
    key: AuthorityKey = field(repr=False)

    @classmethod
    def load(cls, certificate_file: Path, key_file: Path) -> Self:
        """Read PEM files: the CA's certificate first, then any above it; its key, unencrypted.

        Raises ValueError that names the file and what is wrong with it; never shows the key.
        """
        certificate, *above = _read_certificates(certificate_file)
        key = _read_key(key_file)
        if key.public_key() != certificate.public_key():
            raise ValueError(f"{key_file} is not the key of {certificate_file}")
        if not _is_authority(certificate):
            raise ValueError(f"{certificate_file} is not the certificate of a CA")
        intermediates = tuple(one for one in (certificate, *above) if one.subject != one.issuer)
        return cls(certificate, intermediates, key)


def new_key() -> ec.EllipticCurvePrivateKey:
    """A key pair for a server; takes a moment, so not on an event loop."""
    return ec.generate_private_key(ec.SECP256R1())


def issue(
    names: Sequence[str],
    key: ec.EllipticCurvePrivateKey,
    authority: CertificateAuthority | None,
    now: datetime,
) -> bytes:
    """A certificate of `names` (hosts or IP addresses) for `key`, and what it chains to, as PEM.

    It lasts 397 days, but not longer than its CA; raises CertificateAuthorityExpired.
    """
    ends = now + LIFETIME
    if authority is not None:
        ends = min(ends, authority.certificate.not_valid_after_utc)
    if ends <= now:
        raise CertificateAuthorityExpired
    issuer_key: AuthorityKey = authority.key if authority else key
    subject = subject_of(names)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(authority.certificate.subject if authority else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(ends)
        .add_extension(alternative_names(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_SIGNS_ONLY, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(_issuer_identifier(issuer_key, authority), critical=False)
        .sign(issuer_key, hashes.SHA256())
    )
    chain = (certificate, *(authority.intermediates if authority else ()))
    return b"".join(one.public_bytes(Encoding.PEM) for one in chain)


def subject_of(names: Sequence[str]) -> x509.Name:
    """The first name as common name, where X.520 has room for it."""
    if len(names[0]) > MAX_COMMON_NAME_CHARACTERS:
        return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "5GMS AS")])
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])


def alternative_names(names: Sequence[str]) -> x509.SubjectAlternativeName:
    """Hosts as DNS names, addresses as addresses (RFC 5280 4.2.1.6)."""
    return x509.SubjectAlternativeName(
        x509.DNSName(name) if (address := address_of(name)) is None else x509.IPAddress(address)
        for name in names
    )


_SIGNS_ONLY = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)


def _issuer_identifier(
    key: AuthorityKey, authority: CertificateAuthority | None
) -> x509.AuthorityKeyIdentifier:
    """What the CA calls its key, by whatever method (RFC 5280 4.2.1.1): verifiers compare them."""
    if authority is not None:
        with suppress(x509.ExtensionNotFound):
            extensions = authority.certificate.extensions
            named = extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
            return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(named)
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())


def _read_certificates(file: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(file.read_bytes())
    except (OSError, ValueError) as error:
        raise ValueError(f"{file} holds no PEM certificate: {error}") from error


def _read_key(file: Path) -> AuthorityKey:
    try:
        key = load_pem_private_key(file.read_bytes(), password=None)
    except OSError as error:
        raise ValueError(f"{file} cannot be read: {error}") from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ValueError(f"{file} holds no unencrypted PEM private key") from error
    if not isinstance(key, AuthorityKey):
        raise ValueError(f"{file} holds a key that is neither EC nor RSA")
    return key


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False
