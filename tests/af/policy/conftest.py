"""An AF over a policy control in memory, and what policies are made of."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from fivegms_af.policy.memory_control import MemoryPolicyControl

WAIT_S = 30.0


def template(**members: Any) -> dict[str, Any]:
    """A policy template of 20 Mbit/s down and 5 up."""
    qos = {"maxBtrDl": "20 Mbps", "maxBtrUl": "5 Mbps"}
    return {"externalReference": "hd", "qoSSpecification": qos} | members


def policy(session_id: str, template_id: str, **members: Any) -> dict[str, Any]:
    """A dynamic policy for what the UE fetches from port 80 of 10.0.0.1."""
    flow = {"dstIp": "127.0.0.1", "srcIp": "10.0.0.1", "srcPort": 80, "protocol": 6}
    description = {"flowDescription": flow | {"direction": "DOWNLINK"}}
    return {
        "provisioningSessionId": session_id,
        "policyTemplateId": template_id,
        "serviceDataFlowDescriptions": [description],
    } | members


def qos(down: str, up: str, **members: Any) -> dict[str, Any]:
    """An M5QoSSpecification of at most these rates."""
    return {
        "marBwDlBitRate": down,
        "marBwUlBitRate": up,
        "mirBwDlBitRate": "1 Mbps",
        "mirBwUlBitRate": "0 bps",
    } | members


class Policies:
    """Requests about policies to one AF."""

    def __init__(self, af: Any, control: MemoryPolicyControl) -> None:
        self.af = af
        self.control = control
        self.m5 = f"{af.m5}/3gpp-m5/v2"

    async def template(self, session: str, **members: Any) -> str:
        """The URL of a new policy template."""
        answer = await self.af.send("POST", f"{session}/policy-templates", template(**members))
        assert answer.status == 201, answer.body
        return str(answer.headers["Location"])

    async def ready(self) -> tuple[str, str]:
        """The identifiers of a session and of its template, which is READY."""
        session = await self.af.session()
        url = await self.template(session)
        await self.state(url, "READY")
        return identifier(session), identifier(url)

    async def state(self, url: str, state: str) -> Any:
        """The template once it is in a state."""
        return await self.until(url, lambda answer: answer.json["state"] == state)

    async def until(self, url: str, holds: Callable[[Any], bool]) -> Any:
        """The first answer of which something holds."""
        async with asyncio.timeout(WAIT_S):
            while True:
                answer = await self.af.get(url)
                if holds(answer):
                    return answer

    async def create(self, document: Any) -> Any:
        """The answer to a POST of a dynamic policy."""
        return await self.af.send("POST", f"{self.m5}/dynamic-policies", document)

    async def policy(self, **members: Any) -> str:
        """The URL of a new dynamic policy in a new session."""
        session_id, template_id = await self.ready()
        answer = await self.create(policy(session_id, template_id, **members))
        assert answer.status == 201, answer.body
        return str(answer.headers["Location"])

    async def released(self) -> None:
        """Until nothing is enforced."""
        async with asyncio.timeout(WAIT_S):
            while self.control.installed:
                await self.af.get(f"{self.af.m5}/healthz")


def identifier(url: str) -> str:
    """The last part of a URL."""
    return url.rsplit("/", 1)[-1]


@pytest.fixture
def control() -> MemoryPolicyControl:
    return MemoryPolicyControl()


StartPolicies = Callable[..., Awaitable[Policies]]


@pytest.fixture
def start(start_af: Any, control: MemoryPolicyControl) -> StartPolicies:
    """Starts AFs over one database and one policy control."""

    async def starting(**settings: Any) -> Policies:
        return Policies(await start_af(policy_control=control, **settings), control)

    return starting


@pytest.fixture
async def policies(start: StartPolicies) -> Policies:
    return await start()


# Test modules cannot import from here, so the makers come as fixtures.


@pytest.fixture
def make_policy() -> Callable[..., dict[str, Any]]:
    return policy


@pytest.fixture
def make_template() -> Callable[..., dict[str, Any]]:
    return template


@pytest.fixture
def make_qos() -> Callable[..., dict[str, Any]]:
    return qos
