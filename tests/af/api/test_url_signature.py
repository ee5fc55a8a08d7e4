"""Signed URLs: a golden vector used both ways, and nothing but what was signed is honoured."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivegms_api.content_hosting import UrlSignature
from fivegms_api.url_signature import (
    SignatureExpired,
    SignatureInvalid,
    SignatureMissing,
    UrlSignatureRefused,
    sign,
    signature_faults,
    verify,
)

EXPIRES = 1_793_534_400
URL = "https://as.example/m4d/provisioning-session-s1/model.mpd"
SIGNED = (
    f"{URL}?expires={EXPIRES}&token="
    "Z2QABXe8u2yv5K0FB8ONndnZcBTxTAGxTx5xvByK_NyqMpNoVQ41znPJ9S6wUM5Bdj2P4v2i5uJNw29iNNgknw"
)
IP = "192.0.2.7"
SIGNED_FOR_IP = (
    f"/m4d/provisioning-session-s1/a%20b/model.mpd?expires={EXPIRES}&token="
    "Q9bTwR7JOK8c-EGq7RSpY0mD9nu4NPjD1Ym1CuKA1Bx_wSgAvopQmUEBzaAzKeSdDoQ5MFAybT-t-MFHxjjNdw"
)


def signature(**members: object) -> UrlSignature:
    usual = {
        "url_pattern": "[.]mpd$",
        "token_name": "token",
        "passphrase_name": "secret",
        "passphrase": "horse battery",
        "token_expiry_name": "expires",
        "use_ip_address": False,
    }
    return UrlSignature.model_validate(usual | members)


WITH_IP = signature(use_ip_address=True, ip_address_name="ip")


def check(url, rule=None, *, now=EXPIRES - 1, ip=IP):
    verify(url, rule or signature(), now=now, ip=ip)


def test_the_golden_vectors_hold_both_ways():
    assert sign(URL, signature(), EXPIRES) == SIGNED
    check(SIGNED)
    url = SIGNED_FOR_IP.partition("?")[0]
    assert sign(url, WITH_IP, EXPIRES, IP) == SIGNED_FOR_IP
    check(SIGNED_FOR_IP, WITH_IP)


@pytest.mark.parametrize(
    "url",
    [
        SIGNED.replace("https://as.example", "http://127.0.0.1:8080"),
        SIGNED.replace("https://as.example", ""),
        SIGNED.replace("model", "%6d%6Fdel"),
        SIGNED.replace("expires=1", "%65xpires=%31"),
    ],
)
def test_the_same_url_in_another_spelling_is_the_same(url):
    check(url)


def test_an_address_holds_in_every_spelling():
    check(SIGNED_FOR_IP, WITH_IP, ip=f"::ffff:{IP}")
    signed = sign(URL, WITH_IP, EXPIRES, "2001:DB8:0::1")
    check(signed, WITH_IP, ip="2001:db8::1")


@pytest.mark.parametrize(
    ("url", "refusal"),
    [
        (URL, SignatureMissing),
        (f"{URL}?expires={EXPIRES}", SignatureMissing),
        (SIGNED.replace(f"expires={EXPIRES}&", ""), SignatureMissing),
        (SIGNED.replace("model", "other"), SignatureInvalid),
        (SIGNED.replace(str(EXPIRES), str(EXPIRES + 1)), SignatureInvalid),
        (SIGNED.replace(str(EXPIRES), ""), SignatureInvalid),
        (SIGNED.replace(str(EXPIRES), "٣"), SignatureInvalid),
        (SIGNED.replace(str(EXPIRES), "9" * 13), SignatureInvalid),
        (f"{SIGNED}&x=1", SignatureInvalid),
        (f"{SIGNED}&token=x", SignatureInvalid),
        (f"{SIGNED}&expires=1", SignatureInvalid),
        (f"{SIGNED}&secret=horse%20battery", SignatureInvalid),
        (SIGNED + "\udcff", SignatureInvalid),
    ],
)
def test_any_other_url_is_refused_by_name(url, refusal):
    with pytest.raises(refusal):
        check(url)


def test_a_signature_ends_at_its_expiry():
    with pytest.raises(SignatureExpired):
        check(SIGNED, now=EXPIRES)


def test_another_address_or_passphrase_is_refused():
    with pytest.raises(SignatureInvalid):
        check(SIGNED_FOR_IP, WITH_IP, ip="192.0.2.8")
    with pytest.raises(SignatureInvalid):
        check(SIGNED, signature(passphrase="horse batterz"))


def test_other_parameters_are_covered():
    signed = sign(f"{URL}?a=1&b=2", signature(), EXPIRES)
    check(signed)
    for changed in (signed.replace("a=1", "a=2"), signed.replace("a=1&b=2", "b=2&a=1")):
        with pytest.raises(SignatureInvalid):
            check(changed)


@given(st.integers(0, len(SIGNED) - len("https://as.example") - 1), st.integers(0x21, 0x7E))
def test_no_character_can_be_changed(place, code):
    target = SIGNED.removeprefix("https://as.example")
    changed = target[:place] + chr(code) + target[place + 1 :]
    if changed != target:
        with pytest.raises(UrlSignatureRefused):
            check(changed)


@given(st.text(max_size=80))
def test_no_url_breaks_the_check(url):
    with pytest.raises(UrlSignatureRefused):
        check(url)


@pytest.mark.parametrize(
    ("url", "rule", "expires", "ip"),
    [
        (f"{URL}#part", signature(), EXPIRES, None),
        (URL, signature(), -1, None),
        (URL, signature(), 10**12, None),
        (URL, WITH_IP, EXPIRES, None),
        (URL, WITH_IP, EXPIRES, "nowhere"),
        (f"{URL}?token=x", signature(), EXPIRES, None),
    ],
)
def test_what_cannot_be_signed_is_refused(url, rule, expires, ip):
    with pytest.raises(ValueError, match=r"\S"):
        sign(url, rule, expires, ip)


def test_a_usable_signature_has_no_faults():
    assert [*signature_faults(signature())] == []
    assert [*signature_faults(WITH_IP)] == []


@pytest.mark.parametrize(
    ("members", "at"),
    [
        ({"token_name": ""}, ["tokenName"]),
        ({"token_expiry_name": "a b"}, ["tokenExpiryName"]),
        ({"passphrase_name": "token"}, ["tokenName", "passphraseName"]),
        ({"passphrase": ""}, ["passphrase"]),
        ({"use_ip_address": True}, ["ipAddressName"]),
        ({"use_ip_address": True, "ip_address_name": "ä"}, ["ipAddressName"]),
    ],
)
def test_a_member_that_cannot_be_used_is_named(members, at):
    assert [member for member, _ in signature_faults(signature(**members))] == at
