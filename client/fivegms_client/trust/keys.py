"""Providers' public keys: elliptic curves of NIST, known by a fingerprint.

A fingerprint is the SHA-256, in hex, of the key as a PEM file: what `sha256sum provider.pub.pem`
prints, and what a bundle of OpenSSF model-signing has as the key's hint. Each curve has one hash,
so a bundle has no say in which algorithm verifies it.
"""

import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

from fivegms_client.errors import BadOption

PublicKey = ec.EllipticCurvePublicKey

HASHES: dict[str, hashes.HashAlgorithm] = {
    "secp256r1": hashes.SHA256(),
    "secp384r1": hashes.SHA384(),
    "secp521r1": hashes.SHA512(),
}
"""The curves that are taken, each with the hash that goes with it."""

_MAX_PEM_BYTES = 4096
_FINGERPRINT = re.compile(r"(?:sha256:)?([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A key that the app trusts, or its fingerprint alone: then the release brings the key."""

    fingerprint: str
    public_key: PublicKey | None = None


def trusted_key(source: str | bytes | Path) -> TrustedKey:
    """A key from PEM bytes, a PEM file, or a fingerprint (`sha256:` and 64 hex digits).

    Raises BadOption.
    """
    if isinstance(source, str) and (found := _FINGERPRINT.fullmatch(source)):
        return TrustedKey(found[1])
    public_key = read_public_key(source if isinstance(source, bytes) else _read(Path(source)))
    if public_key is None:
        raise BadOption(
            f"{'the PEM' if isinstance(source, bytes) else source} is no public key on "
            f"{', '.join(HASHES)}; `fivegms keygen` makes one"
        )
    return TrustedKey(fingerprint(public_key), public_key)


def read_public_key(pem: bytes) -> PublicKey | None:
    """The key in a PEM file; None for anything but a public key on a curve of HASHES."""
    if len(pem) > _MAX_PEM_BYTES:
        return None
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        return None
    return usable(key)


def usable(key: object) -> PublicKey | None:
    """The key, where it is on a curve of HASHES."""
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in HASHES:
        return key
    return None


def fingerprint(public_key: PublicKey) -> str:
    """SHA-256 in hex of the key's PEM form."""
    pem = public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return sha256(pem).hexdigest()


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MAX_PEM_BYTES + 1)
    except OSError as error:
        raise BadOption(f"{path} is no fingerprint and cannot be read: {error.strerror}") from error
