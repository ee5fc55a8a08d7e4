from datetime import UTC, datetime
from typing import Any

import pytest

from fivegms_af.bodies import validate
from fivegms_af.config import ApplicationServerAddress
from fivegms_af.errors import MembersRefused
from fivegms_af.hosting import MAX_DISTRIBUTIONS, accept_hosting, complete_hosting
from fivegms_af.provisioned import Session, Template
from fivegms_api.common_data import ProvisioningSessionType
from fivegms_api.content_hosting import ContentHostingConfiguration
from fivegms_api.content_protocols import DASH_IF_INGEST, HTTP_PULL_INGEST

NOW = datetime(2026, 11, 23, tzinfo=UTC)
ADDRESS = ApplicationServerAddress("http://as:1", "http://as:2", "https://m4.example:8443")
MODEL = Template("t1", "application/x", "0" * 64, "models/my model.mpd", NOW)
OPAQUE = Template("t2", "application/x", "0" * 64, None, NOW)
SESSION = Session(
    "s1", ProvisioningSessionType.DOWNLINK, "app", None, NOW, 3, templates=(MODEL, OPAQUE)
)
PUSH = {"pull": False, "protocol": DASH_IF_INGEST}
ENTRY = {"relativePath": "models/my%20model.mpd", "contentType": "application/dash+xml"}


def configuration(
    ingest: dict[str, Any] | None = None, **distribution: Any
) -> ContentHostingConfiguration:
    document = {
        "name": "n",
        "ingestConfiguration": PUSH if ingest is None else ingest,
        "distributionConfigurations": [distribution],
    }
    return validate(ContentHostingConfiguration, document)


def faults(wanted: ContentHostingConfiguration) -> dict[str, str | None]:
    with pytest.raises(MembersRefused) as refused:
        accept_hosting(SESSION, wanted, ADDRESS)
    return {fault.param: fault.reason for fault in refused.value.params}


def test_what_is_accepted_is_kept_without_what_the_af_assigns() -> None:
    wanted = configuration(entryPoint=ENTRY, contentPreparationTemplateId="t1")
    assert accept_hosting(SESSION, wanted, ADDRESS) == wanted
    completed = complete_hosting("s1", wanted, ADDRESS)
    assert completed.ingest_configuration.base_url == "http://as:2/m2d/s1/"
    [distribution] = completed.distribution_configurations
    assert distribution.base_url == "https://m4.example:8443/m4d/provisioning-session-s1/"
    assert distribution.canonical_domain_name == "m4.example"
    assert accept_hosting(SESSION, completed, ADDRESS) == wanted


def test_entry_points_and_profiles_are_optional() -> None:
    assert accept_hosting(SESSION, configuration(), ADDRESS)


UNSUPPORTED: list[dict[str, Any]] = [
    {"edgeResourcesConfigurationId": "e"},
    {"domainNameAlias": "alias.example"},
    {"pathRewriteRules": [{"requestPathPattern": "a", "mappedPath": "b"}]},
    {"cachingConfigurations": [{"urlPatternFilter": "a", "cachingDirectives": {"noCache": True}}]},
    {"geoFencing": {"locatorType": "urn:a:b", "locators": ["x"]}},
    {"urlSignature": {"urlPattern": "a", "tokenName": "b", "passphraseName": "c", "passphrase": "d",
                      "tokenExpiryName": "e", "useIPAddress": False}},
    {"certificateId": "c"},
    {"supplementaryDistributionNetworks": [
        {"distributionNetworkType": "NETWORK_EMBMS", "distributionMode": "MODE_HYBRID"}]},
]  # fmt: skip


@pytest.mark.parametrize("members", UNSUPPORTED, ids=lambda members: next(iter(members)))
def test_what_the_as_would_not_do_is_refused_by_name(members: dict[str, Any]) -> None:
    [name] = members
    param = f"/distributionConfigurations/0/{name}"
    assert faults(configuration(**members)) == {param: "not supported by this deployment"}


@pytest.mark.parametrize(
    ("ingest", "named", "reason"),
    [
        ({}, "/ingestConfiguration/pull", "is required"),
        ({"pull": True, "protocol": DASH_IF_INGEST, "baseURL": "http://origin/"},
         "/ingestConfiguration/pull", "not supported by this deployment"),
        ({"pull": False}, "/ingestConfiguration/protocol", "must be one of"),
        ({"pull": False, "protocol": HTTP_PULL_INGEST},
         "/ingestConfiguration/protocol", DASH_IF_INGEST),
        (PUSH | {"baseURL": "http://mine/"}, "/ingestConfiguration/baseURL", "assigned"),
    ],
)  # fmt: skip
def test_ingest_is_pushed_with_a_protocol_that_is_spoken(
    ingest: dict[str, Any], named: str, reason: str
) -> None:
    assert reason in str(faults(configuration(ingest))[named])


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
    ],
)  # fmt: skip
def test_a_model_is_entered_where_its_preparation_ends(
    members: dict[str, Any], named: str, reason: str
) -> None:
    assert reason in str(faults(configuration(**members))[f"/distributionConfigurations/0/{named}"])


def test_every_fault_is_named_at_once() -> None:
    found = faults(configuration({"pull": True}, domainNameAlias="a", certificateId="c"))
    assert len(found) == 4


def test_a_session_has_so_many_distributions_and_no_more() -> None:
    wanted = configuration()
    [distribution] = wanted.distribution_configurations

    def with_distributions(count: int) -> ContentHostingConfiguration:
        return wanted.model_copy(update={"distribution_configurations": (distribution,) * count})

    found = faults(with_distributions(MAX_DISTRIBUTIONS + 1))
    assert list(found) == ["/distributionConfigurations"]
    assert accept_hosting(SESSION, with_distributions(MAX_DISTRIBUTIONS), ADDRESS)
