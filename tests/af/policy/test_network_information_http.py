"""What is known of the network, to UEs and to the provider; and alarms where it falls short."""

from typing import Any

import pytest

from fivegms_af.policy.control import NetworkState


@pytest.mark.requirement("R007a", "R007b", "R007c", "R007d")
async def test_ues_and_the_provider_see_the_network(policies: Any, make_policy: Any) -> None:
    session_id, template_id = await policies.ready()
    await policies.create(make_policy(session_id, template_id))
    policies.control.state = NetworkState(7_000_000, 1_000_000, 35.0)
    for_ues = f"{policies.af.m5}/fivegms-m5-ai/v1/network-information/{session_id}"
    for_provider = f"{policies.af.m1}/provisioning-sessions/{session_id}/network-information"
    seen = (await policies.af.get(for_ues)).json
    assert seen == (await policies.af.get(for_provider)).json
    assert seen["downlinkBitRate"] == "7 Mbps"
    assert seen["latency"] == 35.0
    assert seen["source"] == "memory"
    assert seen["dynamicPolicies"] == 1
    assert seen["expectedParameters"] == [
        {
            "policyTemplateId": template_id,
            "externalReference": "hd",
            "downlinkBitRate": "20 Mbps",
            "uplinkBitRate": "5 Mbps",
        }
    ]
    assert "observedThroughput" not in seen


async def test_an_unknown_session_has_no_network(policies: Any) -> None:
    url = f"{policies.af.m5}/fivegms-m5-ai/v1/network-information/none"
    assert (await policies.af.get(url)).problem == "unknown-provisioning-session"


@pytest.mark.requirement("R019", "R100")
async def test_a_missed_kpi_raises_one_alarm_until_it_is_met(policies: Any) -> None:
    session = await policies.af.session()
    profile = {"qosReference": "urn:fivegms:kpi:SI-MEDIA"}
    template = await policies.template(session, qoSSpecification=profile)
    await policies.state(template, "READY")
    report = await metrics_reporting(policies, session)
    await report(100e6)
    await report(90e6)
    (alarm,) = (await policies.af.get(f"{session}/qos-alarms?state=open")).json["qosAlarms"]
    assert alarm["kind"] == "DOWNLINK_THROUGHPUT"
    assert (alarm["required"], alarm["observed"]) == (150e6, 100e6)
    assert alarm["subject"] == "client ue-1"
    await report(160e6)
    assert (await policies.af.get(f"{session}/qos-alarms?state=open")).json["qosAlarms"] == []
    (cleared,) = (await policies.af.get(f"{session}/qos-alarms")).json["qosAlarms"]
    assert cleared["cleared"]
    information = (await policies.af.get(f"{session}/network-information")).json
    assert information["observedThroughput"]["reports"] == 3
    assert information["observedThroughput"]["lowest"] == "90 Mbps"


@pytest.mark.requirement("R019")
async def test_an_alarm_is_over_when_nothing_is_required_any_more(policies: Any) -> None:
    session = await policies.af.session()
    profile = {"qosReference": "urn:fivegms:kpi:SI-MEDIA"}
    template = await policies.template(session, qoSSpecification=profile)
    await policies.state(template, "READY")
    report = await metrics_reporting(policies, session)
    await report(1e6)
    assert (await policies.af.delete(template)).status == 204
    await report(1e6)
    (alarm,) = (await policies.af.get(f"{session}/qos-alarms")).json["qosAlarms"]
    assert alarm["cleared"]


async def test_a_report_of_any_throughput_can_be_told(policies: Any) -> None:
    session = await policies.af.session()
    report = await metrics_reporting(policies, session)
    await report(123456789012345680.0)
    information = (await policies.af.get(f"{session}/network-information")).json
    assert information["observedThroughput"]["highest"] == "123456.789012345680 Tbps"


async def test_the_query_is_checked(policies: Any) -> None:
    session = await policies.af.session()
    answer = await policies.af.get(f"{session}/qos-alarms?state=some")
    assert list(answer.faults) == ["query state"]


async def metrics_reporting(policies: Any, session: str) -> Any:
    """Reports of one UE's throughput to a new metrics reporting configuration."""
    configuration = {
        "scheme": "urn:fivegms:ai:metrics:2026",
        "reportingInterval": 60,
        "samplingPeriod": 10,
        "metrics": ["throughput"],
    }
    url = f"{session}/metrics-reporting-configurations"
    answer = await policies.af.send("POST", url, configuration)
    assert answer.status == 201, answer.body
    session_id, configuration_id = (
        one.rsplit("/", 1)[-1] for one in (session, answer.headers["Location"])
    )

    async def report(bps: float) -> None:
        document = {
            "reportingClientId": "ue-1",
            "model": {"name": "detector", "version": 1},
            "periodStart": "2026-11-23T11:59:00Z",
            "periodDuration": 60.0,
            "metrics": {"throughput": bps},
        }
        to = f"{policies.m5}/metrics-reporting/{session_id}/{configuration_id}"
        media_type = "application/vnd.fivegms.ai-metrics+json"
        answer = await policies.af.send("POST", to, document, media_type)
        assert answer.status == 204, answer.body

    return report
