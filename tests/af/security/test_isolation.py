"""What belongs to one provider is not there for another: not to be seen, not to be touched."""

import re
from typing import Any

import pytest

from fivegms_af.m1.table import M1_ROUTES
from fivegms_af.m5.table import M5_ROUTES
from fivegms_af.routes import Route
from fivegms_af.security import scopes
from fivegms_api.ai_models import AiModel, AiModelState
from fivegms_api.content_protocols import DASH_IF_INGEST
from fivegms_api.model_preparation import MODEL_PREPARATION_MEDIA_TYPE

OF_A_SESSION = [
    route for route in (*M1_ROUTES, *M5_ROUTES) if "{provisioningSessionId}" in route.path
]
UNKNOWN = "11111111-2222-3333-4444-555555555555"


def hosting(template: str) -> dict[str, Any]:
    entry_point = {"relativePath": "model.mpd", "contentType": "application/dash+xml"}
    distribution = {"contentPreparationTemplateId": template, "entryPoint": entry_point}
    return {
        "name": "n",
        "ingestConfiguration": {"pull": False, "protocol": DASH_IF_INGEST},
        "distributionConfigurations": [distribution],
    }


def url(secured: Any, route: Route, session_id: str) -> str:
    path = route.path.replace("{provisioningSessionId}", session_id)
    return secured.root(route.api.base_path) + re.sub(r"\{[^{}]+\}", "x1", path)


@pytest.mark.requirement("R008b")
async def test_another_provider_s_session_is_an_unknown_one(secured: Any) -> None:
    session = await secured.session(secured.token())
    session_id = session.rsplit("/", 1)[-1]
    for route in OF_A_SESSION:
        other = secured.token(asp_id="other", scope=scopes.umbrellas(route.api)[0])
        theirs, none = [
            await secured.request(route.method, url(secured, route, one), other)
            for one in (session_id, UNKNOWN)
        ]
        assert (theirs.status, none.status) == (404, 404), route.path
        assert theirs.problem == "unknown-provisioning-session"
        assert theirs.body.replace(session_id.encode(), UNKNOWN.encode()) == none.body
        assert set(theirs.headers) == set(none.headers)
    assert (await secured.request("GET", session, secured.token())).status == 200


async def test_a_session_is_its_token_s(secured: Any) -> None:
    for members in ({}, {"aspId": "acme"}):
        session = await secured.session(secured.token(), **members)
        shown = await secured.request("GET", session, secured.token())
        assert shown.json["aspId"] == "acme"


@pytest.mark.parametrize(
    ("bound", "members", "param"),
    [
        ({"asp_id": "acme"}, {"aspId": "other"}, "/aspId"),
        ({"asp_id": "acme", "app_id": "other"}, {}, "/appId"),
        ({"asp_id": "acme", "provisioning_session_id": UNKNOWN}, {}, "/provisioningSessionId"),
    ],
)
async def test_no_session_is_made_for_others(
    secured: Any, bound: dict[str, str], members: dict[str, str], param: str
) -> None:
    document = {"provisioningSessionType": "DOWNLINK", "appId": "app"} | members
    refused = await secured.post(
        f"{secured.af.m1}/provisioning-sessions", secured.token(**bound), document
    )
    assert (refused.status, refused.problem) == (403, "owner-mismatch")
    assert list(refused.faults) == [param]


async def test_an_operator_sees_everything(secured: Any) -> None:
    session = await secured.session(secured.token())
    operator = secured.token(scope="fivegms-operator", asp_id=None)
    assert (await secured.request("GET", session, operator)).status == 200
    own = await secured.session(operator, aspId="other")
    assert (await secured.request("GET", own, operator)).json["aspId"] == "other"
    assert (await secured.request("DELETE", session, operator)).status == 204
    bound = secured.token(scope="fivegms-operator", asp_id="acme")
    assert (await secured.request("GET", own, bound)).status == 403


@pytest.mark.parametrize(
    ("bound", "status"),
    [
        ({"asp_id": None}, 200),
        ({"asp_id": None, "app_id": "app"}, 200),
        ({"asp_id": None, "app_id": "other"}, 404),
        ({"asp_id": "other"}, 404),
        ({"asp_id": None, "provisioning_session_id": UNKNOWN}, 404),
        ({"asp_id": None, "provisioning_session_id": ...}, 200),
    ],
    ids=str,
)
async def test_a_ue_may_be_bound(secured: Any, bound: dict[str, Any], status: int) -> None:
    session_id = (await secured.session(secured.token())).rsplit("/", 1)[-1]
    named = {name: session_id if value is ... else value for name, value in bound.items()}
    ue = secured.token(scope="3gpp-m5", **named)
    path = f"/service-access-information/{session_id}"
    assert (await secured.request("GET", secured.root("/3gpp-m5/v2") + path, ue)).status == status


async def test_a_ue_finds_models_of_its_provider_only(secured: Any) -> None:
    session, token = await secured.session(secured.token()), secured.token()
    body = {"model": {"name": "m", "task": "t"}, "source": "m.onnx"}
    templates = f"{session}/content-preparation-templates"
    made = await secured.post(templates, token, body, MODEL_PREPARATION_MEDIA_TYPE)
    template = made.headers["Location"].rsplit("/", 1)[-1]
    await secured.post(f"{session}/content-hosting-configuration", token, hosting(template))
    secured.af.server.published = [
        AiModel(
            name="m",
            version=1,
            task="t",
            provisioning_session_id=session.rsplit("/", 1)[-1],
            content_preparation_template_id=template,
            manifest="model.mpd",
            state=AiModelState.PUBLISHED,
        )
    ]
    models = f"{secured.root('/fivegms-m5-ai/v1')}/models"
    seen = {}
    for asp_id in ("acme", "other"):
        ue = secured.token(scope="3gpp-m5", asp_id=asp_id)
        seen[asp_id] = len((await secured.request("GET", models, ue)).json["aiModels"])
    assert seen == {"acme": 1, "other": 0}


async def test_event_data_are_for_those_that_may_read_them(secured: Any) -> None:
    session = await secured.session(secured.token())
    profile = f"{session}/event-data/e1/p1"
    third = secured.token(scope="fivegms-events", data_access_profile_ids=["p2"])
    assert (await secured.request("GET", profile, third)).problem == "scope-insufficient"
    third = secured.token(scope="fivegms-events", data_access_profile_ids=["p1"])
    assert (await secured.request("GET", profile, third)).status == 404
    assert (await secured.request("GET", session, third)).status == 403
    provider = secured.token()
    assert (await secured.request("GET", profile, provider)).status == 403


async def test_what_another_ue_asked_for_is_not_there(secured: Any) -> None:
    session_id = (await secured.session(secured.token())).rsplit("/", 1)[-1]
    sessions = f"{secured.root('/3gpp-m5/v2')}/network-assistance/"
    wanted = {"marBwDlBitRate": "4 Mbps", "marBwUlBitRate": "1 Mbps"}
    wanted |= {"mirBwDlBitRate": "1 Mbps", "mirBwUlBitRate": "0 bps"}
    flow = {"dstIp": "127.0.0.1", "srcIp": "10.0.0.1", "direction": "DOWNLINK"}
    document = {
        "provisioningSessionId": session_id,
        "requestedQoS": wanted,
        "serviceDataFlowDescriptions": [{"flowDescription": flow}],
    }
    own, other = (secured.token(scope="3gpp-m5", asp_id=one) for one in ("acme", "other"))
    assert (await secured.post(sessions, other, document)).status == 400
    made = await secured.post(sessions, own, document)
    assert made.status == 201, made.body
    there = made.headers["Location"]
    assert (await secured.request("GET", there, own)).status == 200
    theirs = await secured.request("GET", there, other)
    none = await secured.request("GET", sessions + UNKNOWN, other)
    assert (theirs.status, none.status) == (404, 404)
    made_id = there.rsplit("/", 1)[-1]
    assert theirs.body.replace(made_id.encode(), UNKNOWN.encode()) == none.body
    for method, path in (("DELETE", ""), ("GET", "/recommendation"), ("POST", "/boost-request")):
        assert (await secured.request(method, there + path, other)).status in (404, 405)
