"""What a data access profile lets out of samples, by value."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivegms_af.errors import MembersRefused
from fivegms_af.reports import exposure
from fivegms_af.reports.exposure import expose, exposed_period
from fivegms_af.reports.paging import Period
from fivegms_af.reports.series import Sample
from fivegms_api.event_data_processing import DataAccessProfile, DataAggregationFunctionType

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
FUNCTIONS = [function.value for function in DataAggregationFunctionType]


def profile(
    parameters: Sequence[str] = ("x",),
    *,
    over_time: Sequence[str] | None = None,
    over_users: Sequence[str] | None = None,
    duration: int = 60,
    users: Sequence[str] = (),
) -> DataAccessProfile:
    document: dict[str, Any] = {
        "dataAccessProfileId": "p",
        "targetEventConsumerTypes": ["EVENT_CONSUMER_AF"],
        "parameters": parameters,
    }
    if over_time is not None:
        restriction = {"duration": duration, "aggregationFunctions": over_time}
        document["timeAccessRestrictions"] = restriction
    if over_users is not None or users:
        document["userAccessRestrictions"] = {
            "groupIds": [],
            "userIds": users,
            "aggregationFunctions": over_users or [],
        }
    return DataAccessProfile.model_validate(document)


def sample(second: float, value: float, user: str = "a", name: str = "x") -> Sample:
    at = NOON + timedelta(seconds=second)
    return Sample(at, name, None, value, {"reportingClientId": user, "place": "home"})


THREE = [sample(0, 1), sample(10, 3), sample(20, 10, "b")]


def values(exposed: Sequence[Any]) -> list[Any]:
    return [(one.over_time, one.over_users, one.value) for one in exposed]


def test_individual_values_have_no_user_unless_that_is_a_parameter() -> None:
    plain = expose(THREE, profile())
    assert [(one.value, one.at, one.labels) for one in plain] == [
        (one.value, one.at, None) for one in THREE
    ]
    named = expose(THREE, profile(["x", "reportingClientId"]))
    assert [one.labels for one in named] == [
        {"reportingClientId": user} for user in ("a", "a", "b")
    ]


def test_null_restricts_nothing() -> None:
    assert expose(THREE, profile(over_time=["NULL"])) == expose(THREE, profile())


def test_over_time_users_stay_apart() -> None:
    exposed = expose(THREE, profile(over_time=["SUM"]))
    assert values(exposed) == [("SUM", None, 4), ("SUM", None, 10)]
    assert all(one.labels is None and one.at is None for one in exposed)
    assert (exposed[0].since, exposed[0].until) == (NOON, NOON + timedelta(seconds=60))


def test_over_users_hides_who_even_where_that_is_a_parameter() -> None:
    exposed = expose(THREE, profile(["x", "reportingClientId", "place"], over_users=["MEAN"]))
    assert values(exposed) == [(None, "MEAN", pytest.approx(14 / 3))]
    assert exposed[0].labels == {"place": "home"}
    assert exposed[0].until == NOON + timedelta(hours=1)


def test_over_time_first_then_over_users() -> None:
    exposed = expose(THREE, profile(over_time=["SUM", "COUNT"], over_users=["MAXIMUM"]))
    assert values(exposed) == [("SUM", "MAXIMUM", 10), ("COUNT", "MAXIMUM", 2)]


@pytest.mark.parametrize(
    ("function", "value"),
    [("COUNT", 2), ("MEAN", 2), ("MAXIMUM", 3), ("MINIMUM", 1), ("SUM", 4)],
)
def test_functions(function: str, value: float) -> None:
    exposed = expose(THREE[:2], profile(over_time=[function]))
    assert values(exposed) == [(function, None, value)]


def test_only_the_users_that_are_named() -> None:
    assert [one.value for one in expose(THREE, profile(users=["b"]))] == [10]


def test_spans_are_apart() -> None:
    exposed = expose([*THREE, sample(60, 7)], profile(over_time=["COUNT"], over_users=["SUM"]))
    assert [one.value for one in exposed] == [3, 1]


def test_only_whole_spans_that_are_over() -> None:
    restricted = profile(over_time=["MEAN"])
    asked = Period(NOON + timedelta(seconds=1), NOON + timedelta(seconds=300))
    assert exposed_period(restricted, asked, NOON + timedelta(seconds=170)) == Period(
        NOON + timedelta(seconds=60), NOON + timedelta(seconds=120)
    )
    assert exposed_period(restricted, asked, NOON) == Period(
        NOON + timedelta(seconds=60), NOON + timedelta(seconds=60)
    )
    assert exposed_period(profile(), asked, NOON) == asked


def test_more_than_an_answer_holds_is_refused() -> None:
    too_many = (sample(0, 1) for _ in range(exposure.MAX_VALUES + 1))
    with pytest.raises(MembersRefused):
        expose(too_many, profile())


@given(
    st.lists(st.tuples(st.integers(0, 500), st.sampled_from("abc"), st.sampled_from("xy"))),
    st.lists(st.sampled_from(FUNCTIONS), unique=True) | st.none(),
    st.lists(st.sampled_from(FUNCTIONS), unique=True) | st.none(),
)
def test_never_more_than_the_profile_says(
    events: list[tuple[int, str, str]], over_time: list[str] | None, over_users: list[str] | None
) -> None:
    restricted = profile(["x", "reportingClientId"], over_time=over_time, over_users=over_users)
    inner: list[Any] = over_time if over_time and "NULL" not in over_time else []
    outer: list[Any] = over_users if over_users and "NULL" not in over_users else []
    for one in expose([sample(at, 1, who, what) for at, who, what in sorted(events)], restricted):
        assert one.parameter == "x"
        assert (one.at is None) == bool(inner or outer)
        assert (one.over_time or None) in (inner or [None])
        assert (one.over_users or None) in (outer or [None])
        assert (one.labels is None) == bool(outer)
