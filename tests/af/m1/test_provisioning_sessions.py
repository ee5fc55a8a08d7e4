from typing import Any

import pytest

from fivegms_api.content_protocols import DASH_IF_INGEST, HTTP_PULL_INGEST
from fivegms_api.locators import ISO_3166
from support.postgresql import on_both_databases

pytestmark = on_both_databases


async def test_a_session_is_created_and_shown(af: Any) -> None:
    document = {"provisioningSessionType": "DOWNLINK", "appId": "app", "aspId": "asp"}
    created = await af.send("POST", f"{af.m1}/provisioning-sessions", document)
    assert created.status == 201
    location = created.headers["Location"]
    assert location.startswith(f"{af.m1}/provisioning-sessions/")
    shown = await af.get(location)
    session_id = location.rsplit("/", 1)[-1]
    assert shown.status == 200
    assert shown.json == document | {"provisioningSessionId": session_id} == created.json
    assert shown.headers["ETag"] == created.headers["ETag"]
    assert shown.headers["Last-Modified"] == "Mon, 23 Nov 2026 12:00:00 GMT"
    assert shown.headers["Cache-Control"] == "max-age=60"
    assert shown.headers["Content-Type"] == "application/json"


async def test_templates_are_listed_in_the_order_they_came(af: Any) -> None:
    session = await af.session()
    assert "contentPreparationTemplateIds" not in (await af.get(session)).json
    before = (await af.get(session)).headers["ETag"]
    templates = [await af.template(session, manifest=f"{number}.mpd") for number in range(3)]
    ids = [template.rsplit("/", 1)[-1] for template in templates]
    shown = await af.get(session)
    assert shown.json["contentPreparationTemplateIds"] == ids
    assert shown.headers["ETag"] != before


async def test_a_get_with_a_content_type_is_fine(af: Any) -> None:
    session = await af.session()
    assert (await af.get(session, Content_Type="application/json")).status == 200


@pytest.mark.parametrize(
    ("document", "faults"),
    [
        ({}, {"/provisioningSessionType", "/appId"}),
        ({"provisioningSessionType": "SIDELINK", "appId": "a"}, {"/provisioningSessionType"}),
        ({"provisioningSessionType": "DOWNLINK", "appId": "a", "externalApplicationId": "x"},
         {"/externalApplicationId"}),
        ({"provisioningSessionType": "DOWNLINK", "appId": "a", "provisioningSessionId": "mine"},
         {"/provisioningSessionId"}),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_named(af: Any, document: Any, faults: set[str]) -> None:
    refused = await af.send("POST", f"{af.m1}/provisioning-sessions", document)
    assert refused.status == 400
    assert refused.problem == "members-refused"
    assert set(refused.faults) == faults


async def test_an_uplink_session_hosts_nothing_and_has_everything_else(af: Any) -> None:
    document = {"provisioningSessionType": "UPLINK", "appId": "a"}
    created = await af.send("POST", f"{af.m1}/provisioning-sessions", document)
    assert created.status == 201
    session = created.headers["Location"]
    assert (await af.get(session)).json["provisioningSessionType"] == "UPLINK"
    assert (await af.get(f"{session}/protocols")).json == {}
    refused = await af.send("POST", f"{session}/content-hosting-configuration", {})
    assert (refused.status, refused.problem) == (409, "not-for-uplink")
    assert (await af.get(f"{session}/content-hosting-configuration")).status == 404
    assert await af.template(session)
    assert (await af.request("POST", f"{session}/certificates")).status == 200
    information = await af.get(f"{af.m5}/3gpp-m5/v2/service-access-information/{session[-36:]}")
    assert information.json["provisioningSessionType"] == "UPLINK"
    assert "streamingAccess" not in information.json


async def test_two_sessions_may_say_the_same(af: Any) -> None:
    assert await af.session() != await af.session()


async def test_deleting_a_session_deletes_everything_below(af: Any) -> None:
    session, template = await af.published_model()
    assert (await af.delete(session)).status == 204
    for url in (session, template, f"{session}/content-hosting-configuration"):
        gone = await af.get(url)
        assert gone.status == 404
        assert gone.problem == "unknown-provisioning-session"
    assert (await af.delete(session)).status == 404
    assert af.server.hostings == {}
    assert af.server.templates == {}


async def test_a_session_is_deleted_only_in_the_state_that_was_seen(af: Any) -> None:
    session = await af.session()
    seen = (await af.get(session)).headers["ETag"]
    await af.template(session)
    refused = await af.delete(session, If_Match=seen)
    assert refused.status == 412
    assert set(refused.faults) == {"header If-Match"}
    now = (await af.get(session)).headers["ETag"]
    assert (await af.delete(session, If_Match=now)).status == 204


async def test_protocols_say_how_content_gets_in_as_far_as_the_as_has_said(
    af: Any, server: Any
) -> None:
    answer = await af.get(f"{await af.session()}/protocols")
    assert answer.status == 200
    terms = [protocol["termIdentifier"] for protocol in answer.json["downlinkIngestProtocols"]]
    assert terms == [DASH_IF_INGEST, HTTP_PULL_INGEST]
    assert answer.json["geoFencingLocatorTypes"] == [ISO_3166]


async def test_an_as_that_has_said_nothing_is_pushed_to(start_af: Any, server: Any) -> None:
    server.stop()
    af = await start_af()
    answer = await af.get(f"{await af.session()}/protocols")
    terms = [protocol["termIdentifier"] for protocol in answer.json["downlinkIngestProtocols"]]
    assert terms == [DASH_IF_INGEST]
    assert "geoFencingLocatorTypes" not in answer.json


@pytest.mark.parametrize("odd", ["unknown", "%00", "..%2f", "a" * 300, "%F0%9F%8E%A5"])
async def test_a_session_that_is_not_there(af: Any, odd: str) -> None:
    for path in ("", "/protocols", "/content-hosting-configuration", "/certificates/c"):
        answer = await af.get(f"{af.m1}/provisioning-sessions/{odd}{path}")
        assert answer.status == 404
        assert answer.problem in ("unknown-provisioning-session", "unknown-resource")
