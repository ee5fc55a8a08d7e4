"""M1_ProvisioningSessions and M1_ContentProtocolsDiscovery against their YAML."""

from typing import Any

import pytest


@pytest.mark.requirement("R097")
@pytest.mark.shows("createProvisioningSession", 201, 400, 413, 415)
@pytest.mark.shows("getProvisioningSessionById", 200, 304, 404)
@pytest.mark.shows("destroyProvisioningSession", 204, 404, 412)
async def test_a_session_from_creation_to_destruction(start_af: Any) -> None:
    af = await start_af(max_body_bytes=2000)
    sessions = f"{af.m1}/provisioning-sessions"
    url = await af.session()
    seen = await af.get(url)
    assert (await af.get(url, If_None_Match=seen.headers["ETag"])).status == 304
    assert (await af.delete(url, If_Match='"another"')).status == 412
    assert (await af.delete(url)).status == 204
    assert (await af.get(url)).status == 404
    assert (await af.delete(url)).status == 404
    refused = await af.send("POST", sessions, {"provisioningSessionType": "SIDELINK", "appId": "a"})
    assert set(refused.faults) == {"/provisioningSessionType"}
    assert (await af.send("POST", sessions, b"<a/>", "application/xml")).status == 415
    assert (await af.send("POST", sessions, b" " * 2001)).status == 413


@pytest.mark.shows("createProvisioningSession", 201)
@pytest.mark.shows("getProvisioningSessionById", 200)
async def test_an_uplink_session(af: Any) -> None:
    body = {"provisioningSessionType": "UPLINK", "appId": "app"}
    created = await af.send("POST", f"{af.m1}/provisioning-sessions", body)
    assert created.status == 201
    assert (await af.get(created.headers["Location"])).json == created.json


@pytest.mark.shows("retrieveContentProtocols", 200, 404)
async def test_protocols(af: Any) -> None:
    session = await af.session()
    assert (await af.get(f"{session}/protocols")).json["downlinkIngestProtocols"]
    assert (await af.get(f"{session}-not/protocols")).status == 404
