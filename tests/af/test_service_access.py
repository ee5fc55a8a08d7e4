from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from fivegms_af.config import ApplicationServerAddress
from fivegms_af.policy.templates import TemplateStatus
from fivegms_af.provisioned import Document, DocumentKind, Hosting, Session
from fivegms_af.rollout import Ue
from fivegms_af.service_access import (
    Place,
    last_change,
    locate,
    models_for_ues,
    service_access_information,
)
from fivegms_api.ai_models import AiModel, AiModelState, WithheldVariant
from fivegms_api.common_data import ProvisioningSessionType
from fivegms_api.consumption_reporting import ConsumptionReportingConfiguration
from fivegms_api.content_hosting import (
    ContentHostingConfiguration,
    DistributionConfiguration,
    IngestConfiguration,
    M1MediaEntryPoint,
)
from fivegms_api.edge_resources import (
    EasRelocationTolerance,
    EasRequirements,
    EdgeManagementMode,
    EdgeProcessingEligibilityCriteria,
    EdgeResourcesConfiguration,
    M1EasRelocationRequirements,
    TimeWindow,
)
from fivegms_api.metrics_reporting import (
    AI_METRICS_SCHEME,
    DASH_QOE_SCHEME,
    MetricsReportingConfiguration,
)
from fivegms_api.policy_templates import PolicyTemplate, PolicyTemplateState, StateReason
from fivegms_api.service_access_information import (
    ClientConsumptionReportingConfiguration,
    ClientEdgeResourcesConfiguration,
    ClientMetricsReportingConfiguration,
    DynamicPolicyInvocationConfiguration,
    EasDiscoveryTemplate,
    M5EasRelocationRequirements,
    NetworkAssistanceConfiguration,
    PolicyTemplateBinding,
    ServiceAccessInformation,
)
from fivegms_api.wire import WireModel

SERVERS = ("https://af.example/3gpp-m5/v2/",)
PLACE = Place(SERVERS, sdf_methods=("5_TUPLE",))
NOW = datetime(2026, 11, 23, tzinfo=UTC)
ADDRESS = ApplicationServerAddress("http://as:1", "http://as:2", "http://m4")
ENTRY = M1MediaEntryPoint(
    relative_path="a/m.mpd", content_type="application/dash+xml", profiles=("urn:x:1", "urn:x:2")
)
HOSTING = ContentHostingConfiguration(
    name="n",
    ingest_configuration=IngestConfiguration(pull=False),
    distribution_configurations=(
        DistributionConfiguration(entry_point=ENTRY, content_preparation_template_id="t1"),
        DistributionConfiguration(),
    ),
)
EMPTY = Session("s1", ProvisioningSessionType.DOWNLINK, "a", None, NOW, 1)
SESSION = replace(EMPTY, hosting=Hosting(HOSTING, NOW))
MODEL = AiModel(
    provisioning_session_id="s1",
    content_preparation_template_id="t1",
    name="detector",
    version=1,
    task="object-detection",
    state=AiModelState.PUBLISHED,
    manifest="a/my model.mpd",
)


def test_a_session_that_hosts_nothing_shows_the_required_members() -> None:
    information = service_access_information(EMPTY, Place(SERVERS))
    assert information.to_json() == (
        b'{"provisioningSessionId":"s1","provisioningSessionType":"DOWNLINK"}'
    )


def test_entry_points_come_out_as_they_went_in() -> None:
    access = service_access_information(SESSION, Place(SERVERS, ADDRESS)).streaming_access
    assert access is not None
    assert access.entry_points is not None
    [entry] = access.entry_points
    assert entry.locator == "http://m4/m4d/provisioning-session-s1/a/m.mpd"
    assert (entry.content_type, entry.profiles) == (ENTRY.content_type, ENTRY.profiles)


def kept(kind: DocumentKind, value: WireModel, *, name: str = "d1") -> Document:
    return Document(name, kind, value.to_json(), NOW)


def having(*documents: Document) -> Session:
    return replace(EMPTY, documents=documents)


def told(session: Session, place: Place = PLACE) -> ServiceAccessInformation:
    information = service_access_information(session, place)
    assert ServiceAccessInformation.model_validate_json(information.to_json()) == information
    return information


def test_every_distribution_has_its_own_base_url() -> None:
    secured = DistributionConfiguration(
        entry_point=ENTRY, domain_name_alias="media.example", certificate_id="c1"
    )
    distributions = (*HOSTING.distribution_configurations, secured)
    hosting = HOSTING.model_copy(update={"distribution_configurations": distributions})
    address = replace(ADDRESS, m4_tls_url="https://m4:8443")
    access = told(replace(EMPTY, hosting=Hosting(hosting, NOW)), Place(SERVERS, address))
    assert access.streaming_access is not None
    assert [one.locator for one in access.streaming_access.entry_points or ()] == [
        "http://m4/m4d/provisioning-session-s1/a/m.mpd",
        "https://media.example:8443/m4d/distribution-2/provisioning-session-s1/a/m.mpd",
    ]


def test_consumption_reporting_with_its_defaults() -> None:
    bare = kept(DocumentKind.CONSUMPTION_REPORTING, ConsumptionReportingConfiguration())
    assert told(having(bare)).client_consumption_reporting_configuration == (
        ClientConsumptionReportingConfiguration(
            server_addresses=SERVERS,
            location_reporting=False,
            access_reporting=False,
            sample_percentage=100,
        )
    )
    wanted = ConsumptionReportingConfiguration(
        reporting_interval=60, sample_percentage=0, location_reporting=True, access_reporting=True
    )
    full = kept(DocumentKind.CONSUMPTION_REPORTING, wanted)
    assert told(having(full)).client_consumption_reporting_configuration == (
        ClientConsumptionReportingConfiguration(
            server_addresses=SERVERS,
            reporting_interval=60,
            location_reporting=True,
            access_reporting=True,
            sample_percentage=0,
        )
    )


@pytest.mark.requirement("R100")
def test_every_metrics_reporting_configuration() -> None:
    wanted = MetricsReportingConfiguration(
        scheme=AI_METRICS_SCHEME,
        data_network_name="internet",
        reporting_interval=30,
        sample_percentage=10,
        url_filters=("[.]mpd$",),
        sampling_period=5,
        metrics=("energy",),
    )
    bare = MetricsReportingConfiguration(sampling_period=1)
    first = kept(DocumentKind.METRICS_REPORTING, wanted, name="m1")
    second = kept(DocumentKind.METRICS_REPORTING, bare, name="m2")
    full, default = told(having(first, second)).client_metrics_reporting_configurations or ()
    assert full == ClientMetricsReportingConfiguration(
        metrics_reporting_configuration_id="m1",
        server_addresses=SERVERS,
        scheme=AI_METRICS_SCHEME,
        data_network_name="internet",
        reporting_interval=30,
        sample_percentage=10,
        url_filters=("[.]mpd$",),
        sampling_period=5,
        metrics=("energy",),
    )
    assert (default.scheme, default.sample_percentage) == (DASH_QOE_SCHEME, 100)
    assert default.url_filters == ()
    assert f"{DASH_QOE_SCHEME}#BufferLevel" in default.metrics


def template(state: PolicyTemplateState) -> Document:
    value = PolicyTemplate(external_reference=f"is {state}")
    reason = StateReason(type="urn:x", title="t")
    status = TemplateStatus(state=state, state_reason=reason).to_json()
    return replace(kept(DocumentKind.POLICY_TEMPLATE, value, name=state), status=status)


def test_templates_that_are_ready_may_be_asked_for() -> None:
    session = having(*map(template, PolicyTemplateState))
    assert told(session).dynamic_policy_invocation_configuration == (
        DynamicPolicyInvocationConfiguration(
            server_addresses=SERVERS,
            policy_template_bindings=(
                PolicyTemplateBinding(external_reference="is READY", policy_template_id="READY"),
            ),
            sdf_methods=("5_TUPLE",),
        )
    )
    pending = having(template(PolicyTemplateState.PENDING))
    assert told(pending).dynamic_policy_invocation_configuration is None
    assert told(session, Place(SERVERS)).dynamic_policy_invocation_configuration is None


def test_assistance_where_the_network_can_be_asked() -> None:
    assisted = told(EMPTY, replace(PLACE, assists=True)).network_assistance_configuration
    assert assisted == NetworkAssistanceConfiguration(server_addresses=SERVERS)
    assert told(EMPTY).network_assistance_configuration is None


def edge(mode: EdgeManagementMode) -> Document:
    value = EdgeResourcesConfiguration(
        edge_management_mode=mode,
        eligibility_criteria=EdgeProcessingEligibilityCriteria(
            service_data_flow_descriptions=(),
            ue_locations=({"nwAreaInfo": {}},),
            time_windows=(TimeWindow(start_time=NOW, stop_time=NOW),),
            app_request=True,
        ),
        eas_requirements=EasRequirements(
            eas_id="i", eas_type="t", eas_provider_ids=("p",), eas_features=("f",)
        ),
        eas_relocation_requirements=M1EasRelocationRequirements(
            tolerance=EasRelocationTolerance.RELOCATION_TOLERANT, max_interruption_duration=20
        ),
    )
    return kept(DocumentKind.EDGE_RESOURCES, value)


def test_edge_servers_that_clients_find() -> None:
    found = told(having(edge(EdgeManagementMode.EM_APP_DRIVEN))).client_edge_resources_configuration
    assert found == ClientEdgeResourcesConfiguration(
        eligibility_criteria={
            "serviceDataFlowDescriptions": [],
            "ueLocations": [{"nwAreaInfo": {}}],
            "timeWindows": [
                {"startTime": "2026-11-23T00:00:00Z", "stopTime": "2026-11-23T00:00:00Z"}
            ],
            "appRequest": True,
        },
        eas_discovery_template=EasDiscoveryTemplate(
            eas_id="i", eas_type="t", eas_provider_ids=("p",), service_features=("f",)
        ),
        eas_relocation_requirements=M5EasRelocationRequirements(
            tolerance="RELOCATION_TOLERANT", max_interruption_duration=20
        ),
    )
    driven = having(edge(EdgeManagementMode.EM_AF_DRIVEN))
    assert told(driven).client_edge_resources_configuration is None


def test_the_last_change_is_that_of_any_part() -> None:
    later = NOW + timedelta(seconds=1)
    latest = NOW + timedelta(seconds=2)
    document = kept(DocumentKind.CONSUMPTION_REPORTING, ConsumptionReportingConfiguration())
    assert last_change(EMPTY) == NOW
    assert last_change(replace(EMPTY, hosting=Hosting(HOSTING, later))) == later
    hosted = replace(EMPTY, hosting=Hosting(HOSTING, later))
    assert last_change(replace(hosted, documents=(replace(document, modified=latest),))) == latest


def test_a_model_is_located_where_what_its_template_prepares_is_entered() -> None:
    other = DistributionConfiguration(entry_point=ENTRY, content_preparation_template_id="t2")
    distributions = (other, *HOSTING.distribution_configurations)
    hosting = HOSTING.model_copy(update={"distribution_configurations": distributions})
    session = replace(EMPTY, hosting=Hosting(hosting, NOW))
    assert locate(MODEL, session, ADDRESS).locator == (
        "http://m4/m4d/distribution-1/provisioning-session-s1/a/m.mpd"
    )
    assert locate(MODEL, EMPTY, ADDRESS).locator is None


def test_a_published_model_has_a_locator() -> None:
    located = locate(MODEL, SESSION, ADDRESS)
    assert located.locator == "http://m4/m4d/provisioning-session-s1/a/m.mpd"
    early = MODEL.model_copy(update={"state": AiModelState.PREPARING, "locator": "http://x/"})
    assert locate(early, SESSION, ADDRESS).locator is None


@pytest.mark.requirement("R038")
def test_a_task_finds_its_model() -> None:
    other = MODEL.model_copy(update={"name": "classifier", "task": "image-classification"})
    both, sessions = [MODEL, other], {"s1": SESSION}
    found = models_for_ues(both, sessions, ADDRESS, Ue(), task="image-classification")
    assert [model.name for model in found] == ["classifier"]
    assert models_for_ues(both, sessions, ADDRESS, Ue(), task="speech") == ()
    [named] = models_for_ues(both, sessions, ADDRESS, Ue(), name="detector")
    assert named.name == "detector"


def test_what_was_withheld_is_the_providers_to_know() -> None:
    below = WithheldVariant(id="int4", precision="int4", codec="c", size_bytes=1, reason="poor")
    model = MODEL.model_copy(update={"withheld": (below,)})
    [found] = models_for_ues([model], {"s1": SESSION}, ADDRESS, Ue())
    assert found.withheld == ()


def test_a_ue_gets_the_newest_version() -> None:
    models = [MODEL.model_copy(update={"version": version}) for version in (1, 3, 2)]
    found = models_for_ues(models, {"s1": SESSION}, ADDRESS, Ue())
    assert [model.version for model in found] == [3]


@pytest.mark.parametrize(
    "model",
    [
        MODEL.model_copy(update={"state": AiModelState.FAILED}),
        MODEL.model_copy(update={"state": AiModelState.AWAITING_UPLOAD}),
        MODEL.model_copy(update={"provisioning_session_id": "of another AF"}),
        MODEL.model_copy(update={"content_preparation_template_id": "not distributed"}),
    ],
)
def test_what_a_ue_cannot_fetch_is_not_offered(model: AiModel) -> None:
    assert models_for_ues([model], {"s1": SESSION, "s2": EMPTY}, ADDRESS, Ue()) == ()
