"""Dynamic policies on M5: what is kept, and what the network enforces."""

from typing import Any

import pytest

pytestmark = pytest.mark.requirement("R100")


@pytest.mark.requirement("R007e", "R019")
async def test_a_policy_is_enforced_as_long_as_it_is_there(policies: Any) -> None:
    url = await policies.policy()
    (flow,) = policies.control.installed.values()
    assert (flow.demand.downlink_most_bps, flow.demand.uplink_most_bps) == (20_000_000, 5_000_000)
    assert str(flow.ue) == "127.0.0.1"
    shown = (await policies.af.get(url)).json
    assert shown["enforcementMethod"] == "memory"
    assert shown["enforcementBitRate"] == 20_000_000
    assert url.endswith(shown["dynamicPolicyId"])
    assert (await policies.af.delete(url)).status == 204
    assert policies.control.installed == {}
    assert (await policies.af.get(url)).problem == "unknown-dynamic-policy"


async def test_put_and_patch_change_what_is_enforced(policies: Any, make_qos: Any) -> None:
    url = await policies.policy()
    shown = await policies.af.get(url)
    wanted = shown.json | {"qosSpecification": make_qos("10 Mbps", "2 Mbps")}
    changed = await policies.af.send("PUT", url, wanted, If_Match=shown.headers["ETag"])
    assert changed.status == 204
    (flow,) = policies.control.installed.values()
    assert flow.demand.downlink_most_bps == 10_000_000
    patch = {"qosSpecification": {"marBwDlBitRate": "3 Mbps"}}
    patched = await policies.af.send("PATCH", url, patch, "application/merge-patch+json")
    assert (patched.status, patched.json["enforcementBitRate"]) == (200, 3_000_000)
    late = await policies.af.send("PUT", url, wanted, If_Match=shown.headers["ETag"])
    assert late.status == 412
    assert len(policies.control.installed) == 1


async def test_what_stays_with_a_policy_cannot_be_changed(policies: Any) -> None:
    url = await policies.policy()
    other_session, other_template = await policies.ready()
    shown = (await policies.af.get(url)).json
    moved = shown | {
        "provisioningSessionId": other_session,
        "policyTemplateId": other_template,
    }
    refused = await policies.af.send("PUT", url, moved)
    assert set(refused.faults) == {"/provisioningSessionId", "/policyTemplateId"}
    renamed = await policies.af.send("PUT", url, shown | {"dynamicPolicyId": "mine"})
    assert set(renamed.faults) == {"/dynamicPolicyId"}


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"provisioningSessionId": "none"}, "/provisioningSessionId"),
        ({"policyTemplateId": "none"}, "/policyTemplateId"),
        ({"enforcementMethod": "mine"}, "/enforcementMethod"),
        ({"enforcementBitRate": 1}, "/enforcementBitRate"),
        ({"serviceDataFlowDescriptions": []}, "/serviceDataFlowDescriptions"),
        ({"mediaType": "SMELL"}, "/mediaType"),
    ],
)
async def test_refusals_name_the_member(
    policies: Any, make_policy: Any, members: dict[str, Any], param: str
) -> None:
    document = make_policy(*await policies.ready()) | members
    answer = await policies.create(document)
    assert (answer.status, list(answer.faults)) == (400, [param])
    assert policies.control.installed == {}


async def test_more_than_the_template_allows_is_refused(
    policies: Any, make_policy: Any, make_qos: Any
) -> None:
    wanted = make_qos("21 Mbps", "6 Mbps", mirBwDlBitRate="22 Mbps")
    document = make_policy(*await policies.ready(), qosSpecification=wanted)
    answer = await policies.create(document)
    assert set(answer.faults) == {
        "/qosSpecification/marBwDlBitRate",
        "/qosSpecification/marBwUlBitRate",
        "/qosSpecification/mirBwDlBitRate",
    }
    assert "20 Mbps" in answer.faults["/qosSpecification/marBwDlBitRate"]


async def test_a_refusal_of_the_network_is_told_and_nothing_kept(
    policies: Any, make_policy: Any
) -> None:
    session_id, template_id = await policies.ready()
    policies.control.refusal = "the cell is full"
    answer = await policies.create(make_policy(session_id, template_id))
    assert (answer.status, answer.problem) == (403, "policy-refused")
    assert "the cell is full" in answer.json["detail"]
    assert await policies.af.policy.resources.resources() == ()


async def test_a_refused_change_leaves_what_was_in_force(policies: Any, make_qos: Any) -> None:
    url = await policies.policy()
    before = await policies.af.get(url)
    policies.control.refusal = "the cell is full"
    patch = {"qosSpecification": make_qos("1 Mbps", "1 Mbps")}
    answer = await policies.af.send("PATCH", url, patch, "application/merge-patch+json")
    assert answer.status == 403
    after = await policies.af.get(url)
    assert after.json == before.json


async def test_a_silent_network_at_creation_is_503_and_nothing_kept(
    policies: Any, make_policy: Any
) -> None:
    session_id, template_id = await policies.ready()
    policies.control.down = True
    answer = await policies.create(make_policy(session_id, template_id))
    assert (answer.status, answer.problem) == (503, "policy-control-unavailable")
    assert answer.headers["Retry-After"]
    assert await policies.af.policy.resources.resources() == ()


async def test_a_lost_answer_at_creation_leaves_nothing_enforced(
    policies: Any, make_policy: Any
) -> None:
    session_id, template_id = await policies.ready()
    policies.control.acts_before_falling = True
    answer = await policies.create(make_policy(session_id, template_id))
    assert answer.status == 503
    assert len(policies.control.installed) == 1
    policies.control.acts_before_falling = False
    await policies.released()


async def test_what_cannot_be_released_now_is_released_later(policies: Any) -> None:
    url = await policies.policy()
    policies.control.down = True
    assert (await policies.af.delete(url)).status == 204
    assert (await policies.af.get(url)).status == 404
    assert len(policies.control.installed) == 1
    policies.control.down = False
    await policies.released()


async def test_policies_survive_a_restart(start: Any) -> None:
    first = await start()
    url = await first.policy()
    shown = await first.af.get(url)
    path = url.removeprefix(first.m5)
    await first.af.stop()
    second = await start()
    again = await second.af.get(second.m5 + path)
    assert (again.json, again.headers["ETag"]) == (shown.json, shown.headers["ETag"])
    assert (await second.af.delete(second.m5 + path)).status == 204
    await second.released()


@pytest.mark.parametrize("what", ["template", "session"])
async def test_policies_end_with_what_they_hang_on(
    policies: Any, make_policy: Any, what: str
) -> None:
    session_id, template_id = await policies.ready()
    answer = await policies.create(make_policy(session_id, template_id))
    url = f"{policies.af.m1}/provisioning-sessions/{session_id}"
    if what == "template":
        url += f"/policy-templates/{template_id}"
    assert (await policies.af.delete(url)).status == 204
    await policies.released()
    assert (await policies.af.get(answer.headers["Location"])).status == 404


async def test_a_session_that_goes_while_the_network_is_silent_is_released_later(
    policies: Any, make_policy: Any
) -> None:
    session_id, template_id = await policies.ready()
    await policies.create(make_policy(session_id, template_id))
    policies.control.down = True
    await policies.af.delete(f"{policies.af.m1}/provisioning-sessions/{session_id}")
    policies.control.down = False
    await policies.released()


async def test_without_a_policy_control_there_are_no_policies(af: Any, make_policy: Any) -> None:
    session = (await af.session()).rsplit("/", 1)[-1]
    url = f"{af.m5}/3gpp-m5/v2/dynamic-policies"
    answer = await af.send("POST", url, make_policy(session, "t"))
    assert (answer.status, answer.problem) == (503, "no-policy-control")
    assert (await af.get(f"{url}/x")).status == 503
