"""What a UE reports, and when: the rules by value."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fivegms_api.ai_metrics import AI_METRICS_MEDIA_TYPE, AiMetricsReport
from fivegms_api.consumption_report import ConsumptionReport
from fivegms_api.metrics_reporting import AI_METRICS_SCHEME, DASH_QOE_SCHEME
from fivegms_api.service_access_information import ServiceAccessInformation
from fivegms_client.device import measure_device
from fivegms_client.outbox import Outbox
from fivegms_client.reporting import (
    MAX_LATENCIES,
    Delivery,
    Report,
    ReportingSession,
    ReportTask,
    Subject,
    plan,
)
from fivegms_client.retry import RetryPolicy
from fivegms_client.selection import select
from support.onnx_graphs import perceptron
from support.published_model import publish

AF = "http://af.test/3gpp-m5/v2/"
MPD = "https://as.test/m4d/model.mpd"
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
MANIFEST = publish(perceptron(hidden=8)).manifest
SELECTION = select(MANIFEST.model, MANIFEST.subsets[0], measure_device())
DELIVERY = Delivery(
    manifest_bytes=10,
    topology_bytes=20,
    weights_bytes={SELECTION.chosen.id: 300},
    retransmitted_bytes=4,
    stalls=2,
    stalled_s=0.5,
    throughput_bps=1e6,
)
SUBJECT = Subject(MPD, MANIFEST.model, (SELECTION,), DELIVERY, "ue-1")
EVERYTHING = frozenset(
    ["timeToFirstInference", "bytes", "inferenceLatency", "accuracy", "stalls", "throughput"]
)


class Instant:
    """Time in UTC that a test moves."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


def information(**members: Any) -> ServiceAccessInformation:
    document = {"provisioningSessionId": "ps/1", "provisioningSessionType": "DOWNLINK"} | members
    return ServiceAccessInformation.model_validate(document)


def metrics(**members: Any) -> dict[str, Any]:
    return {
        "metricsReportingConfigurationId": "c",
        "serverAddresses": [AF],
        "scheme": AI_METRICS_SCHEME,
        "samplePercentage": 100,
        "urlFilters": [],
        "samplingPeriod": 1,
        "metrics": [f"{AI_METRICS_SCHEME}#bytes", "throughput"],
    } | members


def consumption(**members: Any) -> dict[str, Any]:
    return {
        "serverAddresses": [AF, "http://other.test/3gpp-m5/v2"],
        "locationReporting": False,
        "accessReporting": False,
        "samplePercentage": 100,
    } | members


def test_what_is_asked_for_is_planned() -> None:
    asked = information(
        clientConsumptionReportingConfiguration=consumption(reportingInterval=60),
        clientMetricsReportingConfigurations=[metrics()],
    )
    assert plan(asked, MPD) == (
        ReportTask(
            (
                "http://af.test/3gpp-m5/v2/consumption-reporting/ps%2F1",
                "http://other.test/3gpp-m5/v2/consumption-reporting/ps%2F1",
            ),
            60,
        ),
        ReportTask(
            ("http://af.test/3gpp-m5/v2/metrics-reporting/ps%2F1/c",),
            None,
            frozenset({"bytes", "throughput"}),
        ),
    )


def test_nothing_asked_for_nothing_planned() -> None:
    assert plan(information(), MPD) == ()


@pytest.mark.parametrize(
    "members",
    [
        {"scheme": DASH_QOE_SCHEME, "metrics": []},
        {"metricsReportingConfigurationId": None},
        {"urlFilters": ["[.]mp4$"]},
        {"urlFilters": ["("]},
    ],
)
def test_what_this_client_does_not_report(members: dict[str, Any]) -> None:
    asked = information(clientMetricsReportingConfigurations=[metrics(**members)])
    assert plan(asked, MPD) == ()


def test_one_filter_that_matches_is_enough() -> None:
    filters = ["[.]mp4$", "as[.]test.*[.]mpd$"]
    asked = information(clientMetricsReportingConfigurations=[metrics(urlFilters=filters)])
    assert len(plan(asked, MPD)) == 1


@pytest.mark.parametrize(
    ("percentage", "chance", "count"), [(50, 0.49, 1), (50, 0.5, 0), (0, 0, 0)]
)
def test_only_a_sample_reports(percentage: float, chance: float, count: int) -> None:
    configuration = consumption(samplePercentage=percentage)
    asked = information(clientConsumptionReportingConfiguration=configuration)
    assert len(plan(asked, MPD, lambda: chance)) == count


def session(*tasks: ReportTask) -> tuple[ReportingSession, Instant]:
    instant = Instant()
    return ReportingSession(tasks, SUBJECT, 0.0, instant), instant


def infer(one: ReportingSession, instant: Instant, *latencies_ms: float) -> None:
    for latency_ms in latencies_ms:
        instant.now += timedelta(milliseconds=latency_ms)
        one.inferred(latency_ms, 800.0)


def test_the_first_report_tells_of_the_start_and_later_ones_do_not() -> None:
    one, instant = session(ReportTask(("u",), 60, EVERYTHING))
    infer(one, instant, 10, 30, 20)
    assert one.due(59.9) == []
    assert one.next_due() == 60
    (report,) = one.due(60)
    assert (report.urls, report.content_type) == (("u",), AI_METRICS_MEDIA_TYPE)
    first = AiMetricsReport.model_validate_json(report.body)
    assert first.period_start == NOON
    assert first.period_duration == pytest.approx(0.06)
    assert first.reporting_client_id == "ue-1"
    assert json.loads(report.body)["metrics"] == {
        "timeToFirstInference": 800,
        "bytes": {
            "manifest": 10,
            "topology": 20,
            "weights": {SELECTION.chosen.id: 300},
            "retransmitted": 4,
        },
        "inferenceLatency": {"count": 3, "mean": 20, "p50": 20, "p95": 30},
        "accuracy": [
            {"metric": one.metric, "value": one.value, "dataSet": one.data_set}
            for one in SELECTION.chosen.accuracy
        ],
        "stalls": {"count": 2, "totalMs": 500},
        "throughput": 1e6,
    }
    infer(one, instant, 5)
    (report,) = one.due(120)
    assert json.loads(report.body)["metrics"] == {
        "inferenceLatency": {"count": 1, "mean": 5, "p50": 5, "p95": 5},
        "accuracy": [],
    }


def test_what_takes_its_place_is_reported_apart() -> None:
    one, instant = session(ReportTask(("u",), 60, EVERYTHING), ReportTask(("v",), None))
    infer(one, instant, 10)
    newer = replace(SUBJECT, model=replace(MANIFEST.model, version=2))
    one.uses(replace(newer, delivery=Delivery(weights_bytes={"delta": 7})))
    infer(one, instant, 20, 20)
    before, after = [AiMetricsReport.model_validate_json(each.body) for each in _of(one, "u", 60)]
    assert (before.model.version, after.model.version) == (1, 2)
    assert before.metrics.time_to_first_inference == 800
    assert after.metrics.time_to_first_inference is None
    assert after.metrics.bytes is not None
    assert after.metrics.bytes.weights == {"delta": 7}
    assert after.metrics.inference_latency is not None
    assert after.metrics.inference_latency.count == 2
    consumed = [json.loads(each.body) for each in one.finish() if each.urls == ("v",)]
    units = [each["consumptionReportingUnits"][0]["mediaConsumed"] for each in consumed]
    assert [unit.split("/")[1] for unit in units] == ["2"]


def _of(one: ReportingSession, url: str, now: float) -> list[Report]:
    return [report for report in one.due(now) if report.urls == (url,)]


def test_only_metrics_that_were_asked_for() -> None:
    one, instant = session(ReportTask(("u",), None, frozenset({"throughput"})))
    infer(one, instant, 10)
    (report,) = one.finish()
    assert json.loads(report.body)["metrics"] == {"throughput": 1e6, "accuracy": []}


def test_a_period_without_use_has_no_report() -> None:
    one, instant = session(ReportTask(("u",), 60), ReportTask(("v",), None, EVERYTHING))
    assert one.due(60) == []
    assert one.finish() == []
    infer(one, instant, 10)
    assert [report.urls for report in one.finish()] == [("u",), ("v",)]
    assert one.finish() == []


def test_without_an_interval_there_is_one_report_at_the_end() -> None:
    one, instant = session(ReportTask(("u",), None))
    infer(one, instant, 10)
    assert one.next_due() is None
    assert one.due(1e9) == []
    assert len(one.finish()) == 1


def test_consumption_says_what_was_used_and_for_how_long() -> None:
    one, instant = session(ReportTask(("u",), None, with_addresses=True))
    infer(one, instant, 10)
    instant.now += timedelta(seconds=90)
    infer(one, instant, 10)
    report = ConsumptionReport.model_validate_json(one.finish()[0].body)
    (unit,) = report.consumption_reporting_units
    assert report.media_player_entry == MPD
    assert unit.media_consumed.endswith(f"/1/{SELECTION.chosen.id}")
    assert (unit.start_time, unit.duration) == (NOON, 90)
    assert unit.server_endpoint_address is not None
    assert unit.server_endpoint_address.hostname == "as.test"
    assert unit.server_endpoint_address.port_number == 443


@pytest.mark.parametrize("task", [ReportTask(("u",), 60), ReportTask(("u",), 60, EVERYTHING)])
def test_a_clock_that_was_not_set_costs_a_report_and_no_more(task: ReportTask) -> None:
    one, instant = session(task)
    instant.now = datetime(1970, 1, 1, tzinfo=UTC)
    infer(one, instant, 10)
    assert one.due(60) == []
    instant.now = NOON
    infer(one, instant, 10)
    assert len(one.due(120)) == 1


def test_a_clock_that_goes_back_costs_no_report() -> None:
    one, instant = session(ReportTask(("u",), None), ReportTask(("v",), None, EVERYTHING))
    infer(one, instant, 10)
    instant.now -= timedelta(hours=1)
    infer(one, instant, 10)
    consumed, measured = one.finish()
    unit = ConsumptionReport.model_validate_json(consumed.body).consumption_reporting_units[0]
    assert unit.duration == 0
    assert AiMetricsReport.model_validate_json(measured.body).period_duration > 0


def test_inferences_beyond_those_that_are_kept_count() -> None:
    one, instant = session(ReportTask(("u",), None, EVERYTHING))
    infer(one, instant, *[1.0] * MAX_LATENCIES, 1.0 + MAX_LATENCIES + 1)
    latency = json.loads(one.finish()[0].body)["metrics"]["inferenceLatency"]
    assert latency == {"count": MAX_LATENCIES + 1, "mean": 2, "p50": 1, "p95": 1}


def reports(count: int) -> list[Report]:
    return [Report(("a", "b"), "x/y", str(number).encode()) for number in range(count)]


PATIENCE = RetryPolicy(first_delay_s=2.0, max_delay_s=8.0)


def test_reports_are_sent_in_order() -> None:
    outbox, (first, second) = Outbox(), reports(2)
    outbox.add([first, second])
    assert outbox.next(0) == (first, "a")
    outbox.done(first)
    assert outbox.next(0) == (second, "a")
    outbox.done(second)
    assert outbox.next(0) is None


def test_nobody_answers() -> None:
    outbox, (report,) = Outbox(patience=PATIENCE), reports(1)
    outbox.add([report])
    outbox.failed(10, jitter=0)
    assert outbox.next(10.9) is None
    assert outbox.next(11) == (report, "b")
    outbox.failed(11, jitter=0)
    assert outbox.next(12.9) is None
    outbox.done(report)
    assert len(outbox) == 0


def test_who_asks_for_patience_gets_it_within_bounds() -> None:
    outbox = Outbox(patience=PATIENCE)
    outbox.failed(10, jitter=0, asked_s=30)
    assert outbox.wait_until == 40
    outbox.failed(10, jitter=0, asked_s=1e6)
    assert outbox.wait_until == 10 + PATIENCE.give_up_after_s


def test_the_oldest_give_way() -> None:
    outbox, every = Outbox(capacity=2), reports(3)
    outbox.add(every)
    assert (len(outbox), outbox.lost) == (2, 1)
    assert outbox.next(0) == (every[1], "a")
    outbox.add(reports(1))
    outbox.done(every[1])  # it was pushed out while it was on its way
    assert outbox.next(0) == (every[2], "a")
