"""Aggregates, statistics and predictions over HTTP, on both databases."""

from datetime import timedelta
from typing import Any

import pytest

from support.postgresql import on_both_databases

pytestmark = on_both_databases


async def measure(reporting: Any, clock: Any, values: list[float], apart_s: float) -> None:
    for value in values:
        assert (await reporting.measure(at=clock.now, throughput=value)).status == 204
        clock.advance(apart_s)


async def test_a_metric_over_time(reporting: Any, clock: Any) -> None:
    await measure(reporting, clock, [1, 2, 3, 10], 20)
    answer = await reporting.get("metrics-reports/aggregate?metric=throughput&bucket=60")
    assert answer.json["unit"] == "bit/s"
    assert answer.json["buckets"] == [
        {
            "start": "2026-11-23T12:00:00Z",
            "count": 3,
            "mean": 2,
            "minimum": 1,
            "maximum": 3,
            "p50": 2,
            "p95": 3,
        },
        {
            "start": "2026-11-23T12:01:00Z",
            "count": 1,
            "mean": 10,
            "minimum": 10,
            "maximum": 10,
            "p50": 10,
            "p95": 10,
        },
    ]


async def test_the_period_of_an_aggregate_is_that_of_the_values(reporting: Any, clock: Any) -> None:
    old = clock.now - timedelta(days=2)
    await reporting.measure(at=old, throughput=1)
    path = "metrics-reports/aggregate?metric=throughput"
    assert (await reporting.get(path)).json["buckets"] == []
    since = (old - timedelta(minutes=1)).isoformat().replace("+00:00", "Z")
    until = (old + timedelta(minutes=1)).isoformat().replace("+00:00", "Z")
    found = (await reporting.get(f"{path}&from={since}&to={until}")).json["buckets"]
    assert [bucket["count"] for bucket in found] == [1]


async def test_what_was_consumed(reporting: Any, clock: Any) -> None:
    for client, media, duration in (("a", "x", 10), ("b", "x", 30), ("a", "x", 5), ("a", "y", 20)):
        await reporting.consume(client=client, media=media, duration=duration)
    clock.advance(1)
    answer = await reporting.get("consumption-reports/aggregate")
    entry = {"mediaPlayerEntry": "http://m4.example/model.mpd"}
    longest = entry | {"mediaConsumed": "x", "seconds": 45, "clients": 2, "units": 3}
    other = entry | {"mediaConsumed": "y", "seconds": 20, "clients": 1, "units": 1}
    assert answer.json == {"media": [longest, other], "complete": True}
    assert (await reporting.get("consumption-reports/aggregate?limit=1")).json == {
        "media": [longest],
        "complete": False,
    }
    of_b = await reporting.get("consumption-reports/aggregate?reportingClientId=b")
    assert [medium["seconds"] for medium in of_b.json["media"]] == [30]


@pytest.mark.requirement("R009e")
@pytest.mark.requirement("R009f")
async def test_statistics_and_predictions(reporting: Any, clock: Any) -> None:
    await measure(reporting, clock, [float(value) for value in range(1, 13)], 60)
    (throughput,) = (await reporting.get("analytics?bucket=60")).json["metrics"]
    assert throughput["statistics"]["count"] == 12
    forecast = throughput["forecast"]
    assert forecast["start"] == "2026-11-23T12:12:00Z"
    assert forecast["end"] == "2026-11-23T12:13:00Z"
    assert forecast["value"] == pytest.approx(13, abs=0.5)
    assert forecast["low"] <= forecast["value"] <= forecast["high"]
    assert forecast["backtest"]["count"] == 9


@pytest.mark.requirement("R009f")
async def test_too_little_history_gives_a_reason_and_no_numbers(reporting: Any, clock: Any) -> None:
    await measure(reporting, clock, [1, 2], 60)
    (throughput,) = (await reporting.get("analytics?bucket=60")).json["metrics"]
    assert "forecast" not in throughput
    assert throughput["noForecast"].startswith("2 intervals of 60 s that are over have values")


async def test_analytics_of_one_metric(reporting: Any, clock: Any) -> None:
    await reporting.measure(at=clock.now, throughput=1, energy={"joules": 2, "method": "rapl"})
    clock.advance(1)
    every = (await reporting.get("analytics")).json
    assert [one["metric"] for one in every["metrics"]] == ["energy", "throughput"]
    assert every["complete"]
    assert all(one["complete"] for one in every["metrics"])
    one = (await reporting.get("analytics?metric=throughput")).json
    assert [metric["metric"] for metric in one["metrics"]] == ["throughput"]


async def test_more_metrics_than_are_shown_hide_none(reporting: Any, clock: Any) -> None:
    """Whoever makes names up cannot keep a provider from the metrics that it asks for."""
    for first in (0, 60):
        accuracy = [
            {"metric": f"{first + number:03}", "value": 1, "dataSet": "x"} for number in range(60)
        ]
        await reporting.measure(at=clock.now, accuracy=accuracy, throughput=1)
    clock.advance(1)
    every = (await reporting.get("analytics")).json
    assert (len(every["metrics"]), every["complete"]) == (100, False)
    one = (await reporting.get("analytics?metric=throughput")).json
    assert [metric["metric"] for metric in one["metrics"]] == ["throughput"]


async def test_no_history_has_no_metrics(reporting: Any) -> None:
    assert (await reporting.get("analytics")).json["metrics"] == []
