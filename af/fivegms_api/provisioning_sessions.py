"""The Provisioning Session, under which a provider configures everything else (TS 26.512 7.2)."""

from typing import Annotated

from pydantic import Field

from fivegms_api.common_data import ProvisioningSessionType, ResourceId
from fivegms_api.wire import WireModel

Identity = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f\x7f]+$")]
ResourceIds = Annotated[tuple[ResourceId, ...], Field(min_length=1)]


class ProvisioningSessionRequest(WireModel):
    """What a provider says when it creates a session; the rest is for the 5GMS AF to assign."""

    provisioning_session_type: ProvisioningSessionType
    app_id: Identity
    asp_id: Identity | None = None


class ProvisioningSession(WireModel):
    """A session, with the identifiers of what was provisioned below it (TS 26.512 7.2.3.1)."""

    provisioning_session_id: ResourceId
    provisioning_session_type: ProvisioningSessionType
    app_id: Identity
    asp_id: Identity | None = None
    server_certificate_ids: ResourceIds | None = None
    content_preparation_template_ids: ResourceIds | None = None
    metrics_reporting_configuration_ids: ResourceIds | None = None
    policy_template_ids: ResourceIds | None = None
    edge_resources_configuration_ids: ResourceIds | None = None
    event_data_processing_configuration_ids: ResourceIds | None = None
