"""Encrypted segments: the same bytes for the same input, and nothing for the wrong key or place."""

import hmac

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from hypothesis import given
from hypothesis import strategies as st

from fivegms_manifests.encryption import (
    KEY_BYTES,
    NONCE_BYTES,
    OVERHEAD_BYTES,
    SegmentPlace,
    decrypt_segment,
    encrypt_segment,
    key_id,
)
from fivegms_manifests.errors import KeyUnusable, NotDecryptable

KEY = bytes(range(KEY_BYTES))
OTHER_KEY = bytes(KEY_BYTES)
PLACE = SegmentPlace("digits-detector", "s1-int8", 3)
OTHER_PLACES = [
    SegmentPlace("digits-detector", "s1-int8", 4),
    SegmentPlace("digits-detector", "s1-fp32", 3),
    SegmentPlace("signs-detector", "s1-int8", 3),
    SegmentPlace("digits-detectors", "1-int8", 3),
]


@given(st.binary(max_size=5000))
def test_what_is_encrypted_comes_back(data: bytes) -> None:
    encrypted = encrypt_segment(data, KEY, PLACE)
    assert len(encrypted) == len(data) + OVERHEAD_BYTES
    assert decrypt_segment(encrypted, KEY, PLACE) == data
    assert encrypt_segment(data, KEY, PLACE) == encrypted


def expanded(purpose: bytes) -> bytes:
    """The subkey as RFC 5869 has it, by another implementation."""
    info = b"fivegms segment 2026 " + purpose
    return HKDFExpand(hashes.SHA256(), KEY_BYTES, info).derive(KEY)


def test_the_format_is_the_documented_one() -> None:
    associated = (
        b"\x14\0\0\0fivegms segment 2026\x0f\0\0\0digits-detector\x07\0\0\0s1-int8"
        b"\x03\0\0\0\0\0\0\0"
    )
    nonce = hmac.digest(expanded(b"nonce"), associated + b"segment", "sha256")[:NONCE_BYTES]
    sealed = AESGCM(expanded(b"encryption")).encrypt(nonce, b"segment", associated)
    assert encrypt_segment(b"segment", KEY, PLACE) == nonce + sealed
    assert key_id(KEY) == expanded(b"name")[:8].hex()


def test_other_input_has_another_nonce() -> None:
    encrypted = [
        encrypt_segment(data, key, place)
        for data in (b"", b"segment", b"segmenu")
        for key in (KEY, OTHER_KEY)
        for place in (PLACE, *OTHER_PLACES)
    ]
    assert len({one[:NONCE_BYTES] for one in encrypted}) == len(encrypted)


@pytest.mark.parametrize("place", OTHER_PLACES)
def test_a_segment_of_another_place_is_refused(place: SegmentPlace) -> None:
    with pytest.raises(NotDecryptable):
        decrypt_segment(encrypt_segment(b"segment", KEY, place), KEY, PLACE)


def test_another_key_is_refused() -> None:
    with pytest.raises(NotDecryptable):
        decrypt_segment(encrypt_segment(b"segment", KEY, PLACE), OTHER_KEY, PLACE)
    assert key_id(KEY) != key_id(OTHER_KEY)


@given(st.integers(0, OVERHEAD_BYTES + 6), st.integers(1, 255))
def test_every_changed_byte_is_refused(at: int, flip: int) -> None:
    encrypted = bytearray(encrypt_segment(b"segment", KEY, PLACE))
    encrypted[at] ^= flip
    with pytest.raises(NotDecryptable):
        decrypt_segment(encrypted, KEY, PLACE)


@pytest.mark.parametrize("end", range(OVERHEAD_BYTES + 7))
def test_a_truncated_segment_is_refused(end: int) -> None:
    with pytest.raises(NotDecryptable):
        decrypt_segment(encrypt_segment(b"segment", KEY, PLACE)[:end], KEY, PLACE)


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_a_key_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(KeyUnusable):
        encrypt_segment(b"segment", bytes(length), PLACE)
    with pytest.raises(KeyUnusable):
        decrypt_segment(bytes(OVERHEAD_BYTES), bytes(length), PLACE)
    with pytest.raises(KeyUnusable):
        key_id(bytes(length))
