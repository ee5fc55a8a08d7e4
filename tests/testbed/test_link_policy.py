"""The emulated link as policy control: by value, and from M5 down to the bytes of M4."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from fivegms_af.policy.control import Demand, NetworkState, PacketFilter, PolicyFlow, Terms
from fivegms_af.policy.errors import PolicyControlRefused
from fivegms_api.qos import Snssai
from fivegms_api.service_data_flows import Direction
from fivegms_testbed.deployment import Deployment, DeploymentConfig
from fivegms_testbed.link import EmulatedLink, Lane, LinkProfile, Way
from fivegms_testbed.link_policy import LinkCapacity, LinkPolicyControl

pytestmark = pytest.mark.requirement("R007a", "R007e", "R007f", "R100")

CAPACITY = LinkCapacity(100_000_000, 20_000_000)
PROFILE = LinkProfile(downlink_bps=5e6, uplink_bps=1e6, delay_s=0.01)
UE = "127.0.0.2"
DOWN = Lane(Way.DOWNLINK, UE, 40_000, "127.0.0.1", 8080)
UP = Lane(Way.UPLINK, UE, 40_000, "127.0.0.1", 8080)


def flow(
    flow_id: str = "a", down: int = 50_000_000, up: int | None = None, **one: Any
) -> PolicyFlow:
    """A flow of the UE, both ways unless said otherwise."""
    return PolicyFlow(
        id=flow_id,
        app_id="app",
        ue=ip_address(UE),
        filters=(PacketFilter(**({"direction": Direction.BIDIRECTIONAL} | one)),),
        terms=Terms(),
        demand=Demand(downlink_most_bps=down, uplink_most_bps=up),
    )


@pytest.fixture
def link() -> EmulatedLink:
    return EmulatedLink("127.0.0.1", 1, PROFILE)


@pytest.fixture
def control(link: EmulatedLink) -> LinkPolicyControl:
    return LinkPolicyControl(link, CAPACITY)


async def test_a_grant_changes_the_rate_and_a_release_restores_it(
    link: EmulatedLink, control: LinkPolicyControl
) -> None:
    granted = await control.install(flow())
    assert (granted.downlink_bps, granted.uplink_bps) == (50_000_000, None)
    assert (link.rate_bps(DOWN), link.rate_bps(UP)) == (50e6, 1e6)
    assert await control.network(flow()) == NetworkState(50_000_000, 1_000_000, 20.0)
    again = await control.update(granted.reference, flow(down=30_000_000, up=2_000_000))
    assert again.reference == granted.reference
    assert (link.rate_bps(DOWN), link.rate_bps(UP)) == (30e6, 2e6)
    await control.release(granted.reference)
    await control.release(granted.reference)
    assert (link.rate_bps(DOWN), link.rate_bps(UP)) == (5e6, 1e6)
    assert await control.network() == NetworkState(5_000_000, 1_000_000, 20.0)


async def test_who_asks_for_nothing_keeps_the_rate_of_all_and_is_told_so(
    link: EmulatedLink, control: LinkPolicyControl
) -> None:
    granted = await control.install(flow(up=0))
    assert (granted.downlink_bps, granted.uplink_bps) == (50_000_000, None)
    assert link.rate_bps(UP) == 1e6


@pytest.mark.parametrize(
    "one",
    [
        {"ue_port": 40_001},
        {"server_port": 443},
        {"server": ip_network("10.0.0.0/8")},
        {"protocol": 17},
        {"direction": Direction.UPLINK},
    ],
)
async def test_other_traffic_of_the_ue_is_not_touched(
    link: EmulatedLink, control: LinkPolicyControl, one: dict[str, Any]
) -> None:
    await control.install(flow(**one))
    assert link.rate_bps(DOWN) == 5e6


async def test_other_ues_are_not_touched(link: EmulatedLink, control: LinkPolicyControl) -> None:
    await control.install(flow())
    assert link.rate_bps(Lane(Way.DOWNLINK, "127.0.0.3", 1, "127.0.0.1", 8080)) == 5e6


async def test_no_more_is_granted_than_there_is(control: LinkPolicyControl) -> None:
    first = await control.install(flow("a", 60_000_000))
    with pytest.raises(PolicyControlRefused, match="10 Mbps downlink are not free"):
        await control.install(flow("b", 50_000_000))
    await control.install(flow("b", 40_000_000))
    with pytest.raises(PolicyControlRefused):
        await control.update(first.reference, flow("a", 61_000_000))
    await control.release(first.reference)
    await control.install(flow("b", 100_000_000))


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        (Terms(qos_reference="gold"), "QoS references"),
        (Terms(dnn="internet"), "data networks"),
        (Terms(slice=Snssai(sst=1)), "slices"),
        (Terms(sponsor="acme"), "sponsors"),
        (Terms(downlink_loss=1), "loss rates"),
        (Terms(downlink_limit_bps=100_000_001), "100 Mbps downlink"),
        (Terms(uplink_required_bps=20_000_001), "20 Mbps uplink"),
        (Terms(latency_ms=9), "10 ms one way"),
    ],
)
async def test_terms_that_it_cannot_keep_are_named(
    control: LinkPolicyControl, terms: Terms, reason: str
) -> None:
    (found,) = await control.judge(terms)
    assert reason in found


async def test_terms_that_it_can_keep_are_allowed(control: LinkPolicyControl) -> None:
    assert await control.judge(Terms(downlink_limit_bps=1, latency_ms=10)) == ()


CRAWL = LinkProfile(downlink_bps=8_000.0)
OBJECT = bytes(300_000)  # 300 s at that rate
GIVE_UP_S = 60


class Service:
    """A deployment whose UEs crawl, an object at M4, and requests."""

    def __init__(self, deployment: Deployment, http: aiohttp.ClientSession) -> None:
        self.addresses = deployment.addresses
        self._http = http
        self.session = ""
        self.url = ""

    async def send(self, method: str, url: str, document: Any) -> Any:
        async with self._http.request(method, url, json=document) as response:
            assert response.status in (200, 201, 204), await response.text()
            return response.headers.get("Location", ""), await response.read()

    async def begin(self) -> None:
        m1 = f"{self.addresses['m1']}/3gpp-m1/v2/provisioning-sessions"
        wanted = {"provisioningSessionType": "DOWNLINK", "appId": "app"}
        self.session, _ = await self.send("POST", m1, wanted)
        hosting = {
            "name": "objects",
            "ingestConfiguration": {
                "pull": False,
                "protocol": "urn:3gpp:5gms:content-protocol:dash-if-ingest",
            },
            "distributionConfigurations": [{}],
        }
        _, made = await self.send("POST", f"{self.session}/content-hosting-configuration", hosting)
        shown = json.loads(made)
        base = shown["ingestConfiguration"]["baseURL"]
        async with self._http.put(f"{base}object.bin", data=OBJECT) as response:
            assert response.status in (200, 201, 204), await response.text()
        self.url = shown["distributionConfigurations"][0]["baseURL"] + "object.bin"

    async def fetch(self) -> bytes:
        async with self._http.get(self.url) as response:
            assert response.status == 200
            return await response.read()


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    config = replace(DeploymentConfig.on_free_ports(tmp_path), link=CRAWL)
    async with Deployment(config) as deployment, aiohttp.ClientSession() as http:
        started = Service(deployment, http)
        await started.begin()
        yield started


async def template_of(service: Service) -> str:
    """The identifier of a template of 800 Mbit/s, which is READY."""
    url, _ = await service.send(
        "POST",
        f"{service.session}/policy-templates",
        {"externalReference": "fast", "qoSSpecification": {"maxBtrDl": "800 Mbps"}},
    )
    while json.loads((await service.send("GET", url, None))[1])["state"] != "READY":
        pass
    return str(url).rsplit("/", 1)[-1]


async def test_a_policy_of_m5_speeds_up_m4_and_its_end_slows_it_down(service: Service) -> None:
    crawling = asyncio.create_task(service.fetch())
    wanted = {
        "provisioningSessionId": service.session.rsplit("/", 1)[-1],
        "policyTemplateId": await template_of(service),
        "serviceDataFlowDescriptions": [
            {"flowDescription": {"direction": "DOWNLINK", "dstIp": "127.0.0.1"}}
        ],
    }
    assert not crawling.done()
    m5 = f"{service.addresses['m5']}/3gpp-m5/v2/dynamic-policies"
    policy, _ = await service.send("POST", m5, wanted)
    async with asyncio.timeout(GIVE_UP_S):
        assert await crawling == OBJECT
        assert await service.fetch() == OBJECT
    await service.send("DELETE", policy, None)
    slow = asyncio.create_task(service.fetch())
    for _ in range(3):
        await service.send("GET", service.session, None)
    assert not slow.done()
    slow.cancel()
