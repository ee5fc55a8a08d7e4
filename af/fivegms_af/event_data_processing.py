"""The rules of an Event Data Processing Configuration (TS 26.512 7.11).

A restriction that this AF could not keep is refused: to accept it would be to expose more than the
provider allows. Pure.
"""

from collections.abc import Iterator, Sequence

from fivegms_af.errors import MembersRefused
from fivegms_af.faults import NOT_SUPPORTED, fault
from fivegms_api.event_data_processing import (
    AfEvent,
    DataAccessProfile,
    EventConsumerType,
    EventDataProcessingConfiguration,
    UserAccessRestrictions,
)
from fivegms_api.problem_details import InvalidParam

EVENTS_OF_USERS = frozenset({AfEvent.MS_QOE_METRICS, AfEvent.MS_CONSUMPTION})
"""Events whose data name the client that reported them."""

EVENTS = EVENTS_OF_USERS | {AfEvent.MS_DYN_POLICY_INVOCATION, AfEvent.MS_NET_ASSIST_INVOCATION}
"""Events that this AF has data of."""


def accept_event_data_processing(
    configuration: EventDataProcessingConfiguration,
) -> EventDataProcessingConfiguration:
    """`configuration` as it is kept. Raises MembersRefused."""
    faults = [*_configuration_faults(configuration)]
    for place, profile in enumerate(configuration.data_access_profiles):
        faults += _profile_faults(configuration.event_id, profile, "dataAccessProfiles", place)
    if faults:
        raise MembersRefused(*faults)
    return configuration


def _configuration_faults(
    configuration: EventDataProcessingConfiguration,
) -> Iterator[InvalidParam]:
    if configuration.event_id not in EVENTS:
        reason = f"is {NOT_SUPPORTED}; there are data of {', '.join(sorted(EVENTS))}"
        yield fault(reason, "eventId")
    if configuration.authorization_url is not None:
        reason = f"is {NOT_SUPPORTED}; consumers are authorised by their access tokens"
        yield fault(reason, "authorizationUrl")
    profiles = configuration.data_access_profiles
    if not profiles:
        reason = "needs a profile: nothing is exposed without one"
        yield fault(reason, "dataAccessProfiles")
    identifiers = [profile.data_access_profile_id for profile in profiles]
    for place in _repeated(identifiers):
        member = ("dataAccessProfiles", place, "dataAccessProfileId")
        yield fault("is the identifier of another profile", *member)


def _profile_faults(
    event: AfEvent, profile: DataAccessProfile, *at: str | int
) -> Iterator[InvalidParam]:
    yield from _consumer_faults(profile, *at, "targetEventConsumerTypes")
    yield from _set_faults(profile.parameters, *at, "parameters")
    if profile.time_access_restrictions is not None:
        functions = profile.time_access_restrictions.aggregation_functions
        yield from _set_faults(functions, *at, "timeAccessRestrictions", "aggregationFunctions")
    if profile.user_access_restrictions is not None:
        users = profile.user_access_restrictions
        yield from _user_faults(event, users, *at, "userAccessRestrictions")
    if profile.location_access_restrictions is not None:
        reason = f"is {NOT_SUPPORTED}: where a client is, is not known here"
        yield fault(reason, *at, "locationAccessRestrictions")


def _consumer_faults(profile: DataAccessProfile, *at: str | int) -> Iterator[InvalidParam]:
    types = profile.target_event_consumer_types
    if not types:
        reason = f"needs {EventConsumerType.EVENT_CONSUMER_AF}: else nobody is given the data"
        yield fault(reason, *at)
    yield from _set_faults(types, *at)
    for place, one in enumerate(types):
        if one is not EventConsumerType.EVENT_CONSUMER_AF:
            reason = f"{one} is {NOT_SUPPORTED}: no network function subscribes here"
            yield fault(reason, *at, place)


def _user_faults(
    event: AfEvent, users: UserAccessRestrictions, *at: str | int
) -> Iterator[InvalidParam]:
    if event not in EVENTS_OF_USERS:
        reason = f"is {NOT_SUPPORTED} for {event}: its data name no users"
        yield fault(reason, *at)
    if users.group_ids:
        reason = f"is {NOT_SUPPORTED}: who is in a group is not known here"
        yield fault(reason, *at, "groupIds")
    yield from _set_faults(users.user_ids, *at, "userIds")
    yield from _set_faults(users.aggregation_functions, *at, "aggregationFunctions")


def _set_faults(items: Sequence[str], *at: str | int) -> Iterator[InvalidParam]:
    for place in _repeated(items):
        yield fault("is there twice", *at, place)


def _repeated(items: Sequence[str]) -> Iterator[int]:
    """The places of items that are there before."""
    seen: set[str] = set()
    for place, item in enumerate(items):
        if item in seen:
            yield place
        seen.add(item)
