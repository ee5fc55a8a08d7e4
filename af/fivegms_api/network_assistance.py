"""Network assistance: a UE asks what the network can do now, and for a boost (TS 26.512 11.6)."""

from typing import Annotated

from pydantic import Field

from fivegms_api.common_data import AbsoluteUrl, ResourceId
from fivegms_api.qos import M5QosSpecification
from fivegms_api.service_data_flows import MediaType, ServiceDataFlowDescriptions
from fivegms_api.wire import WireModel


class NetworkAssistanceSession(WireModel):
    """The resource. The AF assigns the identifier and `recommendedQoS`; `notficationURL` is
    spelled as 3GPP spells it.
    """

    na_session_id: ResourceId | None = None
    provisioning_session_id: ResourceId
    service_data_flow_descriptions: ServiceDataFlowDescriptions
    media_type: MediaType | None = None
    policy_template_id: ResourceId | None = None
    requested_qos: Annotated[M5QosSpecification | None, Field(alias="requestedQoS")] = None
    recommended_qos: Annotated[M5QosSpecification | None, Field(alias="recommendedQoS")] = None
    notification_url: Annotated[AbsoluteUrl | None, Field(alias="notficationURL")] = None
