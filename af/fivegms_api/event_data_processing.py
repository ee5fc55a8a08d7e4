"""The Event Data Processing Configuration: which event data is exposed, and how far reduced.

TS 26.512 7.11.3; the data access profile is that of TS 26.532 6.3.3. The whole Release 17 shape;
which of it a deployment honours is for its AF to say.
"""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from fivegms_api.common_data import DurationSec, ResourceId, Url
from fivegms_api.wire import WireModel

PROFILE_ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"  # it is part of URL paths

Text = Annotated[str, Field(min_length=1, max_length=256)]


class AfEvent(StrEnum):
    """The events of TS 29.517 5.6.3.3; the `MS_` ones are of media streaming."""

    SVC_EXPERIENCE = "SVC_EXPERIENCE"
    UE_MOBILITY = "UE_MOBILITY"
    UE_COMM = "UE_COMM"
    EXCEPTIONS = "EXCEPTIONS"
    USER_DATA_CONGESTION = "USER_DATA_CONGESTION"
    PERF_DATA = "PERF_DATA"
    DISPERSION = "DISPERSION"
    COLLECTIVE_BEHAVIOUR = "COLLECTIVE_BEHAVIOUR"
    MS_QOE_METRICS = "MS_QOE_METRICS"
    MS_CONSUMPTION = "MS_CONSUMPTION"
    MS_NET_ASSIST_INVOCATION = "MS_NET_ASSIST_INVOCATION"
    MS_DYN_POLICY_INVOCATION = "MS_DYN_POLICY_INVOCATION"
    MS_ACCESS_ACTIVITY = "MS_ACCESS_ACTIVITY"


class EventConsumerType(StrEnum):
    """Who may be given event data."""

    NWDAF = "NWDAF"
    EVENT_CONSUMER_AF = "EVENT_CONSUMER_AF"
    NEF = "NEF"


class DataAggregationFunctionType(StrEnum):
    """What stands for many values; NULL: each value by itself."""

    NULL = "NULL"
    COUNT = "COUNT"
    MEAN = "MEAN"
    MAXIMUM = "MAXIMUM"
    MINIMUM = "MINIMUM"
    SUM = "SUM"


AggregationFunctions = Annotated[tuple[DataAggregationFunctionType, ...], Field(max_length=6)]


class TimeAccessRestrictions(WireModel):
    """Values are put together over spans of `duration` seconds."""

    duration: Annotated[DurationSec, Field(gt=0)]
    aggregation_functions: AggregationFunctions


class UserAccessRestrictions(WireModel):
    """Whose values are exposed, and how those of different users are put together."""

    group_ids: Annotated[tuple[Text, ...], Field(max_length=1000)]
    user_ids: Annotated[tuple[Text, ...], Field(max_length=1000)]
    aggregation_functions: AggregationFunctions


class LocationAccessRestrictions(WireModel):
    """Where values come from; the areas are `LocationArea5G` of TS 29.122, kept as they are."""

    location_areas: Annotated[tuple[dict[str, Any], ...], Field(min_length=1, max_length=1000)]
    aggregation_functions: AggregationFunctions


class DataAccessProfile(WireModel):
    """What one kind of consumer gets: only the `parameters` named, reduced as the rest says."""

    data_access_profile_id: Annotated[str, Field(pattern=PROFILE_ID_PATTERN)]
    target_event_consumer_types: Annotated[tuple[EventConsumerType, ...], Field(max_length=3)]
    parameters: Annotated[tuple[Text, ...], Field(max_length=256)]
    time_access_restrictions: TimeAccessRestrictions | None = None
    user_access_restrictions: UserAccessRestrictions | None = None
    location_access_restrictions: LocationAccessRestrictions | None = None


class EventDataProcessingConfiguration(WireModel):
    """One of a session's. The identifier is the 5GMS AF's to assign."""

    event_data_processing_configuration_id: ResourceId | None = None
    event_id: AfEvent
    authorization_url: Url | None = None
    data_access_profiles: Annotated[tuple[DataAccessProfile, ...], Field(max_length=64)]

    def profile(self, data_access_profile_id: str) -> DataAccessProfile | None:
        """The profile of that identifier; None where there is none."""
        for profile in self.data_access_profiles:
            if profile.data_access_profile_id == data_access_profile_id:
                return profile
        return None
