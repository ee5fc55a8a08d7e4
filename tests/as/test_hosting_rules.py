"""What is refused of a Content Hosting Configuration, member by member."""

import pytest

from fivegms_api.content_hosting import ContentHostingConfiguration
from fivegms_api.content_protocols import DASH_IF_INGEST, HTTP_PULL_INGEST
from fivegms_api.locators import ISO_3166
from fivegms_api.m3 import Capabilities
from fivegms_as.errors import InvalidDocument
from fivegms_as.hosting_rules import pull_origin, read_distributions, unsupported

PUSH = {"pull": False}
SIGNATURE = {
    "urlPattern": ".",
    "tokenName": "token",
    "passphraseName": "secret",
    "passphrase": "p",
    "tokenExpiryName": "expires",
    "useIPAddress": False,
}
EVERYTHING = {
    "domainNameAlias": "Media.Example.",
    "canonicalDomainName": "as.example",
    "certificateId": "c1",
    "pathRewriteRules": [{"requestPathPattern": "^/a/", "mappedPath": "/b/"}],
    "cachingConfigurations": [
        {"urlPatternFilter": "[.]mpd$", "cachingDirectives": {"noCache": False, "maxAge": 5}},
        {"urlPatternFilter": "x"},
    ],
    "geoFencing": {"locatorType": ISO_3166, "locators": ["DE", "FR-75"]},
    "urlSignature": SIGNATURE,
}
NOTHING = Capabilities(
    geo_fencing_locator_types=(), tls=False, pull_ingest=False, inference_slots=0
)
ALL = Capabilities(
    geo_fencing_locator_types=(ISO_3166,), tls=True, pull_ingest=True, inference_slots=1
)


def configuration(distribution, ingest=PUSH):
    return ContentHostingConfiguration.model_validate(
        {"name": "n", "ingestConfiguration": ingest, "distributionConfigurations": [distribution]}
    )


def faults(distribution, ingest=PUSH):
    with pytest.raises(InvalidDocument) as refused:
        read_distributions(configuration(distribution, ingest))
    return [fault.param for fault in refused.value.invalid_params]


def test_everything_that_is_asked_for_is_enforced():
    (one,) = read_distributions(configuration(EVERYTHING))
    assert one.names == {"media.example", "as.example"}
    assert (one.certificate, one.locators) == ("c1", ("DE", "FR-75"))
    assert [mapped for _, mapped in one.rewriting] == ["/b/"]
    timed, silent = one.caching
    assert (timed.directives.max_age, silent.directives) == (5, None)
    assert one.signed.signature.passphrase == "p"
    assert not one.plain


@pytest.mark.parametrize(
    ("member", "value", "at"),
    [
        ("domainNameAlias", "no name", ""),
        ("domainNameAlias", "-a.example", ""),
        ("domainNameAlias", "", ""),
        ("domainNameAlias", "a" * 64 + ".example", ""),
        ("domainNameAlias", "a." * 127 + "example", ""),
        (
            "pathRewriteRules",
            [{"requestPathPattern": "(", "mappedPath": ""}],
            "/0/requestPathPattern",
        ),
        ("cachingConfigurations", [{"urlPatternFilter": "["}], "/0/urlPatternFilter"),
        (
            "cachingConfigurations",
            [{"urlPatternFilter": "[", "cachingDirectives": {"noCache": True}}],
            "/0/urlPatternFilter",
        ),
        (
            "cachingConfigurations",
            [{"urlPatternFilter": "x", "cachingDirectives": {"noCache": False, "maxAge": -1}}],
            "/0/cachingDirectives/maxAge",
        ),
        ("geoFencing", {"locatorType": ISO_3166, "locators": ["DE", "de"]}, "/locators/1"),
        ("urlSignature", SIGNATURE | {"urlPattern": "(?=a)"}, "/urlPattern"),
        ("urlSignature", SIGNATURE | {"tokenName": ""}, "/tokenName"),
        ("urlSignature", SIGNATURE | {"useIPAddress": True}, "/ipAddressName"),
    ],
)
def test_a_member_that_cannot_be_used_is_named(member, value, at):
    assert faults({member: value}) == [f"/distributionConfigurations/0/{member}{at}"]


@pytest.mark.parametrize(
    ("ingest", "at"),
    [
        ({"pull": True}, ["baseURL"]),
        ({"pull": True, "baseURL": "http://o.example/?a=1"}, ["baseURL"]),
        ({"pull": True, "baseURL": "http://user@o.example/"}, ["baseURL"]),
        ({"pull": True, "baseURL": "http://[/"}, ["baseURL"]),
        ({"pull": True, "baseURL": "http://:80/"}, ["baseURL"]),
        ({"pull": True, "baseURL": "http://o.example:99999/"}, ["baseURL"]),
        ({"pull": True, "baseURL": "http://o/", "protocol": DASH_IF_INGEST}, ["protocol"]),
        ({"pull": False, "protocol": HTTP_PULL_INGEST}, ["protocol"]),
        ({"protocol": "urn:other"}, ["protocol"]),
    ],
)
def test_an_ingest_that_cannot_be_is_named(ingest, at):
    assert faults({}, ingest) == [f"/ingestConfiguration/{member}" for member in at]


def test_content_is_pulled_for_distributions_without_a_template():
    pull = {"pull": True, "baseURL": "http://o.example/live", "protocol": HTTP_PULL_INGEST}
    assert read_distributions(configuration({}, pull))[0].origin == "http://o.example/live/"
    with_template = configuration({"contentPreparationTemplateId": "t1"}, pull)
    assert read_distributions(with_template)[0].origin is None
    assert pull_origin(with_template.ingest_configuration) == "http://o.example/live/"
    assert pull_origin(configuration({}).ingest_configuration) is None


def test_what_a_server_cannot_do_is_named():
    pull = {"pull": True, "baseURL": "http://o.example/"}
    networks = [{"distributionNetworkType": "NETWORK_EMBMS", "distributionMode": "MODE_HYBRID"}]
    asked = configuration(EVERYTHING | {"supplementaryDistributionNetworks": networks}, pull)
    one = "/distributionConfigurations/0"
    assert [fault.param for fault in unsupported(asked, NOTHING)] == [
        "/ingestConfiguration/pull",
        f"{one}/geoFencing",
        f"{one}/certificateId",
        f"{one}/supplementaryDistributionNetworks",
    ]
    assert [fault.param for fault in unsupported(configuration(EVERYTHING, pull), ALL)] == []


def test_another_type_of_locator_is_named():
    fence = {"locatorType": "urn:other:cells", "locators": ["DE"]}
    (fault,) = unsupported(configuration({"geoFencing": fence}), ALL)
    assert fault.param == "/distributionConfigurations/0/geoFencing/locatorType"
