"""What may be uploaded for a reserved certificate, and what is refused by which name."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given, settings
from hypothesis import strategies as st

from fivegms_af.certificate_authority import new_key
from fivegms_af.certificate_chain import MAX_CHAIN_BYTES, MAX_CHAIN_CERTIFICATES
from fivegms_af.certificates import m3_body, made, read_aliases, reserved, speaks_for, uploaded
from fivegms_af.errors import (
    CertificateAlreadyThere,
    CertificateChainBroken,
    CertificateKeyForeign,
    CertificateMalformed,
    CertificateNameMissing,
    CertificateNotInForce,
    CertificateRefused,
    CertificateUnsuitable,
    MembersRefused,
)
from support.authority import DAY, Authority, requested_names

NOW = datetime(2026, 11, 23, tzinfo=UTC)
AUTHORITY = Authority.new(NOW)
RESERVED = reserved("c1", "m4.example", ["a.example", "b.example"], new_key(), NOW)
REQUEST = RESERVED.signing_request or b""
PUBLIC_KEY = x509.load_pem_x509_csr(REQUEST).public_key()
GOOD = AUTHORITY.sign(REQUEST, NOW)


def refusal(pem: bytes, now: datetime = NOW) -> CertificateRefused:
    with pytest.raises(CertificateRefused) as refused:
        uploaded(RESERVED, pem, now)
    return refused.value


def test_the_request_has_the_canonical_name_and_the_aliases() -> None:
    assert requested_names(REQUEST) == ["m4.example", "a.example", "b.example"]
    assert RESERVED.chain is None
    assert m3_body(RESERVED) is None
    assert not speaks_for(RESERVED, "a.example")
    assert x509.load_pem_x509_csr(REQUEST).is_signature_valid


def test_what_the_ca_made_of_it_completes_the_certificate() -> None:
    complete = uploaded(RESERVED, b"a comment\n" + GOOD, NOW + DAY)
    assert complete.chain == GOOD
    assert complete.modified == NOW + DAY
    assert m3_body(complete) == GOOD + RESERVED.private_key
    assert speaks_for(complete, "b.example")
    assert not speaks_for(complete, "c.example")


def test_the_servers_name_is_not_asked_of_the_ca_where_there_are_aliases() -> None:
    pem = AUTHORITY.issue(PUBLIC_KEY, ["*.example"], NOW)
    assert uploaded(RESERVED, pem, NOW).chain == pem


def test_a_certificate_is_uploaded_once() -> None:
    with pytest.raises(CertificateAlreadyThere):
        uploaded(uploaded(RESERVED, GOOD, NOW), GOOD, NOW)
    with pytest.raises(CertificateAlreadyThere):
        uploaded(made("c2", "m4.example", new_key(), None, NOW), GOOD, NOW)


@pytest.mark.parametrize(
    ("pem", "said"),
    [
        (b"", "no PEM"),
        (b"nothing", "no PEM"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "no PEM"),
        (GOOD[:200], "no PEM"),
        (REQUEST, "no PEM"),
        (GOOD + AUTHORITY.key_pem, "private key"),
        (b"\n" * (MAX_CHAIN_BYTES + 1), "bytes"),
        (AUTHORITY.pem * (MAX_CHAIN_CERTIFICATES + 1), "certificates at most"),
    ],
)
def test_what_is_no_chain(pem: bytes, said: str) -> None:
    refused = refusal(pem)
    assert isinstance(refused, CertificateMalformed)
    assert said in str(refused)


def test_another_key() -> None:
    for key in (new_key(), rsa.generate_private_key(65537, 2048)):
        pem = AUTHORITY.issue(key.public_key(), ["a.example", "b.example"], NOW)
        assert isinstance(refusal(pem), CertificateKeyForeign)


@pytest.mark.parametrize("now", [NOW - 2 * DAY, NOW + 30 * DAY])
def test_too_early_and_too_late(now: datetime) -> None:
    assert isinstance(refusal(GOOD, now), CertificateNotInForce)


def test_an_issuer_that_has_expired() -> None:
    old = Authority.new(NOW, lasts=timedelta(hours=-1))
    assert isinstance(refusal(old.sign(REQUEST, NOW)), CertificateNotInForce)


@pytest.mark.parametrize("names", [[], ["a.example"], ["example"], ["a.b.example"]])
def test_a_name_that_was_not_certified(names: list[str]) -> None:
    refused = refusal(AUTHORITY.issue(PUBLIC_KEY, names, NOW))
    assert isinstance(refused, CertificateNameMissing)


def test_issuers_that_did_not_issue_it() -> None:
    for chain in (
        AUTHORITY.issue(PUBLIC_KEY, ["*.example"], NOW) + Authority.new(NOW).pem,
        GOOD + Authority.new(NOW, "another").pem,
    ):
        assert isinstance(refusal(chain), CertificateChainBroken)


def test_certificates_that_are_for_something_else() -> None:
    client = AUTHORITY.sign(REQUEST, NOW, usage=ExtendedKeyUsageOID.CLIENT_AUTH)
    assert isinstance(refusal(client), CertificateUnsuitable)
    assert isinstance(refusal(AUTHORITY.sign(REQUEST, NOW, ca=True)), CertificateUnsuitable)
    assert uploaded(RESERVED, AUTHORITY.sign(REQUEST, NOW, usage=None), NOW)


@settings(deadline=None, max_examples=300)
@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255), st.booleans())
@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
def test_whatever_comes_is_taken_or_refused_by_name(place: int, flip: int, cut: bool) -> None:
    damaged = bytearray(GOOD)
    damaged[place] ^= flip
    try:
        complete = uploaded(RESERVED, bytes(damaged[: place + 1] if cut else damaged), NOW)
    except CertificateRefused:
        return
    assert complete.chain
    assert speaks_for(complete, "a.example")


def test_the_private_key_is_in_no_repr() -> None:
    assert "PRIVATE" not in repr(RESERVED)


@pytest.mark.parametrize(
    ("document", "named"),
    [
        ({}, ""),
        ("a.example", ""),
        ([1], "/0"),
        (["a.example", "a b"], "/1"),
        (["a.example", "a.example"], "/1"),
        (["192.0.2.1"], "/0"),
        ([f"{number}.example" for number in range(65)], ""),
    ],
)
def test_aliases_that_are_none(document: object, named: str) -> None:
    with pytest.raises(MembersRefused) as refused:
        read_aliases(document)
    assert [param.param for param in refused.value.params] == [named]


def test_aliases_are_compared_in_lower_case() -> None:
    assert read_aliases(["A.Example"]) == ("a.example",)
    assert read_aliases([]) == ()
