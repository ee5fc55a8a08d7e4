"""Event data reduced to what a data access profile exposes, and nothing beyond it. Pure.

    parameters                 what is not named here does not come out, values and labels alike
    time access restrictions   values are aggregated over spans of `duration`; with NULL, or without
                               the restriction, each instant comes out by itself
    user access restrictions   values of different users are aggregated, and which user a value is
                               of does not come out; with NULL, or without it, each user's values
                               stay apart

Aggregates are of whole spans that are over, at fixed places in time: a period cut to suit, or asked
for twice while it fills, would give away the values that the profile hides. Where users are
aggregated and time is not, spans are of USER_SPAN_S. (TS 26.531 4.5.2, TS 26.532 6.3.3)
"""

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import groupby

import numpy as np

from fivegms_af.reports.paging import Period
from fivegms_af.reports.records import Invocation
from fivegms_af.reports.series import Sample, bucket_start, too_many
from fivegms_api.event_data_processing import (
    AfEvent,
    DataAccessProfile,
    DataAggregationFunctionType,
)
from fivegms_api.report_views import ExposedValue

MAX_VALUES = 20_000
USER_SPAN_S = 3600

CLIENT = "reportingClientId"
INVOCATIONS = "invocations"
DURATION = "duration"

INVOKED: Mapping[AfEvent, Invocation] = {
    AfEvent.MS_DYN_POLICY_INVOCATION: Invocation.DYNAMIC_POLICY,
    AfEvent.MS_NET_ASSIST_INVOCATION: Invocation.NETWORK_ASSISTANCE,
}
"""What an event counts."""

_Function = DataAggregationFunctionType
_Labels = tuple[tuple[str, str], ...]


def exposed_period(profile: DataAccessProfile, asked: Period, now: datetime) -> Period:
    """What of a period is exposed: all, or the spans that begin in it and are over.

    Both ends are those of spans; it has no length where no span fits.
    """
    duration_s = span_s(profile)
    if duration_s is None or asked.since is None or asked.until is None:
        return asked
    length = timedelta(seconds=duration_s)
    since = bucket_start(asked.since, duration_s)
    if since < asked.since:
        since += length
    return Period(since, max(since, bucket_start(min(asked.until, now), duration_s)))


def span_s(profile: DataAccessProfile) -> int | None:
    """Over how many seconds values are aggregated; None where they are not."""
    restrictions = profile.time_access_restrictions
    if restrictions is not None and time_functions(profile):
        return restrictions.duration
    return USER_SPAN_S if user_functions(profile) else None


def expose(samples: Iterable[Sample], profile: DataAccessProfile) -> tuple[ExposedValue, ...]:
    """What comes out of samples in the order of time. Raises MembersRefused for too much."""
    visible = (sample for sample in samples if _is_visible(sample, profile))
    duration_s = span_s(profile)
    reduced: Iterator[ExposedValue]
    if duration_s is None:
        reduced = (_single(sample, profile) for sample in visible)
    else:
        reduced = _aggregated(visible, profile, duration_s)
    values: list[ExposedValue] = []
    for value in reduced:
        if len(values) == MAX_VALUES:
            raise too_many(MAX_VALUES)
        values.append(value)
    return tuple(values)


def time_functions(profile: DataAccessProfile) -> tuple[_Function, ...]:
    """What values are aggregated by over time; none where each instant comes out."""
    restrictions = profile.time_access_restrictions
    return _effective(restrictions.aggregation_functions if restrictions else ())


def user_functions(profile: DataAccessProfile) -> tuple[_Function, ...]:
    """What values are aggregated by over users; none where each user's come out."""
    restrictions = profile.user_access_restrictions
    return _effective(restrictions.aggregation_functions if restrictions else ())


def _effective(functions: tuple[_Function, ...]) -> tuple[_Function, ...]:
    return () if _Function.NULL in functions else functions


def _is_visible(sample: Sample, profile: DataAccessProfile) -> bool:
    restrictions = profile.user_access_restrictions
    users = restrictions.user_ids if restrictions else ()
    whose = not users or sample.labels.get(CLIENT) in users
    return whose and sample.parameter in profile.parameters


def _single(sample: Sample, profile: DataAccessProfile) -> ExposedValue:
    return ExposedValue(
        parameter=sample.parameter,
        value=sample.value,
        at=sample.at,
        labels=dict(_labels(sample, profile, hide_user=False)) or None,
    )


def _labels(sample: Sample, profile: DataAccessProfile, *, hide_user: bool) -> _Labels:
    return tuple(
        (name, text)
        for name, text in sorted(sample.labels.items())
        if name in profile.parameters and not (hide_user and name == CLIENT)
    )


def _aggregated(
    samples: Iterable[Sample], profile: DataAccessProfile, duration_s: int
) -> Iterator[ExposedValue]:
    over_time, over_users = time_functions(profile), user_functions(profile)
    for start, group in groupby(samples, key=lambda sample: bucket_start(sample.at, duration_s)):
        for (parameter, _, labels), by_user in _grouped(group, profile).items():
            for (inner, outer), value in _reduced(by_user, over_time, over_users):
                yield ExposedValue(
                    parameter=parameter,
                    value=value,
                    since=start,
                    until=start + timedelta(seconds=duration_s),
                    over_time=inner,
                    over_users=outer,
                    labels=dict(labels) or None,
                )


def _grouped(
    samples: Iterable[Sample], profile: DataAccessProfile
) -> Mapping[tuple[str, str, _Labels], Mapping[str, "array[float]"]]:
    """Values by parameter, user where users stay apart, and labels; then by user. In that order."""
    hide_user = bool(user_functions(profile))
    groups: dict[tuple[str, str, _Labels], dict[str, array[float]]] = {}
    for sample in samples:
        user = sample.labels.get(CLIENT, "")
        labels = _labels(sample, profile, hide_user=hide_user)
        group = groups.setdefault((sample.parameter, "" if hide_user else user, labels), {})
        group.setdefault(user, array("d")).append(sample.value)
    return dict(sorted(groups.items()))


def _reduced(
    by_user: Mapping[str, "array[float]"],
    over_time: tuple[_Function, ...],
    over_users: tuple[_Function, ...],
) -> Iterator[tuple[tuple[str | None, str | None], float]]:
    """Over time first, one value for each user, then over users."""
    if not over_users:
        for function in over_time:
            for values in by_user.values():
                yield (function, None), _APPLY[function](values)
        return
    if not over_time:
        everything = array("d", (value for values in by_user.values() for value in values))
        for function in over_users:
            yield (None, function), _APPLY[function](everything)
        return
    for inner in over_time:
        of_each = array("d", (_APPLY[inner](values) for values in by_user.values()))
        for outer in over_users:
            yield (inner, outer), _APPLY[outer](of_each)


_APPLY: Mapping[_Function, Callable[["array[float]"], float]] = {
    _Function.COUNT: lambda values: float(len(values)),
    _Function.MEAN: lambda values: float(np.mean(values)),
    _Function.MAXIMUM: max,
    _Function.MINIMUM: min,
    _Function.SUM: lambda values: float(np.sum(values)),
}
