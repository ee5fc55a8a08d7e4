"""M5_ConsumptionReporting and M5_MetricsReporting against their YAML."""

from typing import Any

import pytest

from fivegms_api.ai_metrics import AI_METRICS_MEDIA_TYPE
from fivegms_api.metrics_reporting import AI_METRICS_SCHEME, DASH_QOE_SCHEME
from fivegms_api.qoe_report import QOE_REPORT_MEDIA_TYPE
from support.m1_bodies import AI_METRICS_REPORT, CONSUMPTION, CONSUMPTION_REPORT, QOE_REPORT

M5 = "/3gpp-m5/v2"


@pytest.mark.shows("submitConsumptionReport", 204, 400, 404, 413, 415)
async def test_a_consumption_report(start_af: Any) -> None:
    af = await start_af(max_body_bytes=2000)
    session = await af.session()
    url = f"{af.m5}{M5}/consumption-reporting/{session.rsplit('/', 1)[-1]}"
    assert (await af.send("POST", url, CONSUMPTION_REPORT)).status == 404
    await af.send("POST", f"{session}/{CONSUMPTION.segment}", CONSUMPTION.sent())
    assert (await af.send("POST", url, CONSUMPTION_REPORT)).status == 204
    wrong = {**CONSUMPTION_REPORT, "reportingClientId": 7}
    assert set((await af.send("POST", url, wrong)).faults) == {"/reportingClientId"}
    assert (await af.send("POST", url, CONSUMPTION_REPORT, "text/plain")).status == 415
    assert (await af.send("POST", url, b" " * 2001)).status == 413
    assert (await af.send("POST", f"{url}-not", CONSUMPTION_REPORT)).status == 404


@pytest.mark.parametrize(
    ("scheme", "media_type", "report"),
    [
        (DASH_QOE_SCHEME, QOE_REPORT_MEDIA_TYPE, QOE_REPORT),
        (AI_METRICS_SCHEME, AI_METRICS_MEDIA_TYPE, AI_METRICS_REPORT),
    ],
)
@pytest.mark.shows("submitMetricsReport", 204, 400, 404, 415)
async def test_a_metrics_report(af: Any, scheme: str, media_type: str, report: Any) -> None:
    session = await af.session()
    many = f"{session}/metrics-reporting-configurations"
    body = {"metricsReportingConfigurationId": "any", "scheme": scheme, "samplingPeriod": 1}
    configuration = (await af.send("POST", many, body)).headers["Location"].rsplit("/", 1)[-1]
    base = f"{af.m5}{M5}/metrics-reporting/{session.rsplit('/', 1)[-1]}"
    url = f"{base}/{configuration}"
    assert (await af.send("POST", url, report, media_type)).status == 204
    assert (await af.send("POST", url, b"<a", media_type)).status == 400
    assert (await af.send("POST", url, report, "application/json")).status == 415
    assert (await af.send("POST", f"{base}/unknown", report, media_type)).status == 404
