"""Which tokens are believed, and what each of the others is refused for."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivegms_af.security.bearer_token import LEEWAY_S, read_token
from fivegms_af.security.caller import Caller
from fivegms_af.security.errors import (
    AccessDenied,
    NotAuthenticated,
    TokenExpired,
    TokenForAnother,
    TokenMalformed,
    TokenNotYetValid,
    TokenUntrusted,
)
from fivegms_af.security.jwks import read_key_set
from support.tokens import ALGORITHMS, AUDIENCE, Key, claims, hmac_with, jwks, signed

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SECONDS = NOW.timestamp()
KEY = Key.make("k1")


def believe(token: str, key: Key = KEY, now: float = SECONDS) -> Caller:
    verification_key = read_key_set(jwks(key)).find(key.kid)
    assert verification_key is not None
    read = read_token(token)
    read.check_signature(verification_key)
    read.check_claims(AUDIENCE, now)
    return read.caller()


@pytest.mark.requirement("R008a")
@pytest.mark.parametrize("kind", ALGORITHMS)
def test_a_good_token_of_each_kind_of_key(kind: Any) -> None:
    key = Key.make("k", kind)
    token = key.sign(claims(NOW, scope="3gpp-m1 3gpp-m5:read", client_id="one"))
    caller = believe(token, key)
    assert caller == Caller("one", frozenset({"3gpp-m1", "3gpp-m5:read"}), asp_id="acme")


@pytest.mark.parametrize(
    ("kind", "algorithm"), [("EC", "ES256"), ("OKP", "EdDSA"), ("RSA", "PS256")]
)
def test_the_other_algorithms_of_a_key(kind: Any, algorithm: str) -> None:
    key = Key.make("k", kind)
    assert believe(key.sign(claims(NOW), alg=algorithm, typ="at+jwt"), key).asp_id == "acme"


def test_an_unknown_header_parameter_is_ignored() -> None:
    assert believe(KEY.sign(claims(NOW), nonce="x" * 600)).subject == "somebody"


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a.b",
        "a.b.c",
        "e30.e30.e30",
        "!.!.!",
        "é.é.é",
        "a" * 20_000,
        KEY.sign(b"[]"),
        KEY.sign(b"{"),
        KEY.sign(b'{"iss":"a","iss":"b"}'),
        KEY.sign(b"[" * 5000),
        KEY.sign(claims(NOW), typ="JOSE"),
        KEY.sign(claims(NOW), typ="dpop+jwt"),
        KEY.sign(claims(NOW), crit=["exp"], exp=1),
        signed(claims(NOW), None, {"alg": "none"}),
        base64.urlsafe_b64encode(b"[" * 3000).decode().rstrip("=") + ".e30.AA",
    ],
    ids=range(16),
)
def test_what_is_no_token_of_ours(token: str) -> None:
    with pytest.raises(TokenMalformed):
        read_token(token)


@pytest.mark.parametrize("secret", ["pem", "jwk"])
def test_a_public_key_is_no_shared_secret(secret: str) -> None:
    bodies = {"pem": KEY.pair.as_pem(private=False), "jwk": json.dumps(KEY.jwk).encode()}
    with pytest.raises(TokenMalformed, match="alg"):
        believe(hmac_with(bodies[secret], claims(NOW), kid=KEY.kid))


def test_a_key_verifies_its_own_algorithms_only() -> None:
    token, rsa = KEY.sign(claims(NOW)), Key.make("k1", "RSA")
    with pytest.raises(TokenUntrusted, match="alg"):
        believe(token, rsa)
    only = read_key_set(jwks(rsa.jwk | {"alg": "RS256"})).find("k1")
    assert only is not None
    with pytest.raises(TokenUntrusted, match="alg"):
        read_token(rsa.sign(claims(NOW), alg="PS256")).check_signature(only)


def test_a_signature_by_another_key() -> None:
    with pytest.raises(TokenUntrusted, match="signature"):
        believe(Key.make("k1").sign(claims(NOW)))


@pytest.mark.parametrize(
    ("changed", "cause"),
    [
        ({"aud": "another"}, TokenForAnother),
        ({"aud": ["another"]}, TokenForAnother),
        ({"aud": [AUDIENCE, 7]}, TokenMalformed),
        ({"aud": None}, TokenMalformed),
        ({"aud": AUDIENCE.upper()}, TokenForAnother),
        ({"exp": None}, TokenMalformed),
        ({"exp": True}, TokenMalformed),
        ({"exp": "9999999999"}, TokenMalformed),
        ({"exp": 1e300}, TokenMalformed),
        ({"exp": SECONDS - LEEWAY_S}, TokenExpired),
        ({"nbf": SECONDS + LEEWAY_S + 1}, TokenNotYetValid),
        ({"iat": SECONDS + LEEWAY_S + 1}, TokenNotYetValid),
        ({"nbf": []}, TokenMalformed),
        ({"scope": ["3gpp-m1"]}, TokenMalformed),
        ({"asp_id": 7}, TokenMalformed),
        ({"asp_id": ""}, TokenMalformed),
        ({"app_id": "x" * 2000}, TokenMalformed),
        ({"provisioning_session_id": {}}, TokenMalformed),
        ({"data_access_profile_ids": [1]}, TokenMalformed),
        ({"data_access_profile_ids": ["a"] * 257}, TokenMalformed),
        ({"sub": []}, TokenMalformed),
        ({"client_id": 1}, TokenMalformed),
    ],
    ids=str,
)
def test_claims_that_do_not_do(changed: dict[str, Any], cause: type[Exception]) -> None:
    with pytest.raises(cause):
        believe(KEY.sign(claims(NOW, **changed)))


@pytest.mark.parametrize("iss", [None, 7, ""])
def test_an_issuer_that_is_none(iss: Any) -> None:
    with pytest.raises(TokenMalformed):
        assert read_token(KEY.sign(claims(NOW, iss=iss))).issuer


def test_clocks_may_differ_by_half_a_minute() -> None:
    late = claims(NOW, exp=SECONDS - LEEWAY_S + 1, nbf=SECONDS + LEEWAY_S, iat=SECONDS + LEEWAY_S)
    assert believe(KEY.sign(late)).asp_id == "acme"


def test_an_audience_among_several_and_no_scope() -> None:
    assert believe(KEY.sign(claims(NOW, aud=["x", AUDIENCE], scope=None))).scopes == frozenset()
    assert believe(KEY.sign(claims(NOW, scope=""))).scopes == frozenset()


@pytest.mark.requirement("R008b")
@pytest.mark.parametrize("claim", ["asp_id", "app_id", "provisioning_session_id"])
def test_who_is_bound_is_no_operator(claim: str) -> None:
    wide = claims(NOW, scope="fivegms-operator fivegms-operator:read 3gpp-m1", asp_id=None)
    assert believe(KEY.sign(wide)).scopes >= {"fivegms-operator"}
    assert believe(KEY.sign(wide | {claim: "x"})).scopes == {"3gpp-m1"}


TOKEN = KEY.sign(claims(NOW))


@given(place=st.integers(0, len(TOKEN) - 1), character=st.characters(max_codepoint=0x2FF))
def test_no_changed_character_is_believed(place: int, character: str) -> None:
    changed = TOKEN[:place] + character + TOKEN[place + 1 :]
    try:
        believed = believe(changed)
    except NotAuthenticated:
        return
    assert believed == believe(TOKEN)  # the last character of base64url has bits without meaning
    assert _bytes(changed) == _bytes(TOKEN)


@given(length=st.integers(0, len(TOKEN) - 1))
def test_no_shortened_token_is_believed(length: int) -> None:
    with pytest.raises(NotAuthenticated):
        believe(TOKEN[:length])


@given(text=st.text(max_size=200))
def test_no_text_is_more_than_refused(text: str) -> None:
    with pytest.raises(AccessDenied):
        believe(text)


def _bytes(token: str) -> list[bytes]:
    return [base64.urlsafe_b64decode(part + "==") for part in token.split(".")]
