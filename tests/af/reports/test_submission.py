"""Reports of UEs at M5: which are taken, and that they are kept as they came."""

from typing import Any

import pytest

from fivegms_api.ai_metrics import AI_METRICS_MEDIA_TYPE
from fivegms_api.qoe_report import QOE_REPORT_MEDIA_TYPE


@pytest.mark.requirement("R009d")
async def test_a_report_of_ai_metrics_is_kept_and_listed(reporting: Any) -> None:
    answer = await reporting.measure(
        timeToFirstInference=812.5, inferenceLatency={"count": 3, "mean": 20, "p50": 19, "p95": 31}
    )
    assert (answer.status, answer.body) == (204, b"")
    (stored,) = (await reporting.get("metrics-reports")).json["metricsReports"]
    values = {value["metric"]: (value["value"], value.get("unit")) for value in stored["values"]}
    assert stored["reportingClientId"] == "ue-1"
    assert stored["contentType"] == AI_METRICS_MEDIA_TYPE
    assert stored["metricsReportingConfigurationId"] == reporting.ai
    assert values == {
        "inferenceLatency.count": (3, None),
        "inferenceLatency.mean": (20, "ms"),
        "inferenceLatency.p50": (19, "ms"),
        "inferenceLatency.p95": (31, "ms"),
        "timeToFirstInference": (812.5, "ms"),
    }
    assert stored["report"]["model"] == {"name": "detector", "version": 1}


async def test_a_qoe_report_is_kept_byte_for_byte(reporting: Any, qoe: bytes) -> None:
    assert (await reporting.send_qoe(qoe)).status == 204
    (stored,) = (await reporting.get("metrics-reports")).json["metricsReports"]
    assert stored["report"].encode() == qoe
    assert stored["reportingClientId"] == "ue-7"
    assert stored["contentType"] == QOE_REPORT_MEDIA_TYPE
    assert {key: value for key, value in stored["values"][0].items() if key != "at"} == {
        "metric": "AvgThroughput",
        "unit": "bit/s",
        "value": 4e6,
    }


@pytest.mark.requirement("R009e")
async def test_a_consumption_report_is_kept_and_listed(reporting: Any) -> None:
    answer = await reporting.consume()
    assert (answer.status, answer.body) == (204, b"")
    (stored,) = (await reporting.get("consumption-reports")).json["consumptionReports"]
    assert stored["units"] == [
        {"mediaConsumed": "whole/int8", "startTime": "2026-11-23T12:00:00Z", "duration": 60.0}
    ]
    assert stored["report"]["consumptionReportingUnits"][0]["duration"] == 60


async def test_the_scheme_decides_the_media_type(reporting: Any, qoe: bytes) -> None:
    for configuration, content_type in (
        (reporting.ai, QOE_REPORT_MEDIA_TYPE),
        (reporting.qoe, AI_METRICS_MEDIA_TYPE),
        (reporting.qoe, "application/xml"),
    ):
        answer = await reporting.send_metrics(configuration, qoe, content_type)
        assert (answer.status, answer.problem) == (415, "media-type-unsupported")


async def test_consumption_reports_are_json(reporting: Any) -> None:
    url = f"{reporting.af.m5}/3gpp-m5/v2/consumption-reporting/{reporting.id}"
    assert (await reporting.af.send("POST", url, {}, "text/plain")).status == 415


async def test_nobody_asked_for_it(af: Any) -> None:
    session = (await af.session()).rsplit("/", 1)[-1]
    for path, problem in (
        (f"consumption-reporting/{session}", "unknown-sub-resource"),
        (f"metrics-reporting/{session}/nothing", "unknown-sub-resource"),
        ("consumption-reporting/nothing", "unknown-provisioning-session"),
        ("metrics-reporting/nothing/nothing", "unknown-provisioning-session"),
    ):
        answer = await af.send("POST", f"{af.m5}/3gpp-m5/v2/{path}", {})
        assert (answer.status, answer.problem) == (404, problem)


@pytest.mark.parametrize(
    ("member", "value", "pointer"),
    [
        ("reportingClientId", "", "/reportingClientId"),
        ("reportingClientId", "a\u0000b", "/reportingClientId"),
        ("model", {"name": "m"}, "/model/version"),
        ("periodStart", "2026-11-23T12:00:00", "/periodStart"),
        ("periodStart", "0001-01-01T00:00:00+14:00", "/periodStart"),
        ("periodDuration", 0, "/periodDuration"),
        ("periodDuration", 1e300, "/periodDuration"),
        ("scheme", "urn:other", "/scheme"),
        ("metrics", {"throughput": -1}, "/metrics/throughput"),
        ("metrics", {"speed": 1}, "/metrics/speed"),
        ("metrics", {"bytes": {"weights": {"": 1}}}, "/metrics/bytes/weights/"),
        ("metrics", {"stalls": {"count": 10**30, "totalMs": 1}}, "/metrics/stalls/count"),
    ],
)
async def test_what_is_wrong_is_named(
    reporting: Any, member: str, value: object, pointer: str, ai_metrics: Any
) -> None:
    answer = await reporting.send_metrics(reporting.ai, ai_metrics() | {member: value})
    assert answer.status == 400
    assert pointer in answer.faults
    assert (await reporting.get("metrics-reports")).json["metricsReports"] == []


async def test_a_wrong_qoe_report_is_named_by_its_path(reporting: Any, qoe: bytes) -> None:
    answer = await reporting.send_qoe(qoe.replace(b'level="6100"', b'level="full"'))
    path = "/ReceptionReport/QoeReport[1]/QoeMetric[3]/BufferLevel[1]/BufferLevelEntry[2]/@level"
    assert answer.faults == {path: "must be a number of at least 0"}
    assert (await reporting.send_qoe(b"<")).problem == "body-malformed"


async def test_a_unit_that_no_report_can_be_of(reporting: Any) -> None:
    answer = await reporting.consume(duration=-1)
    assert list(answer.faults) == ["/consumptionReportingUnits/0/duration"]
    answer = await reporting.consume(duration=10**400)
    assert list(answer.faults) == ["/consumptionReportingUnits/0/duration"]


@pytest.mark.parametrize(
    ("member", "good", "bad"),
    [
        ("ipv4Addr", "198.51.100.1", ["999.1..", "1.2.3", "256.1.1.1", "1.2.3.4\n"]),
        ("ipv6Addr", "2001:db8::7334", ["::1::", "1:2", "::ffff:1.2.3.4", "fe80::1%eth0"]),
    ],
)
async def test_addresses_are_addresses(
    reporting: Any, consumption: Any, member: str, good: str, bad: list[str]
) -> None:
    url = f"{reporting.af.m5}/3gpp-m5/v2/consumption-reporting/{reporting.id}"
    for address, status in ((good, 204), *((one, 400) for one in bad)):
        report = consumption()
        unit = report["consumptionReportingUnits"][0]
        unit["serverEndpointAddress"] = {"portNumber": 80, member: address}
        answer = await reporting.af.send("POST", url, report)
        assert answer.status == status, address
    assert list(answer.faults) == [f"/consumptionReportingUnits/0/serverEndpointAddress/{member}"]


async def test_reports_go_with_their_session(reporting: Any) -> None:
    await reporting.measure()
    await reporting.consume()
    assert (await reporting.af.delete(reporting.session)).status == 204
    assert (await reporting.measure()).status == 404
