"""A PCF as policy control, from M1 and M5 down to TS 29.514's YAML and back by notifications."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from fivegms_af.policy.limits import PolicyLimits
from support.pcf import Pcf
from support.three_gpp import document

pytestmark = pytest.mark.requirement("R007e", "R007f", "R019", "R100")


@pytest.fixture
async def pcf() -> AsyncIterator[Pcf]:
    """A PCF that nothing was sent to which breaks the YAML."""
    document("TS29514_Npcf_PolicyAuthorization.yaml")  # or the test is skipped
    async with Pcf() as running:
        yield running
    assert running.breaches == []


class Provider:
    """An AF in front of the PCF, a session, and a READY template."""

    def __init__(self, af: Any) -> None:
        self.af = af
        self.session = ""
        self.template = ""

    async def begin(self, template: Any) -> None:
        self.session = await self.af.session()
        answer = await self.af.send("POST", f"{self.session}/policy-templates", template)
        assert answer.status == 201, answer.body
        self.template = answer.headers["Location"]

    async def policy(self, make_policy: Any, **members: Any) -> Any:
        ids = (one.rsplit("/", 1)[-1] for one in (self.session, self.template))
        document = make_policy(*ids, **members)
        return await self.af.send("POST", f"{self.af.m5}/3gpp-m5/v2/dynamic-policies", document)

    async def open_alarms(self) -> list[str]:
        answer = await self.af.get(f"{self.session}/qos-alarms?state=open")
        return [alarm["kind"] for alarm in answer.json["qosAlarms"]]

    async def settled(self) -> None:
        await self.af.policy.upkeep.attempt()


@pytest.fixture
async def provider(start_af: Any, pcf: Pcf, make_template: Any) -> Provider:
    started = Provider(await start_af(policy_control_url=pcf.url, settle_s=30.0))
    await started.begin(make_template())
    return started


async def test_every_setting_of_template_and_policy_reaches_the_pcf(
    start_af: Any, pcf: Pcf, make_policy: Any, make_qos: Any
) -> None:
    provider = Provider(await start_af(policy_control_url=pcf.url, settle_s=30.0))
    await provider.begin(
        {
            "externalReference": "gold",
            "qoSSpecification": {
                "qosReference": "gold",
                "maxBtrDl": "50 Mbps",
                "maxAuthBtrUl": "20 Mbps",
                "defPacketLossRateDl": 10,
                "defPacketLossRateUl": 20,
            },
            "applicationSessionContext": {
                "dnn": "internet.ai",
                "sliceInfo": {"sst": 1, "sd": "00000a"},
            },
            "chargingSpecification": {"sponId": "acme", "sponStatus": "SPONSOR_ENABLED"},
        }
    )
    qos = make_qos("40 Mbps", "10 Mbps", minDesBwDlBitRate="8 Mbps", desLatency=20, desLoss=1)
    flows = [
        {
            "flowDescription": {
                "direction": "BIDIRECTIONAL",
                "dstIp": "10.0.0.0/8",
                "dstPort": 443,
                "protocol": 17,
            }
        },
        {"flowDescription": {"direction": "UPLINK", "dstIp": "10.1.0.1", "toSTc": "b8fc"}},
    ]
    answer = await provider.policy(
        make_policy,
        mediaType="VIDEO",
        qosSpecification=qos,
        serviceDataFlowDescriptions=flows,
    )
    assert answer.status == 201, answer.body
    data = pcf.only
    assert data["afAppId"] == "app"
    assert data["aspId"] == "asp"
    assert data["ueIpv4"] == "127.0.0.1"
    assert (data["dnn"], data["sliceInfo"]) == ("internet.ai", {"sst": 1, "sd": "00000a"})
    assert (data["sponId"], data["sponStatus"]) == ("acme", "SPONSOR_ENABLED")
    assert data["notifUri"].endswith(answer.json["dynamicPolicyId"])
    assert data["medComponents"] == {
        "1": {
            "medCompN": 1,
            "medType": "VIDEO",
            "qosReference": "gold",
            "fStatus": "ENABLED",
            "marBwDl": "40 Mbps",
            "marBwUl": "10 Mbps",
            "minDesBwDl": "8 Mbps",
            "mirBwDl": "1 Mbps",
            "mirBwUl": "0 bps",
            "desMaxLatency": 20.0,
            "desMaxLoss": 1.0,
            "maxPacketLossRateDl": 10,
            "maxPacketLossRateUl": 20,
            "medSubComps": {
                "1": {
                    "fNum": 1,
                    "fDescs": [
                        "permit out 17 from 10.0.0.0/8 443 to 127.0.0.1",
                        "permit in 17 from 127.0.0.1 to 10.0.0.0/8 443",
                    ],
                },
                "2": {
                    "fNum": 2,
                    "fDescs": ["permit in ip from 127.0.0.1 to 10.1.0.1"],
                    "tosTrCl": "b8fc",
                },
            },
        }
    }


async def test_a_change_is_a_merge_patch_and_an_end_a_deletion(
    provider: Provider, pcf: Pcf, make_policy: Any, make_qos: Any
) -> None:
    qos = make_qos("10 Mbps", "2 Mbps", desLatency=20)
    created = await provider.policy(make_policy, qosSpecification=qos)
    url = created.headers["Location"]
    patch = {"qosSpecification": {"marBwDlBitRate": "4 Mbps", "desLatency": None}}
    patched = await provider.af.send("PATCH", url, patch, "application/merge-patch+json")
    assert (patched.status, patched.json["enforcementBitRate"]) == (200, 4_000_000)
    component = pcf.only["medComponents"]["1"]
    assert component["marBwDl"] == "4 Mbps"
    assert "desMaxLatency" not in component
    assert list(component["medSubComps"]) == ["1"]
    assert (await provider.af.delete(url)).status == 204
    assert pcf.sessions == {}


async def test_a_context_that_the_pcf_lost_is_made_again(
    provider: Provider, pcf: Pcf, make_policy: Any
) -> None:
    created = await provider.policy(make_policy)
    pcf.sessions.clear()
    url = created.headers["Location"]
    patch = {"mediaType": "AUDIO"}
    patched = await provider.af.send("PATCH", url, patch, "application/merge-patch+json")
    assert patched.status == 200
    assert pcf.only["medComponents"]["1"]["medType"] == "AUDIO"
    assert (await provider.af.delete(url)).status == 204
    assert pcf.sessions == {}


async def test_a_change_that_the_pcf_would_drop_is_refused(
    start_af: Any, pcf: Pcf, make_policy: Any, make_template: Any, make_qos: Any
) -> None:
    provider = Provider(await start_af(policy_control_url=pcf.url, settle_s=30.0))
    await provider.begin(make_template())
    pcf.features = "2"
    created = await provider.policy(make_policy)
    assert created.status == 201
    patch = {"qosSpecification": make_qos("1 Mbps", "0 bps", desLatency=20)}
    answer = await provider.af.send(
        "PATCH", created.headers["Location"], patch, "application/merge-patch+json"
    )
    assert (answer.status, answer.problem) == (403, "policy-refused")
    assert "FLUS or QOS_HINT" in answer.json["detail"]
    assert "desMaxLatency" not in pcf.only["medComponents"]["1"]


async def test_a_pcf_that_contradicts_itself_is_not_asked_for_ever(
    provider: Provider, pcf: Pcf, make_policy: Any
) -> None:
    created = await provider.policy(make_policy)
    pcf.circle = True
    before = len(pcf.requests)
    patch = {"mediaType": "AUDIO"}
    answer = await provider.af.send(
        "PATCH", created.headers["Location"], patch, "application/merge-patch+json"
    )
    assert (answer.status, answer.problem) == (503, "policy-control-unavailable")
    assert len(pcf.requests) - before < 30


async def test_a_refusal_says_what_would_be_accepted(
    provider: Provider, pcf: Pcf, make_policy: Any
) -> None:
    pcf.refusal = (
        403,
        {
            "cause": "REQUESTED_SERVICE_NOT_AUTHORIZED",
            "acceptableServInfo": {"marBwDl": "3 Mbps"},
        },
    )
    answer = await provider.policy(make_policy)
    assert (answer.status, answer.problem) == (403, "policy-refused")
    assert "at most 3 Mbps downlink" in answer.json["detail"]


@pytest.mark.parametrize(
    ("features", "members", "missing"),
    [
        ("fffffff", {}, None),
        ("2", {}, "AUTHORIZATION_WITH_REQUIRED_QOS"),
        (None, {}, "AUTHORIZATION_WITH_REQUIRED_QOS"),
        ("xyz", {}, "no hexadecimal number"),
    ],
)
async def test_a_pcf_that_would_drop_a_setting_is_not_asked(
    start_af: Any,
    pcf: Pcf,
    make_policy: Any,
    features: str | None,
    members: dict[str, Any],
    missing: str | None,
) -> None:
    provider = Provider(await start_af(policy_control_url=pcf.url, settle_s=30.0))
    await provider.begin(
        {"externalReference": "gold", "qoSSpecification": {"qosReference": "gold"}}
    )
    pcf.features = features
    answer = await provider.policy(make_policy, **members)
    pcf.breaches = [breach for breach in pcf.breaches if "'xyz'" not in breach]
    if missing is None:
        assert answer.status == 201
        return
    assert (answer.status, answer.problem) == (403, "policy-refused")
    assert missing in answer.json["detail"]
    assert pcf.sessions == {}


async def test_a_lost_answer_leaves_nothing_at_the_pcf(
    provider: Provider, pcf: Pcf, make_policy: Any
) -> None:
    pcf.loses_answers = True
    answer = await provider.policy(make_policy)
    assert (answer.status, answer.problem) == (503, "policy-control-unavailable")
    assert len(pcf.sessions) == 1
    pcf.loses_answers = False
    while pcf.sessions:
        await provider.settled()
    assert pcf.sessions == {}


async def test_a_pcf_that_is_down_is_asked_again(
    start_af: Any, pcf: Pcf, make_template: Any
) -> None:
    provider = Provider(await start_af(policy_control_url=pcf.url))
    pcf.unavailable = 503
    await provider.begin(make_template())
    assert (await provider.af.get(provider.template)).json["state"] == "PENDING"
    pcf.unavailable = None
    await provider.settled()
    assert (await provider.af.get(provider.template)).json["state"] == "READY"


async def test_the_operators_limits_make_a_template_invalid(
    start_af: Any, pcf: Pcf, make_template: Any
) -> None:
    limits = PolicyLimits(
        qos_references=("gold",), dnns=("internet",), slices=(), max_btr_dl="10 Mbps"
    )
    provider = Provider(
        await start_af(policy_control_url=pcf.url, policy_limits=limits, settle_s=30.0)
    )
    await provider.begin(
        make_template(applicationSessionContext={"dnn": "ims", "sliceInfo": {"sst": 1}})
    )
    shown = (await provider.af.get(provider.template)).json
    assert shown["state"] == "INVALID"
    for reason in ("dnn is none", "sliceInfo is none", "20 Mbps downlink is more"):
        assert reason in shown["stateReason"]["detail"]


async def test_a_template_without_limits_is_no_way_around_the_operators(
    start_af: Any, pcf: Pcf, make_policy: Any, make_qos: Any
) -> None:
    limits = PolicyLimits(max_btr_dl="10 Mbps", max_btr_ul="1 Mbps")
    provider = Provider(
        await start_af(policy_control_url=pcf.url, policy_limits=limits, settle_s=30.0)
    )
    await provider.begin({"externalReference": "free"})
    answer = await provider.policy(make_policy, qosSpecification=make_qos("11 Mbps", "2 Mbps"))
    assert (answer.status, answer.problem) == (403, "policy-refused")
    assert "11 Mbps downlink" in answer.json["detail"]
    assert "2 Mbps uplink" in answer.json["detail"]
    assert pcf.sessions == {}


async def test_what_the_pcf_tells_becomes_an_alarm_until_it_takes_it_back(
    provider: Provider, pcf: Pcf, make_policy: Any, make_qos: Any
) -> None:
    qos = make_qos("10 Mbps", "2 Mbps", desLatency=20)
    created = await provider.policy(make_policy, qosSpecification=qos)
    data = pcf.only
    assert {one["event"] for one in data["evSubsc"]["events"]} == {
        "QOS_NOTIF",
        "FAILED_RESOURCES_ALLOCATION",
        "SUCCESSFUL_RESOURCES_ALLOCATION",
        "QOS_MONITORING",
    }
    for events, kinds in (
        (guarantee("NOT_GUARANTEED"), ["NOT_GUARANTEED"]),
        (guarantee("NOT_GUARANTEED"), ["NOT_GUARANTEED"]),
        (guarantee("GUARANTEED"), []),
        (event("FAILED_RESOURCES_ALLOCATION"), ["RESOURCES_NOT_ALLOCATED"]),
        (event("SUCCESSFUL_RESOURCES_ALLOCATION"), []),
        (event("QOS_MONITORING", qosMonReports=[{"rtDelays": [30, 41]}]), ["LATENCY"]),
        (event("QOS_MONITORING", qosMonReports=[{"rtDelays": [40]}]), []),
        (guarantee("NOT_GUARANTEED"), ["NOT_GUARANTEED"]),
    ):
        assert await pcf.notify(data, events) == 204
        assert await provider.open_alarms() == kinds
    assert (await provider.af.delete(created.headers["Location"])).status == 204
    assert await provider.open_alarms() == []
    assert await pcf.notify(data, guarantee("NOT_GUARANTEED")) == 404


async def test_a_policy_ends_where_the_pcf_says_so(
    provider: Provider, pcf: Pcf, make_policy: Any
) -> None:
    created = await provider.policy(make_policy)
    assert await pcf.terminate(pcf.only) == 204
    assert (await provider.af.get(created.headers["Location"])).status == 404
    while pcf.sessions:
        await provider.settled()
    assert pcf.sessions == {}


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"evNotifs": "none"}, "/evNotifs"),
        ({"qosMonReports": [{"rtDelays": [10**400]}]}, "/qosMonReports/0/rtDelays/0"),
    ],
)
async def test_a_notification_that_is_none_is_refused(
    provider: Provider, pcf: Pcf, make_policy: Any, make_qos: Any, members: Any, param: str
) -> None:
    await provider.policy(make_policy, qosSpecification=make_qos("1 Mbps", "0 bps", desLatency=20))
    told = event("QOS_MONITORING") | members
    answer = await provider.af.send("POST", f"{pcf.only['notifUri']}/notify", told)
    assert (answer.status, list(answer.faults)) == (400, [param])


def event(name: str, **members: Any) -> dict[str, Any]:
    """A notification of one event."""
    return {"evNotifs": [{"event": name}], **members}


def guarantee(notified: str) -> dict[str, Any]:
    """A notification about a guarantee."""
    return event("QOS_NOTIF", qncReports=[{"notifType": notified}])
