"""The Edge Resources Configuration: which edge servers a service needs (TS 26.512 7.10.3).

The whole Release 17 shape; which of it a deployment honours is for its AF to say. Geographic areas
and civic addresses (TS 29.572) are kept as they are: nothing here computes with them.
"""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import AwareDatetime, Field

from fivegms_api.common_data import ResourceId
from fivegms_api.qos import BitRate
from fivegms_api.service_data_flows import ServiceDataFlowDescription
from fivegms_api.wire import WireModel

Uinteger = Annotated[int, Field(ge=0, le=2**31 - 1)]
Text = Annotated[str, Field(min_length=1, max_length=256)]
Texts = Annotated[tuple[Text, ...], Field(min_length=1, max_length=64)]
TimeOfDay = Annotated[
    str,
    Field(
        max_length=32,
        pattern=r"^([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)?$",
    ),
]
Structures = Annotated[tuple[dict[str, Any], ...], Field(max_length=64)]


class EdgeManagementMode(StrEnum):
    """Whether the AF starts edge servers, or clients find them."""

    EM_AF_DRIVEN = "EM_AF_DRIVEN"
    EM_APP_DRIVEN = "EM_APP_DRIVEN"


class EasRelocationTolerance(StrEnum):
    """Whether an application bears that its edge server changes (TS 26.512 6.4.4)."""

    RELOCATION_UNAWARE = "RELOCATION_UNAWARE"
    RELOCATION_TOLERANT = "RELOCATION_TOLERANT"
    RELOCATION_INTOLERANT = "RELOCATION_INTOLERANT"


class AcrScenario(StrEnum):
    """How an application context may be relocated (TS 29.558 8.1.5.3)."""

    EEC_INITIATED = "EEC_INITIATED"
    EEC_EXECUTED_VIA_SOURCE_EES = "EEC_EXECUTED_VIA_SOURCE_EES"
    EEC_EXECUTED_VIA_TARGET_EES = "EEC_EXECUTED_VIA_TARGET_EES"
    SOURCE_EAS_DECIDED = "SOURCE_EAS_DECIDED"
    SOURCE_EES_EXECUTED = "SOURCE_EES_EXECUTED"
    EEL_MANAGED_ACR = "EEL_MANAGED_ACR"


AcrScenarios = Annotated[tuple[AcrScenario, ...], Field(min_length=1, max_length=64)]


class TimeWindow(WireModel):
    """From one instant to another (TS 29.122 5.2.1.2)."""

    start_time: AwareDatetime
    stop_time: AwareDatetime


class EdgeProcessingEligibilityCriteria(WireModel):
    """When a media session may use an edge server (TS 26.512 6.4.3); locations as TS 29.122's."""

    service_data_flow_descriptions: Annotated[
        tuple[ServiceDataFlowDescription, ...], Field(max_length=64)
    ]
    ue_locations: Structures
    time_windows: Annotated[tuple[TimeWindow, ...], Field(max_length=64)]
    app_request: bool


class EasServiceKpi(WireModel):
    """What an edge server has to do (TS 29.558 8.1.5.2.4): requests/s, ms, percent, units of its
    computing, of its graphics, of its memory and of its storage, and the bandwidth to it.
    """

    max_req_rate: Uinteger | None = None
    max_resp_time: Uinteger | None = None
    avail: Uinteger | None = None
    avl_comp: Uinteger | None = None
    avl_gra_comp: Uinteger | None = None
    avl_mem: Uinteger | None = None
    avl_strg: Uinteger | None = None
    conn_band: BitRate | None = None


class GeographicalServiceArea(WireModel):
    """Where a service is needed, as TS 29.572's areas and addresses."""

    geo_ars: Annotated[Structures, Field(min_length=1)] | None = None
    civic_addrs: Annotated[Structures, Field(min_length=1)] | None = None


class ScheduledCommunicationTime(WireModel):
    """When a service is needed: days from 1, Monday, and times of day (TS 29.122 5.10.2.1.4)."""

    days_of_week: (
        Annotated[tuple[Annotated[int, Field(ge=1, le=7)], ...], Field(min_length=1, max_length=6)]
        | None
    ) = None
    time_of_day_start: TimeOfDay | None = None
    time_of_day_end: TimeOfDay | None = None


class EasRequirements(WireModel):
    """What an edge server has to be."""

    eas_provider_ids: Texts | None = None
    eas_id: Text | None = None
    eas_type: Text | None = None
    eas_features: Texts | None = None
    service_kpi: EasServiceKpi | None = None
    service_area: GeographicalServiceArea | None = None
    service_availability_schedule: (
        Annotated[tuple[ScheduledCommunicationTime, ...], Field(min_length=1, max_length=64)] | None
    ) = None
    service_continuity_scenarios: AcrScenarios | None = None
    service_continuity_support: AcrScenarios | None = None


class M1EasRelocationRequirements(WireModel):
    """How well the application bears a change of edge server; times in ms."""

    tolerance: EasRelocationTolerance
    max_interruption_duration: Uinteger | None = None
    max_response_time_difference: Uinteger | None = None


class EdgeResourcesConfiguration(WireModel):
    """One of a session's. The identifier is the 5GMS AF's to assign."""

    edge_resources_configuration_id: ResourceId | None = None
    edge_management_mode: EdgeManagementMode
    eligibility_criteria: EdgeProcessingEligibilityCriteria | None = None
    eas_requirements: EasRequirements
    eas_relocation_requirements: M1EasRelocationRequirements | None = None
