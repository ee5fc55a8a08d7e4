"""Policy templates on M1: judged, refused, judged again, in and out of use."""

from typing import Any

import pytest

from fivegms_af.policy.templates import TemplateEvent

pytestmark = pytest.mark.requirement("R007d")


async def test_a_template_that_the_network_allows_is_ready(policies: Any) -> None:
    session = await policies.af.session()
    url = await policies.template(session)
    shown = (await policies.state(url, "READY")).json
    assert shown["stateReason"]["type"] == "urn:fivegms:policy-template:ready"
    assert shown["externalReference"] == "hd"
    assert url.endswith(shown["policyTemplateId"])


@pytest.mark.requirement("R007f")
async def test_a_template_that_the_network_never_grants_is_invalid(policies: Any) -> None:
    session = await policies.af.session()
    url = await policies.template(session, qoSSpecification={"maxBtrDl": "5 Gbps"})
    shown = (await policies.state(url, "INVALID")).json
    assert shown["stateReason"]["detail"] == "more than 1000000000 bit/s is never granted"


async def test_without_a_policy_control_every_template_is_invalid(
    af: Any, make_template: Any
) -> None:
    session = await af.session()
    answer = await af.send("POST", f"{session}/policy-templates", make_template())
    assert (answer.status, answer.json["state"]) == (201, "INVALID")
    assert answer.json["stateReason"]["detail"] == "this deployment has no policy control"


async def test_a_silent_network_leaves_it_pending_until_it_answers(policies: Any) -> None:
    policies.control.down = True
    url = await policies.template(await policies.af.session())
    pending = await policies.until(
        url, lambda answer: "does not answer" in answer.json["stateReason"].get("detail", "")
    )
    assert pending.json["state"] == "PENDING"
    policies.control.down = False
    await policies.state(url, "READY")


async def test_a_changed_template_is_judged_anew(policies: Any, make_template: Any) -> None:
    url = await policies.template(await policies.af.session())
    await policies.state(url, "READY")
    changed = {"qoSSpecification": {"maxBtrDl": "5 Gbps"}}
    patched = await policies.af.send("PATCH", url, changed, "application/merge-patch+json")
    assert patched.status == 200
    await policies.state(url, "INVALID")
    assert (await policies.af.send("PUT", url, make_template())).status == 204
    await policies.state(url, "READY")


async def test_policies_last_as_long_as_the_terms_of_their_template(
    policies: Any, make_policy: Any
) -> None:
    session_id, template_id = await policies.ready()
    url = f"{policies.af.m1}/provisioning-sessions/{session_id}/policy-templates/{template_id}"
    created = await policies.create(make_policy(session_id, template_id))
    policies.control.down = True
    merge_patch = "application/merge-patch+json"
    renamed = await policies.af.send("PATCH", url, {"externalReference": "uhd"}, merge_patch)
    assert (renamed.json["state"], renamed.json["externalReference"]) == ("READY", "uhd")
    assert (await policies.af.get(created.headers["Location"])).status == 200
    policies.control.down = False
    lowered = {"qoSSpecification": {"maxBtrDl": "1 Mbps"}}
    assert (await policies.af.send("PATCH", url, lowered, merge_patch)).status == 200
    await policies.state(url, "READY")
    await policies.released()
    assert (await policies.af.get(created.headers["Location"])).status == 404


async def test_what_the_af_says_of_it_may_be_sent_back_but_not_changed(policies: Any) -> None:
    url = await policies.template(await policies.af.session())
    shown = (await policies.state(url, "READY")).json
    assert (await policies.af.send("PUT", url, shown)).status == 204
    refused = await policies.af.send("PUT", url, shown | {"state": "SUSPENDED"})
    assert (refused.status, set(refused.faults)) == (400, {"/state"})


async def test_a_template_is_judged_again_when_the_af_starts(start: Any) -> None:
    first = await start()
    url = await first.template(await first.af.session())
    await first.state(url, "READY")
    path = url.removeprefix(first.af.m1)
    await first.af.stop()
    first.control.limit_bps = 1
    second = await start()
    await second.state(second.af.m1 + path, "INVALID")


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"qoSSpecification": {"maxBtrDl": "fast"}}, "/qoSSpecification/maxBtrDl"),
        (
            {"qoSSpecification": {"qosReference": "urn:fivegms:kpi:NONE"}},
            "/qoSSpecification/qosReference",
        ),
        (
            {"qoSSpecification": {"qosReference": "urn:fivegms:kpi:DL-IMG", "maxBtrDl": "1 Mbps"}},
            "/qoSSpecification/maxBtrDl",
        ),
        ({"chargingSpecification": {"gpsi": ["msisdn-1"]}}, "/chargingSpecification/gpsi"),
        (
            {"chargingSpecification": {"sponStatus": "SPONSOR_ENABLED"}},
            "/chargingSpecification/sponId",
        ),
        ({"applicationSessionContext": {"dnn": "a b"}}, "/applicationSessionContext/dnn"),
        (
            {"applicationSessionContext": {"sliceInfo": {"sst": 256}}},
            "/applicationSessionContext/sliceInfo/sst",
        ),
        ({"state": "READY"}, "/state"),
        ({"more": 1}, "/more"),
    ],
)
async def test_refusals_name_the_member(
    policies: Any, make_template: Any, members: dict[str, Any], param: str
) -> None:
    session = await policies.af.session()
    answer = await policies.af.send("POST", f"{session}/policy-templates", make_template(**members))
    assert answer.status == 400
    assert list(answer.faults) == [param]


@pytest.mark.requirement("R007f")
async def test_an_operator_takes_a_template_out_of_use_and_back(
    policies: Any, make_policy: Any
) -> None:
    session_id, template_id = await policies.ready()
    created = await policies.create(make_policy(session_id, template_id))
    url = f"{policies.af.m1}/provisioning-sessions/{session_id}/policy-templates/{template_id}"
    service = policies.af.policy
    await service.operate(template_id, TemplateEvent.SUSPENDED, 30.0)
    assert (await policies.state(url, "SUSPENDED")).json["stateReason"]["title"]
    await policies.released()
    assert (await policies.af.get(created.headers["Location"])).status == 404
    refused = await policies.create(make_policy(session_id, template_id))
    assert refused.faults["/policyTemplateId"].startswith("is SUSPENDED")
    renamed = await policies.af.send(
        "PATCH", url, {"externalReference": "b"}, "application/merge-patch+json"
    )
    assert renamed.json["state"] == "SUSPENDED"
    await service.operate(template_id, TemplateEvent.RESUMED, 30.0)
    await policies.state(url, "READY")


async def test_service_access_information_lists_what_is_ready(policies: Any) -> None:
    session_id, template_id = await policies.ready()
    url = f"{policies.m5}/service-access-information/{session_id}"
    sai = (await policies.af.get(url)).json
    invocation = sai["dynamicPolicyInvocationConfiguration"]
    assert invocation["policyTemplateBindings"] == [
        {"externalReference": "hd", "policyTemplateId": template_id}
    ]
    assert invocation["sdfMethods"] == ["2_TUPLE", "5_TUPLE"]
    assert sai["networkAssistanceConfiguration"]["serverAddresses"]
