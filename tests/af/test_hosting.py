from datetime import UTC, datetime
from typing import Any

import pytest

from fivegms_af.bodies import validate
from fivegms_af.certificate_authority import new_key
from fivegms_af.certificates import made, reserved
from fivegms_af.config import ApplicationServerAddress
from fivegms_af.errors import HostingNotForUplink, MembersRefused
from fivegms_af.hosting import (
    MAX_DISTRIBUTIONS,
    accept_hosting,
    check_direction,
    complete_hosting,
    content_protocols,
)
from fivegms_af.memory_application_server import EVERYTHING
from fivegms_af.provisioned import Document, DocumentKind, Session, Template
from fivegms_api.common_data import ProvisioningSessionType
from fivegms_api.content_hosting import ContentHostingConfiguration
from fivegms_api.content_protocols import DASH_IF_INGEST, HTTP_PULL_INGEST
from fivegms_api.locators import ISO_3166
from fivegms_api.m3 import Capabilities

NOW = datetime(2026, 11, 23, tzinfo=UTC)
ADDRESS = ApplicationServerAddress(
    "http://as:1", "http://as:2", "https://m4.example:8443", "https://m4.example:9443"
)
WITHOUT_TLS = ApplicationServerAddress("http://as:1", "http://as:2", "http://m4.example:8080")
NOTHING = Capabilities(
    geo_fencing_locator_types=(), tls=False, pull_ingest=False, inference_slots=0
)
MODEL = Template("t1", "application/x", "0" * 64, "models/my model.mpd", NOW)
OPAQUE = Template("t2", "application/x", "0" * 64, None, NOW)
EDGE = Document("e1", DocumentKind.EDGE_RESOURCES, b"{}", NOW)
METRICS = Document("d1", DocumentKind.METRICS_REPORTING, b"{}", NOW)
OWN = made("own", "m4.example", new_key(), None, NOW)
ALIASES = made("aliases", "alias.example", new_key(), None, NOW)
AWAITED = reserved("awaited", "m4.example", (), new_key(), NOW)
SESSION = Session(
    "s1",
    ProvisioningSessionType.DOWNLINK,
    "app",
    None,
    NOW,
    3,
    templates=(MODEL, OPAQUE),
    documents=(EDGE, METRICS),
    certificates=(OWN, ALIASES, AWAITED),
)
UPLINK = Session("s2", ProvisioningSessionType.UPLINK, "app", None, NOW, 1)
PUSH = {"pull": False, "protocol": DASH_IF_INGEST}
PULL = {"pull": True, "protocol": HTTP_PULL_INGEST, "baseURL": "http://origin.example/a"}
ENTRY = {"relativePath": "models/my%20model.mpd", "contentType": "application/dash+xml"}
SIGNATURE = {
    "urlPattern": "[.]mpd$",
    "tokenName": "token",
    "passphraseName": "passphrase",
    "passphrase": "secret",
    "tokenExpiryName": "expires",
    "useIPAddress": False,
}
FENCE = {"locatorType": ISO_3166, "locators": ["DE", "FR-75"]}


def configuration(
    ingest: dict[str, Any] | None = None, **distribution: Any
) -> ContentHostingConfiguration:
    document = {
        "name": "n",
        "ingestConfiguration": PUSH if ingest is None else ingest,
        "distributionConfigurations": [distribution],
    }
    return validate(ContentHostingConfiguration, document)


def accept(
    wanted: ContentHostingConfiguration,
    address: ApplicationServerAddress = ADDRESS,
    capabilities: Capabilities | None = EVERYTHING,
) -> ContentHostingConfiguration:
    return accept_hosting(SESSION, wanted, address, capabilities)


def faults(
    wanted: ContentHostingConfiguration,
    address: ApplicationServerAddress = ADDRESS,
    capabilities: Capabilities | None = EVERYTHING,
) -> dict[str, str | None]:
    with pytest.raises(MembersRefused) as refused:
        accept(wanted, address, capabilities)
    return {fault.param: fault.reason for fault in refused.value.params}


def test_what_is_accepted_is_kept_without_what_the_af_assigns() -> None:
    wanted = configuration(entryPoint=ENTRY, contentPreparationTemplateId="t1")
    assert accept(wanted) == wanted
    completed = complete_hosting("s1", wanted, ADDRESS)
    assert completed.ingest_configuration.base_url == "http://as:2/m2d/s1/"
    [distribution] = completed.distribution_configurations
    assert distribution.base_url == "https://m4.example:8443/m4d/provisioning-session-s1/"
    assert distribution.canonical_domain_name == "m4.example"
    assert accept(completed) == wanted


def test_entry_points_and_profiles_are_optional() -> None:
    assert accept(configuration())


def test_each_distribution_has_its_own_place() -> None:
    distributions: list[dict[str, Any]] = [
        {},
        {"domainNameAlias": "Alias.example"},
        {"certificateId": "own"},
        {"certificateId": "aliases", "domainNameAlias": "alias.example"},
    ]
    wanted = validate(
        ContentHostingConfiguration,
        {
            "name": "n",
            "ingestConfiguration": PUSH,
            "distributionConfigurations": distributions,
        },
    )
    assert accept(wanted) == wanted
    completed = complete_hosting("s1", wanted, ADDRESS)
    assert [one.base_url for one in completed.distribution_configurations] == [
        "https://m4.example:8443/m4d/provisioning-session-s1/",
        "https://alias.example:8443/m4d/distribution-1/provisioning-session-s1/",
        "https://m4.example:9443/m4d/distribution-2/provisioning-session-s1/",
        "https://alias.example:9443/m4d/distribution-3/provisioning-session-s1/",
    ]
    assert accept(completed) == wanted


def test_what_is_pulled_keeps_the_providers_url() -> None:
    wanted = configuration(PULL)
    assert accept(wanted) == wanted
    completed = complete_hosting("s1", wanted, ADDRESS)
    assert completed.ingest_configuration.base_url == "http://origin.example/a"


ENFORCED: list[dict[str, Any]] = [
    {"edgeResourcesConfigurationId": "e1"},
    {"domainNameAlias": "alias.example"},
    {"pathRewriteRules": [{"requestPathPattern": "^/a/", "mappedPath": "/b/"},
                          {"requestPathPattern": "x", "mappedPath": ""}]},
    {"cachingConfigurations": [
        {"urlPatternFilter": "a", "cachingDirectives": {"noCache": True}},
        {"urlPatternFilter": "b", "cachingDirectives":
            {"noCache": False, "maxAge": 0, "statusCodeFilters": [200, 404]}}]},
    {"geoFencing": FENCE},
    {"urlSignature": SIGNATURE},
    {"urlSignature": SIGNATURE | {"useIPAddress": True, "ipAddressName": "ip"}},
    {"certificateId": "own"},
]  # fmt: skip


@pytest.mark.parametrize("members", ENFORCED, ids=lambda members: next(iter(members)))
def test_what_the_as_enforces_is_accepted(members: dict[str, Any]) -> None:
    wanted = configuration(**members)
    assert accept(wanted) == wanted


def rewriting(pattern: str = "a", mapped: str = "b") -> dict[str, Any]:
    return {"pathRewriteRules": [{"requestPathPattern": pattern, "mappedPath": mapped}]}


def caching(pattern: str = "a", **directives: Any) -> dict[str, Any]:
    rule = {"urlPatternFilter": pattern, "cachingDirectives": {"noCache": False} | directives}
    return {"cachingConfigurations": [rule]}


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"edgeResourcesConfigurationId": "e9"}, "edgeResourcesConfigurationId", "there is no"),
    ({"edgeResourcesConfigurationId": "d1"}, "edgeResourcesConfigurationId", "there is no"),
    ({"domainNameAlias": "192.0.2.1"}, "domainNameAlias", "not an address"),
    ({"domainNameAlias": "a b"}, "domainNameAlias", "host name"),
    (rewriting("a("), "pathRewriteRules/0/requestPathPattern", "regular expression"),
    (rewriting("(?=a)"), "pathRewriteRules/0/requestPathPattern", "regular expression"),
    (rewriting("a" * 1025), "pathRewriteRules/0/requestPathPattern", "1024"),
    (rewriting(mapped="/a/../b"), "pathRewriteRules/0/mappedPath", "'..'"),
    (rewriting(mapped="a\\b"), "pathRewriteRules/0/mappedPath", "backslash"),
    ({"pathRewriteRules": rewriting()["pathRewriteRules"] * 65}, "pathRewriteRules", "64"),
    (caching("a("), "cachingConfigurations/0/urlPatternFilter", "regular expression"),
    (caching(statusCodeFilters=[200, 99]),
     "cachingConfigurations/0/cachingDirectives/statusCodeFilters/1", "status code"),
    (caching(statusCodeFilters=[600]),
     "cachingConfigurations/0/cachingDirectives/statusCodeFilters/0", "status code"),
    (caching(maxAge=-1), "cachingConfigurations/0/cachingDirectives/maxAge", "from 0"),
    (caching(maxAge=2**31), "cachingConfigurations/0/cachingDirectives/maxAge", "from 0"),
    (caching(maxAge=1, noCache=True),
     "cachingConfigurations/0/cachingDirectives/maxAge", "contradicts"),
    ({"cachingConfigurations": [{"urlPatternFilter": "a"}]},
     "cachingConfigurations/0/cachingDirectives", "is required"),
    ({"cachingConfigurations": caching()["cachingConfigurations"] * 65},
     "cachingConfigurations", "64"),
    ({"geoFencing": FENCE | {"locatorType": "urn:a:b"}}, "geoFencing/locatorType", ISO_3166),
    ({"geoFencing": FENCE | {"locators": ["DE", "Bavaria"]}}, "geoFencing/locators/1", "ISO"),
    ({"geoFencing": FENCE | {"locators": ["DE"] * 1025}}, "geoFencing/locators", "1024"),
    ({"urlSignature": SIGNATURE | {"urlPattern": "a("}}, "urlSignature/urlPattern", "RE2"),
    ({"urlSignature": SIGNATURE | {"tokenName": "a b"}}, "urlSignature/tokenName", "letters"),
    ({"urlSignature": SIGNATURE | {"tokenName": "expires"}}, "urlSignature/tokenName", "differ"),
    ({"urlSignature": SIGNATURE | {"passphrase": ""}}, "urlSignature/passphrase", "empty"),
    ({"urlSignature": SIGNATURE | {"passphrase": "a" * 1025}}, "urlSignature/passphrase", "1024"),
    ({"urlSignature": SIGNATURE | {"useIPAddress": True}},
     "urlSignature/ipAddressName", "is required"),
    ({"urlSignature": SIGNATURE | {"ipAddressName": "ip"}},
     "urlSignature/ipAddressName", "no use"),
    ({"certificateId": "c9"}, "certificateId", "there is no"),
    ({"certificateId": "awaited"}, "certificateId", "awaits"),
    ({"certificateId": "aliases"}, "certificateId", "does not speak for 'm4.example'"),
    ({"certificateId": "own", "domainNameAlias": "alias.example"},
     "certificateId", "does not speak for 'alias.example'"),
    ({"supplementaryDistributionNetworks": [
        {"distributionNetworkType": "NETWORK_EMBMS", "distributionMode": "MODE_HYBRID"}]},
     "supplementaryDistributionNetworks", "not supported by this deployment"),
]  # fmt: skip


@pytest.mark.parametrize(("members", "named", "reason"), REFUSED)
def test_what_cannot_be_honoured_is_refused_by_name(
    members: dict[str, Any], named: str, reason: str
) -> None:
    found = faults(configuration(**members))
    assert reason in str(found[f"/distributionConfigurations/0/{named}"])


BEYOND_NOTHING = [
    (configuration(geoFencing=FENCE), "/distributionConfigurations/0/geoFencing"),
    (configuration(certificateId="own"), "/distributionConfigurations/0/certificateId"),
    (configuration(PULL), "/ingestConfiguration/pull"),
]


@pytest.mark.parametrize(("wanted", "param"), BEYOND_NOTHING)
def test_what_the_as_has_not_is_refused_once_it_has_said_so(
    wanted: ContentHostingConfiguration, param: str
) -> None:
    assert "not supported by this deployment" in str(faults(wanted, capabilities=NOTHING)[param])
    assert accept(wanted, capabilities=None) == wanted


def test_a_certificate_needs_an_address_to_be_used_at() -> None:
    found = faults(configuration(certificateId="own"), WITHOUT_TLS, None)
    assert found == {
        "/distributionConfigurations/0/certificateId": "not supported by this deployment"
    }


@pytest.mark.parametrize(
    ("ingest", "named", "reason"),
    [
        ({}, "pull", "is required"),
        ({"pull": False}, "protocol", DASH_IF_INGEST),
        ({"pull": False, "protocol": HTTP_PULL_INGEST}, "protocol", DASH_IF_INGEST),
        (PUSH | {"baseURL": "http://mine/"}, "baseURL", "assigned"),
        (PULL | {"protocol": DASH_IF_INGEST}, "protocol", HTTP_PULL_INGEST),
        ({"pull": True, "protocol": HTTP_PULL_INGEST}, "baseURL", "is required"),
        (PULL | {"baseURL": "http://origin/?a"}, "baseURL", "no query"),
        (PULL | {"baseURL": "http://user:secret@origin/"}, "baseURL", "no query, and no user"),
        (PULL | {"baseURL": "http://origin:70000/"}, "baseURL", "port"),
        (PULL | {"baseURL": "http://[::1/"}, "baseURL", "host"),
        (PULL | {"baseURL": "http://:80/"}, "baseURL", "host"),
    ],
)
def test_ingest_that_nobody_could_do(ingest: dict[str, Any], named: str, reason: str) -> None:
    assert reason in str(faults(configuration(ingest))[f"/ingestConfiguration/{named}"])


@pytest.mark.parametrize(
    ("member", "value"), [("baseURL", "http://mine/"), ("canonicalDomainName", "mine")]
)
def test_assigned_members_keep_their_value(member: str, value: str) -> None:
    found = faults(configuration(**{member: value}))
    assert found == {f"/distributionConfigurations/0/{member}": "is assigned by the 5GMS AF"}


@pytest.mark.parametrize(
    ("members", "named", "reason"),
    [
        ({"contentPreparationTemplateId": "t9", "entryPoint": ENTRY},
         "contentPreparationTemplateId", "there is no"),
        ({"contentPreparationTemplateId": "t2", "entryPoint": ENTRY},
         "contentPreparationTemplateId", "not supported"),
        ({"contentPreparationTemplateId": "t1"}, "entryPoint", "is required"),
        ({"contentPreparationTemplateId": "t1", "entryPoint": ENTRY | {"relativePath": "a.mpd"}},
         "entryPoint/relativePath", "models/my model.mpd"),
        ({"entryPoint": ENTRY | {"relativePath": "../a.mpd"}}, "entryPoint/relativePath", "'..'"),
        ({"entryPoint": ENTRY | {"relativePath": "a/%2e%2E/b"}}, "entryPoint/relativePath", "'..'"),
        ({"entryPoint": ENTRY | {"relativePath": "/a.mpd"}}, "entryPoint/relativePath", "empty"),
        ({"entryPoint": ENTRY | {"relativePath": "a.mpd#t=1"}},
         "entryPoint/relativePath", "fragment"),
        *(({"entryPoint": ENTRY | {"relativePath": path}}, "entryPoint/relativePath", "backslash")
          for path in ("a%5Cb.mpd", "a%00", "a%7f")),
        ({"entryPoint": ENTRY | {"relativePath": "a" * 1025}}, "entryPoint/relativePath", "1024"),
        ({"contentPreparationTemplateId": "t1", "entryPoint": ENTRY} | rewriting("^/models/", "/"),
         "entryPoint/relativePath", "models/my model.mpd"),
    ],
)  # fmt: skip
def test_a_model_is_entered_where_its_preparation_ends(
    members: dict[str, Any], named: str, reason: str
) -> None:
    assert reason in str(faults(configuration(**members))[f"/distributionConfigurations/0/{named}"])


def test_a_model_may_be_entered_by_another_path_that_is_rewritten() -> None:
    entry = ENTRY | {"relativePath": "latest/my%20model.mpd"}
    members = {"contentPreparationTemplateId": "t1", "entryPoint": entry}
    assert accept(configuration(**members, **rewriting("^/latest/", "/models/")))
    found = faults(configuration(**members, **rewriting("(", "/models/")))
    assert "/distributionConfigurations/0/pathRewriteRules/0/requestPathPattern" in found


def test_every_fault_is_named_at_once() -> None:
    found = faults(configuration({"pull": True}, domainNameAlias=".", certificateId="c"))
    assert len(found) == 4


def test_a_session_has_so_many_distributions_and_no_more() -> None:
    wanted = configuration()
    [distribution] = wanted.distribution_configurations

    def with_distributions(count: int) -> ContentHostingConfiguration:
        return wanted.model_copy(update={"distribution_configurations": (distribution,) * count})

    found = faults(with_distributions(MAX_DISTRIBUTIONS + 1))
    assert list(found) == ["/distributionConfigurations"]
    assert accept(with_distributions(MAX_DISTRIBUTIONS))


def test_an_uplink_session_hosts_nothing() -> None:
    check_direction(SESSION)
    with pytest.raises(HostingNotForUplink):
        check_direction(UPLINK)
    assert content_protocols(UPLINK, EVERYTHING).to_json() == b"{}"


@pytest.mark.parametrize(
    ("capabilities", "protocols", "locator_types"),
    [
        (EVERYTHING, [DASH_IF_INGEST, HTTP_PULL_INGEST], (ISO_3166,)),
        (NOTHING, [DASH_IF_INGEST], None),
        (None, [DASH_IF_INGEST], None),
    ],
)
def test_protocols_are_what_the_as_has_offered(
    capabilities: Capabilities | None, protocols: list[str], locator_types: Any
) -> None:
    offered = content_protocols(SESSION, capabilities)
    ingest = offered.downlink_ingest_protocols or ()
    assert [protocol.term_identifier for protocol in ingest] == protocols
    assert offered.geo_fencing_locator_types == locator_types
