"""Network assistance on M5: what the network can do now, and boosts that end."""

from typing import Any

import pytest

from fivegms_af.policy.control import NetworkState

pytestmark = pytest.mark.requirement("R007b", "R007e", "R100")


def assistance(document: dict[str, Any], **members: Any) -> dict[str, Any]:
    """A network assistance session for the flows of a dynamic policy."""
    kept = ("provisioningSessionId", "policyTemplateId", "serviceDataFlowDescriptions")
    return {name: document[name] for name in kept} | members


async def begin(policies: Any, make_policy: Any, **members: Any) -> str:
    """The URL of a new session."""
    document = make_policy(*await policies.ready())
    url = f"{policies.m5}/network-assistance/"
    answer = await policies.af.send("POST", url, assistance(document, **members))
    assert answer.status == 201, answer.body
    assert answer.headers["Location"].startswith(url)
    return str(answer.headers["Location"])


async def test_a_recommendation_is_the_less_of_wish_and_network(
    policies: Any, make_policy: Any, make_qos: Any
) -> None:
    url = await begin(policies, make_policy, requestedQoS=make_qos("10 Mbps", "5 Mbps"))
    policies.control.state = NetworkState(8_000_000, 50_000_000, 12.4)
    answer = await policies.af.get(f"{url}/recommendation")
    assert answer.json == {
        "marBwDlBitRate": "8 Mbps",
        "marBwUlBitRate": "5 Mbps",
        "mirBwDlBitRate": "1 Mbps",
        "mirBwUlBitRate": "0 bps",
        "desLatency": 12,
    }
    shown = (await policies.af.get(url)).json
    assert shown["recommendedQoS"]["marBwDlBitRate"] == "10 Mbps"
    assert shown["naSessionId"] in url


async def test_the_slash_of_the_path_may_be_left_out(policies: Any, make_policy: Any) -> None:
    document = assistance(make_policy(*await policies.ready()))
    url = f"{policies.m5}/network-assistance"
    answer = await policies.af.send("POST", url, document)
    assert answer.status == 201
    assert "M5_NetworkAssistance" in answer.headers["Server"]
    assert (await policies.af.get(answer.headers["Location"])).status == 200


async def test_a_session_is_changed_and_ended(
    policies: Any, make_policy: Any, make_qos: Any
) -> None:
    url = await begin(policies, make_policy)
    shown = await policies.af.get(url)
    patch = {"requestedQoS": make_qos("2 Mbps", "1 Mbps")}
    patched = await policies.af.send("PATCH", url, patch, "application/merge-patch+json")
    assert patched.json["recommendedQoS"]["marBwDlBitRate"] == "2 Mbps"
    stale = await policies.af.delete(url, If_Match=shown.headers["ETag"])
    assert stale.status == 412
    assert (await policies.af.send("PUT", url, patched.json)).status == 204
    assert (await policies.af.delete(url)).status == 204
    assert (await policies.af.get(url)).problem == "unknown-network-assistance-session"


async def test_a_boost_ends_by_itself_and_the_next_has_to_wait(
    policies: Any, make_policy: Any
) -> None:
    url = await begin(policies, make_policy)
    boosted = await policies.af.request("POST", f"{url}/boost-request")
    assert boosted.json == {"success": True}
    (flow,) = policies.control.installed.values()
    assert flow.demand.downlink_most_bps == 20_000_000
    policies.af.clock.advance(31)
    await policies.af.policy.upkeep.attempt()
    assert policies.control.installed == {}
    early = await policies.af.request("POST", f"{url}/boost-request")
    assert early.json["success"] is False
    assert "at the earliest" in early.json["reason"]
    policies.af.clock.advance(60)
    again = await policies.af.request("POST", f"{url}/boost-request")
    assert again.json == {"success": True}


async def test_a_boost_ends_with_its_session(policies: Any, make_policy: Any) -> None:
    url = await begin(policies, make_policy)
    await policies.af.request("POST", f"{url}/boost-request")
    await policies.af.delete(url)
    await policies.released()


async def test_a_refused_boost_says_why(policies: Any, make_policy: Any) -> None:
    url = await begin(policies, make_policy)
    policies.control.refusal = "the cell is full"
    answer = await policies.af.request("POST", f"{url}/boost-request")
    assert (answer.status, answer.json) == (200, {"success": False, "reason": "the cell is full"})
    policies.control.refusal = None
    again = await policies.af.request("POST", f"{url}/boost-request")
    assert again.json == {"success": True}


async def test_a_boost_whose_answer_is_lost_is_undone(policies: Any, make_policy: Any) -> None:
    url = await begin(policies, make_policy)
    policies.control.acts_before_falling = True
    answer = await policies.af.request("POST", f"{url}/boost-request")
    assert answer.json["success"] is False
    policies.control.acts_before_falling = False
    await policies.released()


async def test_without_a_template_there_is_no_boost(
    policies: Any, make_policy: Any, make_qos: Any
) -> None:
    members = {"policyTemplateId": None, "requestedQoS": make_qos("2 Mbps", "1 Mbps")}
    document = assistance(make_policy(*await policies.ready()), **members)
    del document["policyTemplateId"]
    created = await policies.af.send("POST", f"{policies.m5}/network-assistance/", document)
    url = created.headers["Location"]
    answer = await policies.af.request("POST", f"{url}/boost-request")
    assert "policyTemplateId" in answer.json["reason"]


async def test_without_any_wish_an_unknown_network_cannot_recommend(
    policies: Any, make_policy: Any
) -> None:
    policies.control.state = NetworkState()
    document = assistance(make_policy(*await policies.ready()))
    del document["policyTemplateId"]
    answer = await policies.af.send("POST", f"{policies.m5}/network-assistance/", document)
    assert (answer.status, answer.problem) == (503, "network-state-unknown")


async def test_notifications_to_a_ue_are_refused_by_name(policies: Any, make_policy: Any) -> None:
    document = assistance(
        make_policy(*await policies.ready()), notficationURL="http://ue.example/n"
    )
    answer = await policies.af.send("POST", f"{policies.m5}/network-assistance/", document)
    assert list(answer.faults) == ["/notficationURL"]


async def test_what_is_assigned_cannot_be_chosen(
    policies: Any, make_policy: Any, make_qos: Any
) -> None:
    document = assistance(
        make_policy(*await policies.ready()), recommendedQoS=make_qos("2 Mbps", "1 Mbps")
    )
    answer = await policies.af.send("POST", f"{policies.m5}/network-assistance/", document)
    assert list(answer.faults) == ["/recommendedQoS"]
