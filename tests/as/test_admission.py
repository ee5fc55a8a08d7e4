"""Who may have content: the guards by value, and whose request it is behind proxies."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivegms_api.content_hosting import UrlSignature
from fivegms_api.provider_pattern import ProviderPattern
from fivegms_api.url_signature import sign
from fivegms_as import errors
from fivegms_as.admission import Asked, admit, client_address
from fivegms_as.distribution import Distribution, SignedUrls
from fivegms_as.locations import read_locations

PLACES = read_locations(["192.0.2.0/24,DE", "192.0.2.128/25,DE-BY", "198.51.100.0/24,FR"])
SIGNATURE = UrlSignature(
    url_pattern="[.]mpd$",
    token_name="token",
    passphrase_name="secret",
    passphrase="p",
    token_expiry_name="expires",
    use_ip_address=True,
    ip_address_name="ip",
)
SIGNED = Distribution(signed=SignedUrls(ProviderPattern.parse("[.]mpd$"), SIGNATURE))
URL = "/m4d/provisioning-session-s1/a.mpd"


def asked(client="192.0.2.1", **members):
    usual = {"host": "as.example", "path": "a.mpd", "url": URL, "secure": False, "now": 1000.0}
    return Asked(client=ip_address(client), **(usual | members))


def check(distribution, request):
    admit(distribution, request, frozenset({"own.example"}), PLACES)


@pytest.mark.parametrize("host", ["alias.example", "canonical.example", "own.example"])
def test_a_distribution_answers_to_its_names(host):
    names = frozenset({"alias.example", "canonical.example"})
    check(Distribution(names=names), asked(host=host))
    with pytest.raises(errors.MisdirectedRequest):
        check(Distribution(names=names), asked(host="other.example"))
    check(Distribution(), asked(host="other.example"))


def test_a_distribution_with_a_certificate_needs_tls():
    check(Distribution(certificate="c1"), asked(secure=True))
    with pytest.raises(errors.TlsRequired):
        check(Distribution(certificate="c1"), asked())


@pytest.mark.parametrize(
    ("locators", "client", "inside"),
    [
        (("DE",), "192.0.2.1", True),
        (("DE",), "192.0.2.200", True),  # a country has its parts
        (("DE-BY",), "192.0.2.200", True),
        (("DE-BY",), "192.0.2.1", False),  # but is not known to be in one of them
        (("DE",), "198.51.100.1", False),
        (("DE", "FR"), "198.51.100.1", True),
        (("DE",), "203.0.113.1", False),
        (("DE",), "2001:db8::1", False),
    ],
)
def test_only_those_inside_the_fence_are_served(locators, client, inside):
    if inside:
        check(Distribution(locators=locators), asked(client))
    else:
        with pytest.raises(errors.OutsideGeoFence):
            check(Distribution(locators=locators), asked(client))


def test_a_signature_is_asked_for_where_the_pattern_says():
    check(SIGNED, asked(path="a.m4s", url=URL.replace("mpd", "m4s")))
    with pytest.raises(errors.UrlSignatureMissing):
        check(SIGNED, asked())
    url = sign(URL, SIGNATURE, 2000, "192.0.2.1")
    check(SIGNED, asked(url=url))
    with pytest.raises(errors.UrlSignatureInvalid):
        check(SIGNED, asked("192.0.2.2", url=url))
    with pytest.raises(errors.UrlSignatureExpired):
        check(SIGNED, asked(url=url, now=2000.0))


def test_a_query_does_not_lead_past_the_pattern():
    with pytest.raises(errors.UrlSignatureMissing):
        check(SIGNED, asked(url=f"{URL}?x=.m4s"))


PROXIES = (ip_network("10.0.0.0/8"), ip_network("2001:db8::/32"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("192.0.2.1", "", "192.0.2.1"),
        ("192.0.2.1", "198.51.100.1", "192.0.2.1"),  # nobody to be believed
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "203.0.113.9, 198.51.100.1", "198.51.100.1"),  # the left one is a claim
        ("10.0.0.1", "198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "10.0.0.3,10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "unknown", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1, what", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("2001:db8::1", "::ffff:198.51.100.1", "198.51.100.1"),
    ],
)
def test_whose_request_it_is(peer, forwarded, client):
    assert str(client_address(peer, forwarded, PROXIES)) == client


@given(st.text(max_size=60))
def test_no_forwarded_field_breaks_it(forwarded):
    client_address("10.0.0.1", forwarded, PROXIES)
