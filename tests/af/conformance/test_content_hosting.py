"""M1_ContentHostingProvisioning against its YAML."""

from typing import Any

import pytest

from fivegms_af.errors import ApplicationServerUnavailable

MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
FORM = "application/x-www-form-urlencoded"


@pytest.mark.shows("createContentHostingConfiguration", 201, 400, 404, 409, 415)
@pytest.mark.shows("retrieveContentHostingConfiguration", 200, 304, 404)
@pytest.mark.shows("updateContentHostingConfiguration", 204, 400, 404, 412, 415)
@pytest.mark.shows("patchContentHostingConfiguration", 200, 400, 404, 409, 412, 415)
@pytest.mark.shows("destroyContentHostingConfiguration", 204, 404, 412)
async def test_a_configuration_from_creation_to_destruction(af: Any) -> None:
    session, _ = await af.published_model()
    url = f"{session}/content-hosting-configuration"
    seen = await af.get(url)
    assert (await af.get(url, If_None_Match=seen.headers["ETag"])).status == 304
    assert (await af.send("POST", url, seen.json)).status == 409
    assert (await af.send("PUT", url, seen.json | {"name": "new"})).status == 204
    assert (await af.send("PATCH", url, {"name": "newer"}, MERGE_PATCH)).json["name"] == "newer"
    rename = [{"op": "replace", "path": "/name", "value": "newest"}]
    assert (await af.send("PATCH", url, rename, JSON_PATCH)).json["name"] == "newest"
    await _refused(af, url, seen.json)
    assert (await af.delete(url, If_Match='"another"')).status == 412
    assert (await af.delete(url)).status == 204
    await _unknown(af, url, seen.json)
    assert (await af.send("POST", f"{session}-not/{url.rsplit('/')[-1]}", seen.json)).status == 404
    assert (await af.send("POST", url, {"name": 1})).status == 400
    assert (await af.send("POST", url, b"a", "text/plain")).status == 415
    assert (await af.send("POST", url, seen.json)).status == 201


async def _refused(af: Any, url: str, body: Any) -> None:
    assert (await af.send("PUT", url, {"name": 1})).status == 400
    assert (await af.send("PUT", url, b"a", "text/plain")).status == 415
    assert (await af.send("PUT", url, body, If_Match='"another"')).status == 412
    assert (await af.send("PATCH", url, {"name": None}, MERGE_PATCH)).status == 400
    remove = [{"op": "remove", "path": "/nothing"}]
    assert (await af.send("PATCH", url, remove, JSON_PATCH)).status == 409
    assert (await af.send("PATCH", url, {}, MERGE_PATCH, If_Match='"another"')).status == 412
    assert (await af.send("PATCH", url, {})).status == 415


async def _unknown(af: Any, url: str, body: Any) -> None:
    assert (await af.get(url)).status == 404
    assert (await af.send("PUT", url, body)).status == 404
    assert (await af.send("PATCH", url, {}, MERGE_PATCH)).status == 404
    assert (await af.delete(url)).status == 404


@pytest.mark.shows("purgeContentHostingCache", 200, 204, 400, 404, 413, 415, 500, 503)
async def test_purge(start_af: Any) -> None:
    af = await start_af(max_body_bytes=4000)
    session, _ = await af.published_model()
    url = f"{session}/content-hosting-configuration/purge"
    af.server.purge_count = 2
    assert (await af.send("POST", url, b"pattern=a", FORM)).json == 2
    af.server.purge_count = 0
    assert (await af.send("POST", url, b"pattern=a", FORM)).status == 204
    refused = await af.send("POST", url, b"pattern=(", FORM)
    assert set(refused.faults) == {"pattern"}
    assert (await af.send("POST", url, b"pattern=" + b"a" * 4000, FORM)).status == 413
    assert (await af.send("POST", url, {})).status == 415
    assert (await af.send("POST", url.replace(session, f"{session}-not"), b"", FORM)).status == 404
    af.server.error = ApplicationServerUnavailable("gone")
    assert (await af.send("POST", url, b"", FORM)).status == 503
    af.server.error = RuntimeError("nobody foresaw this")
    assert (await af.send("POST", url, b"", FORM)).status == 500
