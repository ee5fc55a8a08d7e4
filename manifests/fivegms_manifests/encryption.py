"""Segments that only those with a key can read: AES-256-GCM, one file per segment.

    nonce (12 bytes) | ciphertext (as long as the segment) | tag (16 bytes)

What is authenticated besides is the segment's place: model, variant and number, so a server cannot
pass one segment off as another. The version is not in it: a segment that did not change keeps its
bytes, and its name, from version to version.

The nonce is derived: HMAC-SHA256 over place and segment, with a key of its own. Equal input gives
equal bytes, as every writer here does; what differs gets another nonce unless 96 bits of the HMAC
collide, which after 2^32 segments under one key has a probability of 2^-33; NIST SP 800-38D 8
allows 2^-32. An onlooker learns which segments of two versions are equal,
and their sizes, no more.

Which key: whoever prepares knows it, the manifest has its id and where to ask for it (`Encryption`
in `model`). This module needs the library `cryptography`, which every role's extra brings and the
wire formats alone do not; it is loaded when a segment is encrypted or decrypted.
"""

import hmac
from dataclasses import dataclass
from hashlib import sha256

from fivegms_manifests.errors import KeyUnusable, NotDecryptable, SegmentLimitExceeded

SCHEME = "aes-256-gcm"
KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
OVERHEAD_BYTES = NONCE_BYTES + TAG_BYTES
"""How much longer an encrypted segment is."""

MAX_SEGMENT_BYTES = 2**31 - 1 - TAG_BYTES
"""As much as the library takes at a time."""

_DOMAIN = b"fivegms segment 2026"


@dataclass(frozen=True, slots=True)
class SegmentPlace:
    """Which segment of which variant: `index` counts media segments from 0."""

    model: str
    variant: str
    index: int

    def associated_data(self) -> bytes:
        """The place as bytes: each part after its length, so no two places read alike."""
        parts = (_DOMAIN, self.model.encode(), self.variant.encode())
        framed = b"".join(len(part).to_bytes(4, "little") + part for part in parts)
        return framed + self.index.to_bytes(8, "little")


def encrypt_segment(data: bytes, key: bytes, place: SegmentPlace) -> bytes:
    """The encrypted file of a segment: the same bytes each time.

    Raises KeyUnusable, and SegmentLimitExceeded above MAX_SEGMENT_BYTES.
    """
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    if len(data) > MAX_SEGMENT_BYTES:
        raise SegmentLimitExceeded(
            f"a segment of {len(data):,} bytes; at most {MAX_SEGMENT_BYTES:,} can be encrypted"
        )
    associated = place.associated_data()
    nonce = _nonce(data, _subkey(key, b"nonce"), associated)
    return nonce + AESGCM(_subkey(key, b"encryption")).encrypt(nonce, data, associated)


def decrypt_segment(data: bytes | bytearray, key: bytes, place: SegmentPlace) -> bytes:
    """The segment that was encrypted with `key` for `place`. Raises KeyUnusable, NotDecryptable."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    if not OVERHEAD_BYTES <= len(data) <= MAX_SEGMENT_BYTES + OVERHEAD_BYTES:
        raise NotDecryptable(f"{len(data):,} bytes are no encrypted segment")
    view = memoryview(data)
    cipher = AESGCM(_subkey(key, b"encryption"))
    try:
        return cipher.decrypt(view[:NONCE_BYTES], view[NONCE_BYTES:], place.associated_data())
    except InvalidTag:
        raise NotDecryptable(
            f"segment {place.index} of variant {place.variant}: encrypted with another key, for "
            "another place, or changed since"
        ) from None


def key_id(key: bytes) -> str:
    """A name for a key that tells nothing of it: 16 hexadecimal digits. Raises KeyUnusable."""
    return _subkey(key, b"name").hex()[:16]


def _subkey(key: bytes, purpose: bytes) -> bytes:
    """HKDF-Expand of one block (RFC 5869 2.3); the key is uniform, so nothing is to extract."""
    if len(key) != KEY_BYTES:
        raise KeyUnusable(f"a key for segments has {KEY_BYTES} bytes, this one {len(key)}")
    return hmac.digest(key, _DOMAIN + b" " + purpose + b"\x01", sha256)


def _nonce(data: bytes, key: bytes, associated: bytes) -> bytes:
    mac = hmac.new(key, associated, sha256)
    mac.update(data)
    return mac.digest()[:NONCE_BYTES]
