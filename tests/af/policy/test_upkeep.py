"""What a crash leaves between any two steps is put right, and what others do meanwhile is seen."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from itertools import count
from typing import Any

import pytest

from fivegms_af.errors import ChangedMeanwhile, MembersRefused
from fivegms_af.policy.control import Granted, PolicyFlow
from fivegms_af.policy.dynamic_policies import DynamicPolicies
from fivegms_af.policy.errors import DynamicPolicyUnknown, PolicyControlUnavailable
from fivegms_af.policy.memory_control import MemoryPolicyControl
from fivegms_af.policy.network_assistance import NetworkAssistance
from fivegms_af.policy.requests import Asker
from fivegms_af.policy.session_handling import LEASE
from fivegms_af.policy.templates import is_ready, new_status
from fivegms_af.policy.upkeep import PolicyUpkeep
from fivegms_af.provisioned import Document, DocumentKind, Session
from fivegms_af.store.database import Database
from fivegms_af.store.provisioning_store import ProvisioningStore
from fivegms_af.store.session_handling_store import SessionHandlingStore
from fivegms_api.common_data import ProvisioningSessionType
from fivegms_api.dynamic_policies import DynamicPolicy
from fivegms_api.network_assistance import NetworkAssistanceSession
from fivegms_api.policy_templates import PolicyTemplate
from support.postgresql import on_both_databases

pytestmark = [pytest.mark.requirement("R100"), on_both_databases]

FLOWS = [{"flowDescription": {"direction": "DOWNLINK", "dstIp": "10.0.0.7"}}]


class Killed(BaseException):
    """The process ends here; nothing of it runs any more."""


class Mortal(MemoryPolicyControl):
    """Calls `before` and `after` around whatever it enforces."""

    def __init__(self) -> None:
        super().__init__()
        self.before: Callable[[], Any] = lambda: None
        self.after: Callable[[], Any] = lambda: None
        self.unreleasable: set[str] = set()

    async def release(self, reference: str) -> None:
        if reference in self.unreleasable:
            raise PolicyControlUnavailable("status 500", may_have_acted=True)
        await super().release(reference)

    async def install(self, flow: PolicyFlow) -> Granted:
        return await self._around(super().install(flow))

    async def update(self, reference: str, flow: PolicyFlow) -> Granted:
        return await self._around(super().update(reference, flow))

    async def _around(self, work: Any) -> Granted:
        try:
            await call(self.before)
        except Killed:
            work.close()
            raise
        granted: Granted = await work
        await call(self.after)
        return granted

    def heal(self) -> None:
        self.before = self.after = lambda: None


async def call(what: Callable[[], Any]) -> None:
    outcome = what()
    if outcome is not None:
        await outcome


def die() -> None:
    raise Killed


class World:
    """A database, a control, and the parts of one AF over them."""

    def __init__(self, database: Database) -> None:
        self.time = datetime(2026, 11, 23, 12, tzinfo=UTC)
        self.control = Mortal()
        self.sessions = ProvisioningStore(database)
        self.resources = SessionHandlingStore(database)
        self.asker = Asker(ip_address("10.0.0.7"), self.control.sdf_methods)
        self._ids = (f"id-{number}" for number in count(1))
        self.restart()

    def now(self) -> datetime:
        return self.time

    def restart(self) -> None:
        """As after a crash: nothing is in memory."""
        self.control.heal()
        self.upkeep = PolicyUpkeep(self.sessions, self.resources, self.control, self.now)
        parts = (self.resources, self.control, self.upkeep, self.now)
        self.policies = DynamicPolicies(*parts)
        self.assistance = NetworkAssistance(*parts)

    async def begin(self) -> None:
        """A session and a READY template."""
        session = Session("s", ProvisioningSessionType.DOWNLINK, "app", None, self.time, 1)
        await self.sessions.create(session)
        await self.put_template(maxBtrDl="20 Mbps")
        await self.upkeep.attempt()
        assert is_ready((await self.session()).documents[0])

    async def put_template(self, **qos: str) -> None:
        document = {"externalReference": "hd", "qoSSpecification": qos}
        body = PolicyTemplate.model_validate(document).to_json()
        status = new_status().to_json()
        await self.sessions.put_document(
            await self.session(),
            Document("t", DocumentKind.POLICY_TEMPLATE, body, self.time, status),
        )

    async def session(self) -> Session:
        return await self.sessions.session("s")

    def wanted(self, **members: Any) -> DynamicPolicy:
        return DynamicPolicy.model_validate(
            {
                "provisioningSessionId": "s",
                "policyTemplateId": "t",
                "serviceDataFlowDescriptions": FLOWS,
            }
            | members
        )

    async def create(self) -> str:
        created = await self.policies.create(
            await self.session(), self.wanted(), self.asker, next(self._ids)
        )
        return created.id

    async def change(self, policy_id: str, media_type: str) -> None:
        await self.policies.change(
            await self.policies.find(policy_id),
            await self.session(),
            self.wanted(mediaType=media_type),
            self.asker,
        )

    async def assist(self) -> str:
        wanted = NetworkAssistanceSession.model_validate(
            {
                "provisioningSessionId": "s",
                "policyTemplateId": "t",
                "serviceDataFlowDescriptions": FLOWS,
            }
        )
        session = await self.session()
        made = await self.assistance.create(session, wanted, self.asker, next(self._ids))
        return made.id

    async def later(self) -> None:
        """An AF that starts after the lease of whatever was under way."""
        self.restart()
        self.time += LEASE
        await self.upkeep.attempt()

    @property
    def enforced(self) -> list[PolicyFlow]:
        return list(self.control.installed.values())


@pytest.fixture
async def world(database_url: str, tmp_path: Any) -> AsyncIterator[World]:
    database = Database(database_url)
    await database.open()
    world = World(database)
    await world.begin()
    yield world
    await database.close()


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_a_policy_that_nobody_was_told_of_is_gone(world: World, moment: str) -> None:
    setattr(world.control, moment, die)
    with pytest.raises(Killed):
        await world.create()
    assert len(await world.resources.resources()) == 1
    with pytest.raises(DynamicPolicyUnknown):
        await world.policies.find("id-1")
    await world.later()
    assert await world.resources.resources() == ()
    assert world.enforced == []


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_a_change_that_nobody_was_told_of_is_undone(world: World, moment: str) -> None:
    policy_id = await world.create()
    setattr(world.control, moment, die)
    with pytest.raises(Killed):
        await world.change(policy_id, "AUDIO")
    await world.later()
    (flow,) = world.enforced
    assert flow.media_type is None
    shown = world.policies.shown(await world.policies.find(policy_id))
    assert (shown.media_type, shown.enforcement_bit_rate) == (None, 20_000_000)


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_a_boost_that_nobody_was_told_of_is_over(world: World, moment: str) -> None:
    session_id = await world.assist()
    setattr(world.control, moment, die)
    with pytest.raises(Killed):
        await world.assistance.boost(await world.assistance.find(session_id))
    await world.later()
    assert world.enforced == []
    again = await world.assistance.boost(await world.assistance.find(session_id))
    assert again.success


async def test_an_end_before_the_control_is_asked_is_finished(world: World) -> None:
    policy_id = await world.create()
    await world.resources.remove(await world.policies.find(policy_id), world.time)
    assert len(world.enforced) == 1
    world.restart()
    await world.upkeep.attempt()
    assert world.enforced == []
    assert await world.resources.releases() == ()


async def test_a_template_that_left_ready_before_a_crash_still_ends_its_policies(
    world: World,
) -> None:
    await world.create()
    await world.put_template(maxBtrDl="5 Gbps")
    world.restart()
    await world.upkeep.attempt()
    assert world.enforced == []
    assert await world.resources.resources() == ()


async def test_other_terms_end_what_was_made_on_the_old_ones(world: World) -> None:
    await world.create()
    await world.put_template(maxBtrDl="20 Mbps")
    await world.upkeep.changed("s", 0)
    await world.upkeep.attempt()
    assert len(world.enforced) == 1
    await world.put_template(maxBtrDl="10 Mbps")
    await world.upkeep.changed("s", 0)
    await world.upkeep.attempt()
    assert is_ready((await world.session()).documents[0])
    assert world.enforced == []
    assert await world.resources.resources() == ()


async def test_a_template_that_was_refused_is_judged_again_at_the_start(world: World) -> None:
    world.control.limit_bps = 1
    world.restart()
    await world.upkeep.attempt()
    assert not is_ready((await world.session()).documents[0])
    world.control.limit_bps = 10**9
    world.restart()
    await world.upkeep.attempt()
    assert is_ready((await world.session()).documents[0])


async def test_what_cannot_be_released_keeps_nothing_else_waiting(world: World) -> None:
    world.control.unreleasable = {"memory:1"}
    stuck, other = await world.create(), await world.create()
    for policy_id in (stuck, other):
        await world.resources.remove(await world.policies.find(policy_id), world.time)
        world.time += timedelta(seconds=1)
    await world.upkeep.attempt()
    await world.upkeep.attempt()
    assert [flow.id for flow in world.enforced] == [stuck]
    world.control.unreleasable = set()
    await world.upkeep.attempt()
    assert world.enforced == []


async def test_a_policy_is_not_made_on_a_template_that_changes_meanwhile(world: World) -> None:
    async def change() -> None:
        await world.put_template(maxBtrDl="5 Gbps")

    world.control.after = change
    with pytest.raises(ChangedMeanwhile):
        await world.create()
    await world.upkeep.attempt()
    assert world.enforced == []
    assert await world.resources.resources() == ()
    with pytest.raises(MembersRefused, match=r"is (INVALID|PENDING)"):
        await world.create()


async def test_a_session_that_goes_while_a_policy_is_made_leaves_nothing(world: World) -> None:
    async def delete() -> None:
        await world.sessions.delete(await world.session(), world.time)

    world.control.after = delete
    with pytest.raises(ChangedMeanwhile):
        await world.create()
    await world.upkeep.attempt()
    assert world.enforced == []


async def test_a_policy_that_goes_while_it_is_changed_leaves_nothing(world: World) -> None:
    policy_id = await world.create()

    async def remove() -> None:
        await world.policies.store.remove(await world.policies.find(policy_id), world.time)

    world.control.before = remove
    with pytest.raises(ChangedMeanwhile):
        await world.change(policy_id, "AUDIO")
    await world.upkeep.attempt()
    assert world.enforced == []


async def test_a_change_waits_for_another_under_way(world: World) -> None:
    policy_id = await world.create()
    current = await world.policies.find(policy_id)
    await world.resources.update(replace(current, status=None, modified=world.time))
    with pytest.raises(ChangedMeanwhile):
        await world.change(policy_id, "AUDIO")
    world.time += LEASE
    await world.change(policy_id, "AUDIO")
    (flow,) = world.enforced
    assert flow.media_type == "AUDIO"


async def test_what_is_under_way_is_left_alone_for_its_lease(world: World) -> None:
    world.control.after = die
    with pytest.raises(Killed):
        await world.create()
    world.restart()
    world.time += LEASE - timedelta(seconds=1)
    await world.upkeep.attempt()
    assert len(world.enforced) == 1
    world.time += timedelta(seconds=1)
    await world.upkeep.attempt()
    assert world.enforced == []


async def test_a_policy_that_the_network_takes_back_after_a_crash_ends(world: World) -> None:
    policy_id = await world.create()
    world.control.before = die
    with pytest.raises(Killed):
        await world.change(policy_id, "AUDIO")
    world.control.refusal = "not any more"
    await world.later()
    assert await world.resources.resources() == ()
    assert world.enforced == []


async def test_it_rests_until_something_is_due(world: World) -> None:
    pauses: list[float] = []

    async def wait(_event: Any, pause_s: float) -> None:
        pauses.append(pause_s)

    upkeep = PolicyUpkeep(world.sessions, world.resources, world.control, world.now, wait)
    session_id = await world.assist()
    await world.assistance.boost(await world.assistance.find(session_id))
    await upkeep.attempt()
    await upkeep.rest()
    world.control.down = True
    world.time += timedelta(seconds=30)
    await upkeep.attempt()
    await upkeep.rest()
    await upkeep.attempt()
    await upkeep.rest()
    world.control.down = False
    await upkeep.attempt()
    await upkeep.rest()
    assert pauses == [30.0, 0.5, 1.0, 60.0]
    assert world.enforced == []
