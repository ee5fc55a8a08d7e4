import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivegms_as.digest_fields import read_repr_digest, write_repr_digest
from fivegms_as.errors import DigestFieldInvalid

EMPTY = hashlib.sha256(b"").hexdigest()
FIELD = "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"


def test_the_field_of_rfc_9530():
    assert write_repr_digest(EMPTY) == FIELD
    assert read_repr_digest(FIELD) == EMPTY


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (f"sha-512=:AAAA:, {FIELD}", EMPTY),
        ("sha-512=:AAAA:", None),
        (f"sha-256=:{'A' * 43}=:, {FIELD}", EMPTY),
    ],
)
def test_other_algorithms_are_passed_over(value, expected):
    assert read_repr_digest(value) == expected


@pytest.mark.parametrize(
    "value",
    ["", "sha-256", "sha-256=abc", "sha-256=::", "sha-256=:AAAA:", "sha-256=:=AAA:", "a" * 2000],
)
def test_a_malformed_field_is_refused(value):
    with pytest.raises(DigestFieldInvalid):
        read_repr_digest(value)


@given(st.binary(min_size=32, max_size=32))
def test_every_digest_survives(digest):
    assert read_repr_digest(write_repr_digest(digest.hex())) == digest.hex()


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(value):
    try:
        digest = read_repr_digest(value)
    except DigestFieldInvalid:
        return
    assert digest is None or len(digest) == 64
