"""Reports as UEs send them, and sessions that ask for them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fivegms_api.ai_metrics import AI_METRICS_MEDIA_TYPE
from fivegms_api.metrics_reporting import AI_METRICS_SCHEME, DASH_QOE_SCHEME
from fivegms_api.qoe_report import QOE_REPORT_MEDIA_TYPE

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Reporting:
    """A session at a running AF that asks for every kind of report, and its UE."""

    def __init__(self, af: Any, session: str, qoe: str, ai: str) -> None:
        self.af = af
        self.session = session
        self.id = session.rsplit("/", 1)[-1]
        self.qoe = qoe
        self.ai = ai

    async def consume(self, **members: Any) -> Any:
        url = f"{self.af.m5}/3gpp-m5/v2/consumption-reporting/{self.id}"
        return await self.af.send("POST", url, consumption(**members))

    async def measure(self, client: str = "ue-1", at: datetime = NOON, **metrics: Any) -> Any:
        return await self.send_metrics(self.ai, ai_metrics(client, at, **metrics))

    async def send_metrics(
        self, configuration: str, body: Any, content_type: str = AI_METRICS_MEDIA_TYPE
    ) -> Any:
        url = f"{self.af.m5}/3gpp-m5/v2/metrics-reporting/{self.id}/{configuration}"
        return await self.af.send("POST", url, body, content_type)

    async def send_qoe(self, body: bytes) -> Any:
        return await self.send_metrics(self.qoe, body, QOE_REPORT_MEDIA_TYPE)

    async def get(self, path: str, **headers: str) -> Any:
        return await self.af.get(f"{self.session}/{path}", **headers)


@pytest.fixture
async def reporting(af: Any) -> Reporting:
    """Both schemes are configured, and consumption reporting."""
    session = await af.session()
    await _created(af, f"{session}/consumption-reporting-configuration", {})
    many = f"{session}/metrics-reporting-configurations"
    qoe = await _created(af, many, {"scheme": DASH_QOE_SCHEME, "samplingPeriod": 1})
    ai = await _created(af, many, {"scheme": AI_METRICS_SCHEME, "samplingPeriod": 1})
    return Reporting(af, session, qoe, ai)


async def _created(af: Any, url: str, document: dict[str, Any]) -> str:
    answer = await af.send("POST", url, document)
    assert answer.status == 201, answer.body
    return str(answer.headers["Location"]).rsplit("/", 1)[-1]


def consumption(
    client: str = "ue-1", start: datetime = NOON, duration: int = 60, media: str = "whole/int8"
) -> dict[str, Any]:
    return {
        "mediaPlayerEntry": "http://m4.example/model.mpd",
        "reportingClientId": client,
        "consumptionReportingUnits": [
            {"mediaConsumed": media, "startTime": start.isoformat(), "duration": duration}
        ],
    }


def ai_metrics(client: str = "ue-1", at: datetime = NOON, **metrics: Any) -> dict[str, Any]:
    """A report whose period ends at `at`."""
    return {
        "scheme": AI_METRICS_SCHEME,
        "reportingClientId": client,
        "model": {"name": "detector", "version": 1},
        "periodStart": (at - timedelta(seconds=10)).isoformat(),
        "periodDuration": 10,
        "metrics": metrics or {"throughput": 8e6},
    }


QOE = b"""<?xml version="1.0" encoding="UTF-8"?>
<ReceptionReport xmlns="urn:3gpp:metadata:2011:HSD:receptionreport"
    xmlns:sv="urn:3gpp:metadata:2016:PSS:schemaVersion"
    xmlns:x="urn:example:extension"
    contentURI="http://m4.example/media.mpd" clientID="ue-7">
  <QoeReport periodID="p0" reportTime="2026-11-23T12:00:10Z" reportPeriod="10">
    <QoeMetric>
      <AvgThroughput numBytes="1000000" activityTime="2000" t="2026-11-23T12:00:00.5Z"
          duration="10000"/>
    </QoeMetric>
    <QoeMetric><InitialPlayoutDelay>250</InitialPlayoutDelay></QoeMetric>
    <QoeMetric>
      <BufferLevel>
        <BufferLevelEntry t="2026-11-23T12:00:01Z" level="6256"/>
        <BufferLevelEntry t="2026-11-23T12:00:02Z" level="6100"/>
      </BufferLevel>
    </QoeMetric>
    <QoeMetric>
      <RepSwitchList>
        <RepSwitchEvent to="v2" mt="PT4S" t="2026-11-23T12:00:03Z"/>
      </RepSwitchList>
    </QoeMetric>
    <QoeMetric>
      <PlayList>
        <Trace startType="NewPlayoutRequest" start="2026-11-23T12:00:00Z" mstart="PT0S">
          <TraceEntry representationId="v1" start="2026-11-23T12:00:00Z" duration="4000"
              stopReason="Rebuffering"/>
          <TraceEntry representationId="v2" start="2026-11-23T12:00:05Z" duration="5000"
              stopReason="UserRequest"/>
        </Trace>
      </PlayList>
    </QoeMetric>
    <QoeMetric>
      <MPDInformation representationId="v2">
        <Mpdinfo codecs="avc1.4d401f" bandwidth="2500000" mimeType="video/mp4"/>
      </MPDInformation>
    </QoeMetric>
    <QoeMetric>
      <HttpList>
        <HttpListEntry type="MediaSegment" url="http://m4.example/1.m4s" responsecode="200"
            trequest="2026-11-23T12:00:01Z" tresponse="2026-11-23T12:00:01.040Z"/>
        <HttpListEntry type="MediaSegment" url="http://m4.example/2.m4s" responsecode="404"/>
      </HttpList>
    </QoeMetric>
    <QoeMetric>
      <x:deviceinformation model="unknown to us"/>
    </QoeMetric>
    <sv:delimiter>0</sv:delimiter>
  </QoeReport>
</ReceptionReport>
"""


@pytest.fixture
def qoe() -> bytes:
    """A QoE report with every metric that is read, and one that is not."""
    return QOE


@pytest.fixture(name="ai_metrics")
def ai_metrics_fixture() -> Any:
    """Makes reports of AI metrics."""
    return ai_metrics


@pytest.fixture(name="consumption")
def consumption_fixture() -> Any:
    """Makes consumption reports."""
    return consumption
