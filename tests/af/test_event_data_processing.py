from typing import Any

import pytest

from fivegms_af.bodies import validate
from fivegms_af.errors import MembersRefused
from fivegms_af.event_data_processing import EVENTS, accept_event_data_processing
from fivegms_api.event_data_processing import AfEvent, EventDataProcessingConfiguration

PROFILE: dict[str, Any] = {
    "dataAccessProfileId": "mean-per-minute",
    "targetEventConsumerTypes": ["EVENT_CONSUMER_AF"],
    "parameters": ["throughput", "stalls"],
    "timeAccessRestrictions": {"duration": 60, "aggregationFunctions": ["MEAN", "COUNT"]},
}
USERS: dict[str, Any] = {
    "groupIds": [],
    "userIds": ["extid-a@b"],
    "aggregationFunctions": ["NULL"],
}
PLACES = {"locationAreas": [{"civicAddresses": []}], "aggregationFunctions": ["SUM"]}


def read(*profiles: dict[str, Any], **members: Any) -> EventDataProcessingConfiguration:
    document = {"eventId": "MS_QOE_METRICS", "dataAccessProfiles": list(profiles)} | members
    return validate(EventDataProcessingConfiguration, document)


def refused(*profiles: dict[str, Any], **members: Any) -> dict[str, str]:
    with pytest.raises(MembersRefused) as error:
        accept_event_data_processing(read(*profiles, **members))
    return {param.param: param.reason or "" for param in error.value.params}


def test_what_is_honoured() -> None:
    value = read(PROFILE, PROFILE | {"dataAccessProfileId": "b", "userAccessRestrictions": USERS})
    assert accept_event_data_processing(value) == value
    assert value.profile("b") is value.data_access_profiles[1]
    assert value.profile("c") is None


@pytest.mark.parametrize("event", list(AfEvent))
def test_events_that_there_are_data_of(event: AfEvent) -> None:
    if event in EVENTS:
        accept_event_data_processing(read(PROFILE, eventId=event.value))
    else:
        assert set(refused(PROFILE, eventId=event.value)) == {"/eventId"}


def test_an_authorization_url_would_not_be_asked() -> None:
    reasons = refused(PROFILE, authorizationUrl="https://a.example/")
    assert reasons["/authorizationUrl"].startswith("is not supported by this deployment")


def test_nothing_is_exposed_without_a_profile() -> None:
    assert set(refused()) == {"/dataAccessProfiles"}


def test_profiles_have_identifiers_of_their_own() -> None:
    assert set(refused(PROFILE, PROFILE)) == {"/dataAccessProfiles/1/dataAccessProfileId"}


@pytest.mark.parametrize(
    ("member", "value", "pointer"),
    [
        ("targetEventConsumerTypes", [], "targetEventConsumerTypes"),
        ("targetEventConsumerTypes", ["NWDAF"], "targetEventConsumerTypes/0"),
        ("targetEventConsumerTypes", ["EVENT_CONSUMER_AF", "NEF"], "targetEventConsumerTypes/1"),
        ("parameters", ["a", "b", "a"], "parameters/2"),
        (
            "timeAccessRestrictions",
            {"duration": 1, "aggregationFunctions": ["SUM", "SUM"]},
            "timeAccessRestrictions/aggregationFunctions/1",
        ),
        (
            "userAccessRestrictions",
            USERS | {"groupIds": ["0000abcd-001-01-ab"]},
            "userAccessRestrictions/groupIds",
        ),
        (
            "userAccessRestrictions",
            USERS | {"userIds": ["extid-a@b", "extid-a@b"]},
            "userAccessRestrictions/userIds/1",
        ),
        ("locationAccessRestrictions", PLACES, "locationAccessRestrictions"),
    ],
)
def test_restrictions_that_could_not_be_kept(member: str, value: Any, pointer: str) -> None:
    reasons = refused(PROFILE | {member: value})
    assert set(reasons) == {f"/dataAccessProfiles/0/{pointer}"}


@pytest.mark.parametrize("event", ["MS_DYN_POLICY_INVOCATION", "MS_NET_ASSIST_INVOCATION"])
def test_invocations_name_no_users(event: str) -> None:
    profile = PROFILE | {"userAccessRestrictions": USERS}
    assert set(refused(profile, eventId=event)) == {"/dataAccessProfiles/0/userAccessRestrictions"}


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("dataAccessProfileId", ""),
        ("dataAccessProfileId", "a/b"),
        ("targetEventConsumerTypes", ["ANYBODY"]),
        ("parameters", None),
        ("parameters", [1]),
        ("timeAccessRestrictions", {"duration": 0, "aggregationFunctions": []}),
        ("timeAccessRestrictions", {"duration": 1, "aggregationFunctions": ["MEDIAN"]}),
        ("timeAccessRestrictions", {"duration": 1}),
        ("userAccessRestrictions", {"userIds": []}),
        ("locationAccessRestrictions", PLACES | {"locationAreas": []}),
        ("everything", True),
    ],
)
def test_values_that_3gpp_does_not_have(member: str, value: Any) -> None:
    with pytest.raises(MembersRefused) as error:
        read(PROFILE | {member: value})
    assert all(
        param.param.startswith(f"/dataAccessProfiles/0/{member}") for param in error.value.params
    )


def test_an_event_that_3gpp_does_not_have() -> None:
    with pytest.raises(MembersRefused) as error:
        read(PROFILE, eventId="EVERYTHING")
    assert [param.param for param in error.value.params] == ["/eventId"]
