"""A certificate from M3: chain and key in one PEM text, read distrustfully."""

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from fivegms_as.certificate import MAX_CHAIN, MAX_PEM_BYTES, Certificate
from fivegms_as.errors import CertificateInvalid
from support.authority import Authority, private_pem

NOW = datetime(2026, 11, 1, tzinfo=UTC)
CA = Authority.new(NOW)
KEY = ec.generate_private_key(ec.SECP256R1())
SERVER = CA.issue(KEY.public_key(), ["as.example"], NOW)
BODY = SERVER + CA.pem + private_pem(KEY)


def test_chain_and_key_are_told_apart():
    certificate = Certificate.parse(BODY)
    assert (certificate.body, certificate.chain) == (BODY, SERVER + CA.pem)
    assert b"PRIVATE" not in certificate.chain
    assert "PRIVATE" not in repr(certificate)


@pytest.mark.parametrize(
    "body",
    [
        private_pem(KEY) + SERVER,
        SERVER.replace(b"\n", b"\r\n") + private_pem(KEY),
        b"subject=as.example\n" + SERVER + b"a word\n" + private_pem(KEY),
    ],
)
def test_what_other_tools_write_is_read(body):
    assert Certificate.parse(body).body == body


def encrypted():
    return KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"p"))


def traditional_encrypted():
    form = PrivateFormat.TraditionalOpenSSL
    return KEY.private_bytes(Encoding.PEM, form, BestAvailableEncryption(b"p"))


def public_key():
    return KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "1 to 16 certificates"),
        (private_pem(KEY), "1 to 16 certificates"),
        (SERVER, "one private key"),
        (SERVER + private_pem(KEY) * 2, "one private key"),
        (SERVER * (MAX_CHAIN + 1) + private_pem(KEY), "1 to 16 certificates"),
        (SERVER + CA.key_pem, "not that of the first"),
        (CA.pem + SERVER + CA.key_pem, "cannot be used"),
        (SERVER + Authority.new(NOW, "Other CA").pem + private_pem(KEY), "cannot be used"),
        (SERVER + encrypted(), "neither certificate nor plain key"),
        (SERVER + traditional_encrypted(), "has a passphrase"),
        (SERVER + private_pem(KEY) + public_key(), "neither certificate nor plain key"),
        (SERVER.replace(b"M", b"N") + private_pem(KEY), "cannot be used"),
        (SERVER + b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "cannot be"),
        (SERVER + private_pem(KEY)[:-10], "damaged"),
        (b" " * (MAX_PEM_BYTES + 1), "at most"),
    ],
)
def test_what_no_server_could_show_is_refused(body, reason):
    with pytest.raises(CertificateInvalid, match=reason):
        Certificate.parse(body)


def test_a_chain_of_another_ca_of_the_same_name_is_refused():
    with pytest.raises(CertificateInvalid, match="not issued by the one after it"):
        Certificate.parse(SERVER + Authority.new(NOW).pem + private_pem(KEY))


@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
@given(st.integers(0, len(BODY) - 1), st.integers(0, 255))
def test_a_body_with_another_byte_is_the_same_certificate_or_refused(place, byte):
    changed = BODY[:place] + bytes([byte]) + BODY[place + 1 :]
    with suppress(CertificateInvalid):
        assert b"PRIVATE" not in Certificate.parse(changed).chain


@given(st.integers(0, len(BODY) - 2))
def test_a_cut_body_is_refused(length):
    with pytest.raises(CertificateInvalid):
        Certificate.parse(BODY[:length])
