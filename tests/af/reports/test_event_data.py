"""Event exposure over HTTP: exactly what a data access profile lets out, on both databases."""

from typing import Any

import pytest

from support.postgresql import on_both_databases

pytestmark = on_both_databases


async def configured(reporting: Any, event: str, **profile: Any) -> str:
    """The path of the event data below the session."""
    document = {
        "eventId": event,
        "dataAccessProfiles": [
            {
                "dataAccessProfileId": "public",
                "targetEventConsumerTypes": ["EVENT_CONSUMER_AF"],
                "parameters": [],
            }
            | profile
        ],
    }
    many = f"{reporting.session}/event-data-processing-configurations"
    answer = await reporting.af.send("POST", many, document)
    assert answer.status == 201, answer.body
    return f"event-data/{answer.headers['Location'].rsplit('/', 1)[-1]}/public"


@pytest.mark.requirement("R007c")
@pytest.mark.requirement("R008b")
async def test_metrics_aggregated_over_time_and_users(reporting: Any, clock: Any) -> None:
    path = await configured(
        reporting,
        "MS_QOE_METRICS",
        parameters=["throughput"],
        timeAccessRestrictions={"duration": 60, "aggregationFunctions": ["MEAN"]},
        userAccessRestrictions={
            "groupIds": [],
            "userIds": [],
            "aggregationFunctions": ["MAXIMUM", "COUNT"],
        },
    )
    for client, value in (("a", 1), ("a", 3), ("b", 10)):
        await reporting.measure(client, clock.now, throughput=value)
    clock.advance(120)
    answer = await reporting.get(path)
    span = {
        "parameter": "throughput",
        "since": "2026-11-23T12:00:00Z",
        "until": "2026-11-23T12:01:00Z",
        "overTime": "MEAN",
    }
    assert answer.json["values"] == [
        span | {"overUsers": "MAXIMUM", "value": 10},
        span | {"overUsers": "COUNT", "value": 2},
    ]


async def test_a_span_that_is_not_over_stays_hidden(reporting: Any, clock: Any) -> None:
    path = await configured(
        reporting,
        "MS_QOE_METRICS",
        parameters=["throughput"],
        timeAccessRestrictions={"duration": 60, "aggregationFunctions": ["SUM"]},
    )
    await reporting.measure("a", clock.now, throughput=1)
    assert (await reporting.get(path)).json["values"] == []
    clock.advance(60)
    assert [one["value"] for one in (await reporting.get(path)).json["values"]] == [1]
    cut = f"{path}?from=2026-11-23T12:00:00.1Z&to=2026-11-23T12:00:30Z"
    assert (await reporting.get(cut)).json["values"] == []


async def test_consumption_with_the_labels_that_are_exposed(reporting: Any, clock: Any) -> None:
    path = await configured(reporting, "MS_CONSUMPTION", parameters=["duration", "mediaConsumed"])
    await reporting.consume(client="secret", duration=7)
    clock.advance(1)
    (value,) = (await reporting.get(path)).json["values"]
    assert value == {
        "parameter": "duration",
        "value": 7,
        "at": "2026-11-23T12:00:00Z",
        "labels": {"mediaConsumed": "whole/int8"},
    }


async def test_without_parameters_nothing_comes_out(reporting: Any, clock: Any) -> None:
    path = await configured(reporting, "MS_QOE_METRICS")
    await reporting.measure("a", clock.now)
    clock.advance(1)
    assert (await reporting.get(path)).json["values"] == []


async def test_what_there_is_not(reporting: Any) -> None:
    path = await configured(reporting, "MS_QOE_METRICS")
    for wrong in (path.replace("public", "private"), "event-data/other/public"):
        answer = await reporting.get(wrong)
        assert (answer.status, answer.problem) == (404, "unknown-sub-resource")
    assert (await reporting.get(f"{path}?reportingClientId=a")).status == 400
