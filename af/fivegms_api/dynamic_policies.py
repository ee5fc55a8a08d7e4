"""Dynamic policies: a UE asks for what a policy template allows (TS 26.512 11.5)."""

from typing import Annotated

from pydantic import Field

from fivegms_api.common_data import ResourceId
from fivegms_api.qos import M5QosSpecification
from fivegms_api.service_data_flows import MediaType, ServiceDataFlowDescriptions
from fivegms_api.wire import WireModel


class DynamicPolicy(WireModel):
    """The resource. The AF assigns the identifier, how the policy is enforced, and
    `enforcementBitRate`: the most bit/s downlink, or uplink where the flows go that way only.
    """

    dynamic_policy_id: ResourceId | None = None
    policy_template_id: ResourceId
    service_data_flow_descriptions: ServiceDataFlowDescriptions
    media_type: MediaType | None = None
    provisioning_session_id: ResourceId
    qos_specification: M5QosSpecification | None = None
    enforcement_method: str | None = None
    enforcement_bit_rate: Annotated[int, Field(ge=0)] | None = None
