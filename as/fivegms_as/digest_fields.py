"""RFC 9530 `Repr-Digest`, of which SHA-256 is understood: `sha-256=:BASE64:`."""

import base64
import binascii
import re

from fivegms_as.errors import DigestFieldInvalid

_MEMBER = re.compile(r"\s*([a-z*][a-z0-9_.*-]*)=:([A-Za-z0-9+/=]*):\s*")
_SHA256_BYTES = 32
_MAX_FIELD = 1024


def write_repr_digest(sha256: str) -> str:
    """The field value for a SHA-256 in hex."""
    return f"sha-256=:{base64.b64encode(bytes.fromhex(sha256)).decode()}:"


def read_repr_digest(value: str) -> str | None:
    """The SHA-256 in hex that a field announces; None where it has other algorithms only.

    Raises DigestFieldInvalid for a field that is no dictionary of byte sequences, or whose sha-256
    has not 32 bytes.
    """
    if len(value) > _MAX_FIELD:
        raise DigestFieldInvalid("Repr-Digest is too long")
    members = [_member(part) for part in value.split(",")]
    digests = [digest for algorithm, digest in members if algorithm == "sha-256"]
    if not digests:
        return None
    return _sha256(digests[-1])  # RFC 9651 3.2: of equal keys the last one counts


def _member(part: str) -> tuple[str, str]:
    match = _MEMBER.fullmatch(part)
    if not match:
        raise DigestFieldInvalid(f"Repr-Digest member {part.strip()!r} is not ALGORITHM=:BASE64:")
    return match[1], match[2]


def _sha256(text: str) -> str:
    try:
        digest = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise DigestFieldInvalid("Repr-Digest sha-256 is not base64") from None
    if len(digest) != _SHA256_BYTES:
        raise DigestFieldInvalid(f"Repr-Digest sha-256 has {len(digest)} bytes, not 32")
    return digest.hex()
