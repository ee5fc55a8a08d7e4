"""Policy templates: what UEs of a session may ask of the network (TS 26.512 7.9).

`qosReference` is either the network's own name of a QoS, or `urn:fivegms:kpi:` and the name of a
KPI profile.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from fivegms_api.common_data import Dnn, ResourceId
from fivegms_api.problem_details import InvalidParam
from fivegms_api.qos import ChargingSpecification, M1QosSpecification, Name, Snssai
from fivegms_api.wire import WireModel

KPI_PREFIX = "urn:fivegms:kpi:"


class PolicyTemplateState(StrEnum):
    """Whether a template may be used (TS 26.512 7.9.3.1)."""

    PENDING = "PENDING"
    INVALID = "INVALID"
    READY = "READY"
    SUSPENDED = "SUSPENDED"


class StateReason(WireModel):
    """Why a template is in its state: ProblemDetails of TS 29.571 without a status, as it is no
    answer; `type` is `urn:fivegms:policy-template:` and a name.
    """

    type: str
    title: str
    detail: str | None = None
    invalid_params: tuple[InvalidParam, ...] | None = None


class ApplicationSessionContext(WireModel):
    """Where the policy applies: a slice and a data network."""

    slice_info: Snssai | None = None
    dnn: Dnn | None = None


class PolicyTemplate(WireModel):
    """The resource; identifier, state and reason are the AF's to assign."""

    policy_template_id: ResourceId | None = None
    state: PolicyTemplateState | None = None
    state_reason: StateReason | None = None
    external_reference: Name
    qos_specification: Annotated[M1QosSpecification | None, Field(alias="qoSSpecification")] = None
    application_session_context: ApplicationSessionContext | None = None
    charging_specification: ChargingSpecification | None = None
