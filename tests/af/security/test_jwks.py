"""Key sets that are read, and those that are refused whole."""

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, RSAKey

from fivegms_af.security.jwks import MAX_BYTES, MAX_KEYS, read_key_set
from support.tokens import Key, jwks

EC = Key.make("ec")
RSA = Key.make("rsa", "RSA")
ED = Key.make("ed", "OKP")
SET = jwks(EC, RSA, ED)


def test_keys_by_identifier_with_the_algorithms_of_their_type() -> None:
    keys = read_key_set(SET)
    found = {kid: key.algorithms for kid in ("ec", "rsa", "ed") if (key := keys.find(kid))}
    assert found == {"ec": ("ES256",), "rsa": ("RS256", "PS256"), "ed": ("EdDSA", "Ed25519")}
    assert keys.find("other") is None
    assert keys.find(None) is None


def test_a_key_alone_serves_tokens_that_name_none() -> None:
    alone = {name: value for name, value in EC.jwk.items() if name != "kid"}
    assert read_key_set(jwks(alone)).find(None) is not None
    assert read_key_set(jwks(EC)).find(None) is not None


@pytest.mark.parametrize(
    "other",
    [
        {"kty": "oct", "k": "c2VjcmV0", "kid": "x"},
        {"kty": "AKP", "kid": "x"},
        EC.jwk | {"kid": "x", "use": "enc"},
        EC.jwk | {"kid": "x", "alg": "ECDH-ES"},
        ECKey.generate_key("P-384").as_dict(private=False) | {"kid": "x"},
    ],
    ids=["oct", "unknown type", "for encryption", "algorithm", "curve"],
)
def test_keys_for_something_else_are_left_out(other: dict[str, Any]) -> None:
    keys = read_key_set(jwks(EC, other))
    assert keys.find("x") is None
    assert keys.find("ec") is not None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"keys":{}}',
        b'{"keys":[1]}',
        b'{"keys":[],"keys":[]}',
        b'{"keys":[]}',
        jwks({"kty": "EC", "crv": "P-256", "kid": "x"}),
        jwks(EC.jwk | {"x": "AAAA"}),
        jwks(EC.jwk | {"kid": 7}),
        jwks(EC, EC),
        jwks(EC.pair.as_dict(private=True)),
        jwks(RSA.jwk | {"e": 3}),
        jwks(RSA.jwk | {"n": "A" * 3000}),
        jwks(*(EC.jwk | {"kid": str(one)} for one in range(MAX_KEYS + 1))),
        b" " * (MAX_BYTES + 1),
    ],
    ids=range(16),
)
def test_a_set_that_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"key|it is"):
        read_key_set(body)


def test_a_weak_key() -> None:
    pair = rsa.generate_private_key(65537, 1024)
    weak = RSAKey(pair.public_key(), pair.public_key()).as_dict() | {"kid": "weak"}
    with pytest.raises(ValueError, match="2048"):
        read_key_set(jwks(weak))


@given(place=st.integers(0, len(SET) - 1), byte=st.integers(0, 255))
def test_a_changed_set_is_read_or_refused_by_name(place: int, byte: int) -> None:
    changed = SET[:place] + bytes([byte]) + SET[place + 1 :]
    try:
        keys = read_key_set(changed)
    except ValueError:
        return
    assert 1 <= len(keys.keys) <= 3


@given(length=st.integers(0, len(SET) - 1))
def test_a_shortened_set_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="key set"):
        read_key_set(SET[:length])


def test_what_it_says_has_no_key_in_it() -> None:
    with pytest.raises(ValueError, match="private") as refused:
        read_key_set(jwks(EC.pair.as_dict(private=True)))
    assert json.loads(json.dumps(EC.pair.as_dict(private=True)))["d"] not in str(refused.value)
