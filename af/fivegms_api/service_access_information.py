"""Service Access Information: what a client needs to start a service (TS 26.512 11.2.3).

The whole Release 17 shape, so that a client reads any 5GMS AF's.
"""

from typing import Annotated, Any

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from fivegms_api.common_data import (
    AbsoluteUrl,
    DurationSec,
    Percentage,
    ProvisioningSessionType,
    ResourceId,
    Uri,
)
from fivegms_api.wire import WireModel

ServerAddresses = Annotated[tuple[AbsoluteUrl, ...], Field(min_length=1)]
Names = Annotated[tuple[str, ...], Field(min_length=1)]


class M5MediaEntryPoint(WireModel):
    """A document that starts a service, such as an MPD."""

    locator: AbsoluteUrl
    content_type: str
    profiles: Annotated[tuple[Uri, ...], Field(min_length=1)] | None = None


def _spelled_by_3gpp(name: str) -> str:
    """`eMBMS...` keeps its capitals."""
    known = {"embms_service_announcement_locator": "eMBMSServiceAnnouncementLocator"}
    return known.get(name) or to_camel(name)


class StreamingAccess(WireModel):
    """Where the media are."""

    model_config = ConfigDict(alias_generator=_spelled_by_3gpp)

    entry_points: tuple[M5MediaEntryPoint, ...] | None = None
    embms_service_announcement_locator: AbsoluteUrl | None = None


class ClientConsumptionReportingConfiguration(WireModel):
    """Who reports consumption, where and how often."""

    reporting_interval: DurationSec | None = None
    server_addresses: ServerAddresses
    location_reporting: bool
    access_reporting: bool
    sample_percentage: Percentage


class PolicyTemplateBinding(WireModel):
    """A policy template under the name that the application knows."""

    external_reference: str
    policy_template_id: ResourceId


class DynamicPolicyInvocationConfiguration(WireModel):
    """Where a client asks for a policy."""

    server_addresses: ServerAddresses
    policy_template_bindings: Annotated[tuple[PolicyTemplateBinding, ...], Field(min_length=1)]
    sdf_methods: tuple[str, ...]


class ClientMetricsReportingConfiguration(WireModel):
    """Who reports which metrics, where and how often.

    The identifier is a part of the URL that reports are sent to. Release 17 forgot it here; later
    releases and the AFs in the field have it.
    """

    metrics_reporting_configuration_id: ResourceId | None = None
    server_addresses: ServerAddresses
    scheme: Uri
    data_network_name: str | None = None
    reporting_interval: DurationSec | None = None
    sample_percentage: Percentage
    url_filters: tuple[str, ...]
    sampling_period: DurationSec
    metrics: tuple[str, ...]


class NetworkAssistanceConfiguration(WireModel):
    """Where a client asks for network assistance."""

    server_addresses: ServerAddresses


class EasDiscoveryTemplate(WireModel):
    """What to look for when discovering an Edge Application Server."""

    eas_id: str | None = None
    eas_type: str | None = None
    eas_provider_ids: Names | None = None
    service_features: Names | None = None


class M5EasRelocationRequirements(WireModel):
    """How well the application bears a change of edge server."""

    tolerance: str
    max_interruption_duration: Annotated[int, Field(ge=0)] | None = None


class ClientEdgeResourcesConfiguration(WireModel):
    """How a client finds its edge server; the criteria are structures of TS 29.122, kept as is."""

    eligibility_criteria: dict[str, Any] | None = None
    eas_discovery_template: EasDiscoveryTemplate
    eas_relocation_requirements: M5EasRelocationRequirements | None = None


ReportingConfigurations = Annotated[
    tuple[ClientMetricsReportingConfiguration, ...], Field(min_length=1)
]


class ServiceAccessInformation(WireModel):
    """The `ServiceAccessInformationResource` of a Provisioning Session (TS 26.512 11.2.3.1)."""

    provisioning_session_id: ResourceId
    provisioning_session_type: ProvisioningSessionType
    streaming_access: StreamingAccess | None = None
    client_consumption_reporting_configuration: ClientConsumptionReportingConfiguration | None = (
        None
    )
    dynamic_policy_invocation_configuration: DynamicPolicyInvocationConfiguration | None = None
    client_metrics_reporting_configurations: ReportingConfigurations | None = None
    network_assistance_configuration: NetworkAssistanceConfiguration | None = None
    client_edge_resources_configuration: ClientEdgeResourcesConfiguration | None = None
