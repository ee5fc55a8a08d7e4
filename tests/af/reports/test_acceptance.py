"""The rules of acceptance by value, and damaged JSON reports."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivegms_af.errors import RequestRefused
from fivegms_af.provisioned import Document, DocumentKind, Session
from fivegms_af.reports.acceptance import accept_consumption, accept_metrics
from fivegms_api.ai_metrics import AI_METRICS_MEDIA_TYPE, AiMetricsReport
from fivegms_api.common_data import ProvisioningSessionType
from fivegms_api.metrics_reporting import AI_METRICS_SCHEME, METRICS

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
SESSION = Session(
    "s",
    ProvisioningSessionType.DOWNLINK,
    "app",
    None,
    NOON,
    1,
    documents=(
        Document("c", DocumentKind.CONSUMPTION_REPORTING, b"{}", NOON),
        Document(
            "m",
            DocumentKind.METRICS_REPORTING,
            json.dumps({"scheme": AI_METRICS_SCHEME, "samplingPeriod": 1}).encode(),
            NOON,
        ),
    ),
)
METRICS_REPORT: dict[str, Any] = {
    "scheme": AI_METRICS_SCHEME,
    "reportingClientId": "ue",
    "model": {"name": "m", "version": 3, "variants": [{"subset": 0, "variant": "int8"}]},
    "periodStart": "2026-11-23T11:59:50Z",
    "periodDuration": 10,
    "metrics": {
        "timeToFirstInference": 812.5,
        "bytes": {"manifest": 10, "topology": 20, "weights": {"int8": 300}, "retransmitted": 4},
        "inferenceLatency": {"count": 2, "mean": 1.5, "p50": 1, "p95": 2},
        "accuracy": [{"metric": "mAP@0.5", "value": 0.9, "dataSet": "d"}],
        "energy": {"joules": 1.5, "method": "rapl"},
        "stalls": {"count": 1, "totalMs": 20},
        "throughput": 1e6,
    },
}
CONSUMPTION = {
    "mediaPlayerEntry": "http://a/b.mpd",
    "reportingClientId": "ue",
    "consumptionReportingUnits": [
        {
            "mediaConsumed": "v1",
            "clientEndpointAddress": {"ipv4Addr": "10.0.0.1", "portNumber": 1},
            "serverEndpointAddress": {"hostname": "a", "portNumber": 443},
            "startTime": "2026-11-23T11:00:00+01:00",
            "duration": 5,
            "locations": [{"locationIdentifierType": "NCGI", "location": "1"}],
        }
    ],
}
BODIES = (json.dumps(METRICS_REPORT).encode(), json.dumps(CONSUMPTION).encode())


def test_every_number_of_ai_metrics_has_a_name() -> None:
    record = accept_metrics(SESSION, "m", AI_METRICS_MEDIA_TYPE, BODIES[0], NOON)
    assert record.means() == {
        "timeToFirstInference": 812.5,
        "bytes": 334,
        "bytes.manifest": 10,
        "bytes.topology": 20,
        "bytes.weights": 300,
        "bytes.retransmitted": 4,
        "inferenceLatency.count": 2,
        "inferenceLatency.mean": 1.5,
        "inferenceLatency.p50": 1,
        "inferenceLatency.p95": 2,
        "accuracy.mAP@0.5": 0.9,
        "energy": 1.5,
        "stalls.count": 1,
        "stalls.total": 20,
        "throughput": 1e6,
    }
    assert {value.at for value in record.values} == {NOON}
    assert (record.body, record.reporting_client_id) == (BODIES[0], "ue")


def test_the_model_has_the_metrics_that_can_be_asked_for() -> None:
    members = AiMetricsReport.model_validate(METRICS_REPORT).metrics.model_dump(by_alias=True)
    assert tuple(members) == METRICS[AI_METRICS_SCHEME]


def test_a_whole_consumption_report() -> None:
    record = accept_consumption(SESSION, "application/json; charset=utf-8", BODIES[1], NOON)
    (unit,) = record.units
    assert (unit.media_consumed, unit.duration_s, unit.start.hour) == ("v1", 5.0, 11)
    assert unit.start == datetime(2026, 11, 23, 10, tzinfo=UTC)


def take(body: bytes) -> None:
    for accept in (
        lambda: accept_metrics(SESSION, "m", AI_METRICS_MEDIA_TYPE, body, NOON),
        lambda: accept_consumption(SESSION, "application/json", body, NOON),
    ):
        try:
            record = accept()
        except RequestRefused:
            continue
        assert record.body == body


@given(st.sampled_from(BODIES), st.data())
def test_a_flipped_byte_is_taken_or_refused_by_name(body: bytes, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(body) - 1))
    take(body[:place] + bytes([data.draw(st.integers(0, 255))]) + body[place + 1 :])


@pytest.mark.parametrize("body", BODIES)
def test_a_truncated_report_is_refused(body: bytes) -> None:
    for length in range(len(body)):
        with pytest.raises(RequestRefused):
            accept_metrics(SESSION, "m", AI_METRICS_MEDIA_TYPE, body[:length], NOON)
        with pytest.raises(RequestRefused):
            accept_consumption(SESSION, "application/json", body[:length], NOON)
