"""What a provider uploads as a certificate: read distrustfully, and judged before it is served.

Knows nothing of sessions: the names it has to speak for and the key it has to fit are given.
Nothing here can say whether a UE will trust the chain's last certificate; its CA is the provider's
choice. Pure.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

from fivegms_af.domain_names import covers
from fivegms_af.errors import (
    CertificateChainBroken,
    CertificateKeyForeign,
    CertificateMalformed,
    CertificateNameMissing,
    CertificateNotInForce,
    CertificateUnsuitable,
)

MAX_CHAIN_BYTES = 64 * 1024
MAX_CHAIN_CERTIFICATES = 10

_UNREADABLE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
_BROKEN_HASHES = (hashes.MD5, hashes.SHA1)
_SERVES = frozenset({ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE})


def accept_chain(
    pem: bytes, names: Iterable[str], key: ec.EllipticCurvePublicKey, now: datetime
) -> bytes:
    """The chain in `pem` alone: the server's certificate first, each next one's issuer after it.

    Raises CertificateMalformed, CertificateKeyForeign, CertificateNotInForce,
    CertificateNameMissing, CertificateChainBroken and CertificateUnsuitable.
    """
    chain = _read_chain(pem)
    try:
        _check_key(chain[0], key)
        _check_dates(chain, now)
        _check_use(chain[0])
        _check_names(chain[0], names)
        _check_order(chain)
        return b"".join(one.public_bytes(Encoding.PEM) for one in chain)
    except _UNREADABLE as error:
        raise CertificateMalformed(f"a certificate cannot be read: {error}") from error


def certified_names(chain: bytes) -> tuple[str, ...]:
    """What the first certificate of an accepted chain speaks for."""
    leaf, *_ = x509.load_pem_x509_certificates(chain)
    return _names(leaf)


def _read_chain(pem: bytes) -> list[x509.Certificate]:
    if len(pem) > MAX_CHAIN_BYTES:
        raise CertificateMalformed(f"a chain has {MAX_CHAIN_BYTES} bytes at most")
    if b"PRIVATE KEY" in pem:
        raise CertificateMalformed("it holds a private key, which belongs to nobody else")
    try:
        chain = x509.load_pem_x509_certificates(pem)
    except _UNREADABLE as error:
        raise CertificateMalformed(f"it is no PEM certificate: {error}") from error
    if len(chain) > MAX_CHAIN_CERTIFICATES:
        raise CertificateMalformed(f"a chain has {MAX_CHAIN_CERTIFICATES} certificates at most")
    return chain


def _check_key(leaf: x509.Certificate, key: ec.EllipticCurvePublicKey) -> None:
    found = leaf.public_key()
    if not isinstance(found, ec.EllipticCurvePublicKey) or _public(found) != _public(key):
        raise CertificateKeyForeign


def _check_dates(chain: Iterable[x509.Certificate], now: datetime) -> None:
    for one in chain:
        begins, ends = one.not_valid_before_utc, one.not_valid_after_utc
        if not begins <= now < ends:
            period = f"from {begins.isoformat()} to {ends.isoformat()}"
            raise CertificateNotInForce(one.subject.rfc4514_string(), period)


def _check_use(leaf: x509.Certificate) -> None:
    for extension in leaf.extensions:
        value = extension.value
        if isinstance(value, x509.BasicConstraints) and value.ca:
            raise CertificateUnsuitable("it is a CA's certificate, not a server's")
        if isinstance(value, x509.ExtendedKeyUsage) and not _SERVES.intersection(value):
            raise CertificateUnsuitable("its extended key usage does not have serverAuth")
    if isinstance(leaf.signature_hash_algorithm, _BROKEN_HASHES):
        raise CertificateUnsuitable("it is signed over a broken hash")


def _check_names(leaf: x509.Certificate, names: Iterable[str]) -> None:
    certified = _names(leaf)
    for name in names:
        if not covers(certified, name):
            raise CertificateNameMissing(name)


def _check_order(chain: Sequence[x509.Certificate]) -> None:
    for one, issuer in pairwise(chain):
        try:
            one.verify_directly_issued_by(issuer)
        except (*_UNREADABLE, InvalidSignature) as error:
            raise CertificateChainBroken(
                one.subject.rfc4514_string(), issuer.subject.rfc4514_string()
            ) from error


def _names(leaf: x509.Certificate) -> tuple[str, ...]:
    """Every name that clients look at; the common name is none (RFC 9525 2)."""
    try:
        found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    addresses = found.get_values_for_type(x509.IPAddress)
    return (*found.get_values_for_type(x509.DNSName), *map(str, addresses))


def _public(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
