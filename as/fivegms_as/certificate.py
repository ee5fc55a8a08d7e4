"""A certificate as M3 brings it: the chain, then the private key, one PEM text (TS 26.512 7.3.3).

Read with bounds and checked before it is kept, so that no handshake meets a key that does not fit.
The key never leaves the text that it came in: neither `repr` nor an error shows it.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from fivegms_as.errors import CertificateInvalid

MAX_PEM_BYTES = 256 * 1024
MAX_CHAIN = 16
_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,40})-----\r?\n[A-Za-z0-9+/=\r\n]*-----END \1-----")
_CERTIFICATE = b"CERTIFICATE"
_KEYS = {b"PRIVATE KEY", b"RSA PRIVATE KEY", b"EC PRIVATE KEY"}


@dataclass(frozen=True, slots=True)
class Certificate:
    """A server certificate: its PEM body as it came, and the part of it that is public."""

    body: bytes = field(repr=False)
    chain: bytes

    @classmethod
    def parse(cls, body: bytes) -> "Certificate":
        """Raises CertificateInvalid that says what is wrong, without a word of the key."""
        if len(body) > MAX_PEM_BYTES:
            raise CertificateInvalid(f"a certificate has {MAX_PEM_BYTES} bytes at most")
        certificates, keys = _blocks(body)
        if not 1 <= len(certificates) <= MAX_CHAIN:
            raise CertificateInvalid(f"needs 1 to {MAX_CHAIN} certificates, the server's first")
        if len(keys) != 1:
            raise CertificateInvalid("needs one private key in PEM, without a passphrase")
        if _public_key(keys[0]) != _certified_key(certificates):
            raise CertificateInvalid("the private key is not that of the first certificate")
        return cls(body, b"\n".join(certificates) + b"\n")

    @property
    def sha256(self) -> str:
        """Of the body, in hex."""
        return hashlib.sha256(self.body).hexdigest()


_PUBLIC = Encoding.DER, PublicFormat.SubjectPublicKeyInfo


def _blocks(body: bytes) -> tuple[list[bytes], list[bytes]]:
    """The PEM blocks of certificates, and of keys. Other text between them is let pass."""
    found = [(match[1], match[0]) for match in _BLOCK.finditer(body)]
    if len(found) != body.count(b"-----BEGIN "):
        raise CertificateInvalid("a PEM block is damaged, or its key has a passphrase")
    if others := {label for label, _ in found} - {_CERTIFICATE, *_KEYS}:
        raise CertificateInvalid(f"{min(others).decode()} is neither certificate nor plain key")
    certificates = [block for label, block in found if label == _CERTIFICATE]
    return certificates, [block for label, block in found if label in _KEYS]


def _certified_key(blocks: Sequence[bytes]) -> bytes:
    """The public key of the first certificate; each one is issued by the next."""
    try:
        chain = [x509.load_pem_x509_certificate(block) for block in blocks]
        for issued, issuer in pairwise(chain):
            issued.verify_directly_issued_by(issuer)
        return chain[0].public_key().public_bytes(*_PUBLIC)
    except InvalidSignature as error:
        raise CertificateInvalid("a certificate is not issued by the one after it") from error
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        raise CertificateInvalid(f"the certificates cannot be used: {error}") from error


def _public_key(block: bytes) -> bytes:
    try:
        key = load_pem_private_key(block, password=None)
        return key.public_key().public_bytes(*_PUBLIC)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise CertificateInvalid("the private key cannot be read") from None  # say nothing of it
